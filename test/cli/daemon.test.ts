// An operator asks the daemon of a home, also of one that lies deep, or where none runs.
import { mkdir } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { ControlServer, type Controlled } from '../../lib/control/index.ts'
import { OtaError } from '../../lib/base/index.ts'
import { socketPath } from '../../lib/host/index.ts'

const bin = join(import.meta.dirname, '..', '..', 'bin', 'ota-node.js')

interface Answer {
  readonly exit: number | null
  readonly last: { readonly code: string | null; readonly data: Readonly<Record<string, unknown>> }
}

async function ask(home: string, ...words: readonly string[]): Promise<Answer> {
  const args = [bin, ...words, '--home', home, '--json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.on('data', (part) => (text += String(part)))
  const [exit] = (await once(child, 'close')) as [number | null]
  return { exit, last: JSON.parse(text.trim().split('\n').at(-1) ?? '') as Answer['last'] }
}

/** A daemon that says no to everything but `hold`. */
async function daemonAt(t: TestContext, home: string): Promise<string[]> {
  const heard: string[] = []
  const controlled: Controlled = {
    status: async () => await Promise.resolve({}),
    why: async () => await Promise.resolve({}),
    trust: async () => await Promise.resolve({}),
    onEvent: () => () => undefined,
    command: async (word, args) => {
      heard.push(`${word} ${args['release'] ?? ''}`.trim())
      if (word === 'hold') return await Promise.resolve({ changed: true, message: 'held' })
      throw new OtaError('PAUSED', 'release abcdefgh may not start here: paused by the signers')
    }
  }
  await mkdir(join(home, 'run'), { recursive: true })
  const server = new ControlServer(controlled, socketPath(join(home, 'run'), 'ctl.sock'))
  await server.ready()
  t.teardown(() => server.close())
  return heard
}

test('a word reaches the daemon of a home however deep it lies', async (t) => {
  const home = join(await t.tmp(), 'deep'.repeat(20), 'home'.repeat(20))
  const none = await ask(home, 'status')
  t.alike([none.exit, none.last.code], [75, 'NO_PEERS'], 'no daemon, no folder')
  const heard = await daemonAt(t, home)
  t.is((await ask(home, 'hold')).exit, 0)
  const refused = await ask(home, 'apply', 'abcdefgh')
  t.alike([refused.exit, refused.last.code], [17, 'PAUSED'], 'the code of the daemon is kept')
  t.alike(heard, ['hold', 'apply abcdefgh'])
})
