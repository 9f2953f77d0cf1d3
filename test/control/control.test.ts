// The local interface of a daemon over a real unix socket: who asks gets an answer or a coded
// error, never a hang-up without a word.
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { isOtaError, OtaError, socketLineBytesMax, type Facts } from '../../lib/base/index.ts'
import { callDaemon, ControlServer, type Call, type Controlled } from '../../lib/control/index.ts'

type Listener = (event: string, facts: Facts) => void

/** A node that remembers what it was asked. */
class FakeNode implements Controlled {
  readonly asked: unknown[] = []
  readonly listeners = new Set<Listener>()
  /** Called when a listener has left. */
  left: () => void = () => {}
  /** What the next answer is, or throws. */
  answer: () => object = () => ({ message: 'done' })

  status(): Promise<object> {
    return this.#reply(['status'])
  }

  why(release: string | null): Promise<object> {
    return this.#reply(['why', release])
  }

  trust(): Promise<object> {
    return this.#reply(['trust'])
  }

  command(word: string, args: Readonly<Record<string, string>>): Promise<object> {
    return this.#reply(['command', word, args])
  }

  onEvent(fn: Listener): () => void {
    this.listeners.add(fn)
    return () => {
      this.listeners.delete(fn)
      this.left()
    }
  }

  async #reply(asked: unknown): Promise<object> {
    this.asked.push(asked)
    return await Promise.resolve(this.answer())
  }
}

async function daemon(t: TestContext): Promise<{ node: FakeNode; socket: string }> {
  const socket = join(await t.tmp(), 'ctl.sock')
  const node = new FakeNode()
  const server = new ControlServer(node, socket)
  await server.ready()
  t.teardown(() => server.close())
  return { node, socket }
}

async function refusal(socket: string, call: Call): Promise<OtaError> {
  try {
    await callDaemon(socket, call)
  } catch (error) {
    if (isOtaError(error)) return error
    throw error
  }
  throw new Error('it was answered')
}

/** A request as any program might send it; the head of the answer has come. */
async function ask(
  socket: string,
  { method, path, body }: { method: string; path: string; body?: string }
): Promise<IncomingMessage> {
  const message = request({ socketPath: socket, method, path })
  message.end(body)
  const [response] = (await once(message, 'response')) as [IncomingMessage]
  return response.setEncoding('utf8')
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of response) text += String(part)
  return text
}

async function codeOf(response: IncomingMessage): Promise<unknown> {
  const { code } = JSON.parse(await textOf(response)) as { readonly code: unknown }
  return code
}

test('status, why and an operator’s word reach the node and come back as JSON', async (t) => {
  const { node, socket } = await daemon(t)
  node.answer = () => ({ state: 'idle', peers: 2 })
  t.alike(await callDaemon(socket, { method: 'GET', path: '/status' }), { state: 'idle', peers: 2 })
  await callDaemon(socket, { method: 'GET', path: '/trust' })
  await callDaemon(socket, { method: 'GET', path: '/why/' })
  await callDaemon(socket, { method: 'GET', path: '/why/gdear5yo' })
  await callDaemon(socket, { method: 'POST', path: '/command/hold' })
  const args = { release: 'gdear5yo', force: 'yes' }
  await callDaemon(socket, { method: 'POST', path: '/command/apply', args })
  t.alike(node.asked, [
    ['status'],
    ['trust'],
    ['why', null],
    ['why', 'gdear5yo'],
    ['command', 'hold', {}],
    ['command', 'apply', args]
  ])
})

test('long answers in any script arrive whole', async (t) => {
  const { node, socket } = await daemon(t)
  const label = 'größe ✓ 版本 '.repeat(20_000)
  node.answer = () => ({ label })
  t.alike(await callDaemon(socket, { method: 'GET', path: '/status' }), { label })
})

test('a refusal comes with its code, its sentence, its hint and its exit number', async (t) => {
  const { node, socket } = await daemon(t)
  node.answer = () => {
    throw new OtaError('ROLLBACK_REFUSED', 'the way is closed', { hint: 'see: ota-node status' })
  }
  const error = await refusal(socket, { method: 'POST', path: '/command/rollback' })
  t.alike([error.code, error.message], ['ROLLBACK_REFUSED', 'the way is closed'])
  t.alike([error.hint, error.exit], ['see: ota-node status', 14])
})

test('a fault of our own is told as one, and the daemon goes on answering', async (t) => {
  const { node, socket } = await daemon(t)
  node.answer = () => {
    throw new TypeError('x is not a function')
  }
  const error = await refusal(socket, { method: 'GET', path: '/status' })
  t.alike([error.code, error.message], ['INTERNAL', 'x is not a function'])
  node.answer = () => ({ fine: true })
  t.alike(await callDaemon(socket, { method: 'GET', path: '/status' }), { fine: true })
})

test('no daemon, or one that was killed, is NO_PEERS with the way to start one', async (t) => {
  const folder = await t.tmp()
  const left = join(folder, 'left.sock')
  await writeFile(left, '')
  for (const socket of [join(folder, 'none.sock'), left]) {
    const error = await refusal(socket, { method: 'GET', path: '/status' })
    t.is(error.code, 'NO_PEERS')
    t.ok(error.message.includes(socket))
    t.is(error.hint, 'start it with: ota-node run --home DIR')
  }
})

test('another method or another room is a misuse, and nothing is done', async (t) => {
  const { node, socket } = await daemon(t)
  const wrong = [
    ['GET', '/command/hold'],
    ['POST', '/status'],
    ['POST', '/trust'],
    ['POST', '/why/gdear5yo'],
    ['DELETE', '/status'],
    ['PUT', '/command/hold'],
    ['GET', '/'],
    ['GET', '/nothing'],
    ['GET', '/why/..'],
    ['GET', '/why/%E0%A4%A']
  ] as const
  for (const [method, path] of wrong) {
    const response = await ask(socket, { method, path })
    t.is(response.statusCode, 409)
    t.is(await codeOf(response), 'USAGE', `${method} ${path}`)
  }
  t.alike(node.asked, [])
})

test('a name is one name, whatever stands in it', async (t) => {
  const { node, socket } = await daemon(t)
  const name = 'a b/../status?x#y'
  await callDaemon(socket, { method: 'GET', path: `/why/${encodeURIComponent(name)}` })
  t.alike(node.asked, [['why', name]])
})

test('a command that is too long is refused by code, and read no further', async (t) => {
  const { node, socket } = await daemon(t)
  const fits = 'x'.repeat(socketLineBytesMax - 14)
  await callDaemon(socket, { method: 'POST', path: '/command/apply', args: { release: fits } })
  t.is(node.asked.length, 1)
  for (const release of [`${fits}x`, '✓'.repeat(socketLineBytesMax / 3), 'x'.repeat(1_000_000)]) {
    const call: Call = { method: 'POST', path: '/command/apply', args: { release } }
    t.is((await refusal(socket, call)).code, 'OVER_LIMIT')
  }
  t.is(node.asked.length, 1, 'nothing of it reached the node')
  await callDaemon(socket, { method: 'GET', path: '/status' })
})

test('the arguments of a command are texts; what is no JSON is a misuse', async (t) => {
  const { node, socket } = await daemon(t)
  const path = '/command/apply'
  const broken = await ask(socket, { method: 'POST', path, body: '{"release":' })
  t.is(await codeOf(broken), 'USAGE')
  for (const body of ['null', '7', '"text"', '{"release":7,"deep":{"a":"b"},"ok":"yes"}']) {
    await textOf(await ask(socket, { method: 'POST', path, body }))
  }
  t.alike(node.asked, [
    ['command', 'apply', {}],
    ['command', 'apply', {}],
    ['command', 'apply', {}],
    ['command', 'apply', { ok: 'yes' }]
  ])
})

test('events are told as they happen, to every reader, until the reader leaves', async (t) => {
  const { node, socket } = await daemon(t)
  const one = await ask(socket, { method: 'GET', path: '/events' })
  const two = await ask(socket, { method: 'GET', path: '/events' })
  t.is(one.headers['content-type'], 'text/event-stream')
  t.is(node.listeners.size, 2)
  const heard = [once(one, 'data'), once(two, 'data')]
  for (const fn of node.listeners) fn('halted', { release: 'gdear5yo', note: 'a\nb' })
  const expected = 'event: halted\ndata: {"release":"gdear5yo","note":"a\\nb"}\n\n'
  t.alike(await Promise.all(heard), [[expected], [expected]], 'a line end cannot forge an event')
  const [left] = [...node.listeners]
  const gone = new Promise<void>((resolve) => {
    node.left = resolve
  })
  one.destroy()
  await gone
  t.absent(node.listeners.has(left!))
  t.is(node.listeners.size, 1)
})

test('the socket is for its owner only, replaces one that was left, and closes', async (t) => {
  const socket = join(await t.tmp(), 'ctl.sock')
  await writeFile(socket, 'left by a daemon that was killed')
  const node = new FakeNode()
  const server = new ControlServer(node, socket)
  await server.ready()
  const { mode } = await stat(socket)
  t.is(mode & 0o777, 0o600)
  const events = await ask(socket, { method: 'GET', path: '/events' })
  const cut = new Promise<void>((resolve) => events.on('close', () => resolve()))
  events.on('error', () => undefined)
  await server.close()
  await server.close()
  await cut
  t.is(node.listeners.size, 0, 'nobody is told any more')
  t.is((await refusal(socket, { method: 'GET', path: '/status' })).code, 'NO_PEERS')
})
