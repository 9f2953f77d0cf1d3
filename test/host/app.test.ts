import { once } from 'node:events'
import { Agent, createServer, get, type Server } from 'node:http'
import * as net from 'node:net'
import test, { type TestContext } from 'brittle'
import { Door, drain, ota, sockets, track, watchdog } from '../../lib/app/index.ts'
import { canBind, isRaw, rawOfServer } from '../../lib/host/launcher/raw.ts'
import { Sockets } from '../../lib/host/launcher/sockets.ts'
import { later } from './rig.ts'

interface Opened {
  readonly server: Server
  readonly port: number
}

async function listening(t: TestContext, answerMs: number): Promise<Opened> {
  const server = createServer((request, response) => {
    if (request.url === '/long') response.write('begun ')
    setTimeout(() => response.end('answer'), request.url === '/long' ? 600_000 : answerMs).unref()
  })
  track(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  const at = server.address()
  return { server, port: typeof at === 'object' && at !== null ? at.port : 0 }
}

async function ask(port: number, agent: Agent | false = false): Promise<string> {
  return await new Promise((resolve, reject) => {
    get({ port, agent, host: '127.0.0.1' }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve(`${response.headers.connection} ${body}`))
    }).on('error', reject)
  })
}

/** Sends bytes and gathers what comes back until the end. */
async function raw(port: number, text: string): Promise<{ socket: net.Socket; all: string[] }> {
  const socket = net.connect(port, '127.0.0.1')
  const all: string[] = []
  socket.setEncoding('latin1').on('data', (part: string) => all.push(part))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(text)
  return { socket, all }
}

const plain = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'

test('this Node binds without accepting and shows the socket of a server', async (t) => {
  t.ok(canBind(), 'net._createServerHandle: without it apps need proxy mode')
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.ok(isRaw(rawOfServer(server)))
  server.close()
})

test('a held socket lets connections wait, and two of one address are refused', async (t) => {
  const held = new Sockets({})
  t.teardown(() => held.close())
  const address = await held.listen('http', 'localhost:0')
  t.is(await held.listen('http', '127.0.0.1:0'), address, 'twice is once')
  const port = Number(address.split(':').at(-1))
  const { socket } = await raw(port, plain)
  t.pass('connected, and nobody accepts')
  socket.destroy()
  await t.exception(new Sockets({}).listen('http', address), /EADDRINUSE/)
  held.unlisten('http')
  const [error] = await once(net.connect(port, '127.0.0.1'), 'error')
  t.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
})

test('an app that nobody supervises runs as it is', (t) => {
  const { send, supervised } = ota({ drain: () => t.fail('no verb comes') }, {})
  t.absent(supervised)
  send('READY', 1)
  watchdog(send, {})()
  t.is(sockets({ LISTEN_FDS: '1', LISTEN_PID: '1', LISTEN_FDNAMES: 'http' }).size, 0)
  const env = { LISTEN_FDS: '2', LISTEN_PID: String(process.pid), LISTEN_FDNAMES: 'a:b' }
  const found = sockets({ ...env, OTA_SPARE_FDS: '6,7,8,9' })
  t.alike(found.get('b'), { name: 'b', fd: 4, spares: [7, 9] })
})

test('a drain answers what is there, and tells the last one on each connection', async (t) => {
  const { server, port } = await listening(t, 150)
  const agent = new Agent({ keepAlive: true })
  const [kept, fresh] = [ask(port, agent), ask(port)]
  await later(50)
  const drained = drain(server, { lingerMs: 100, drainMaxMs: 5_000 })
  t.is(await kept, 'close answer')
  t.is(await fresh, 'close answer')
  t.is(await drained, 0)
})

test('pipelined requests are all answered before their connection ends', async (t) => {
  const { server, port } = await listening(t, 100)
  const { socket, all } = await raw(port, plain.repeat(3))
  await later(50)
  const drained = drain(server, { lingerMs: 100, drainMaxMs: 5_000 })
  await once(socket, 'close')
  t.is(all.join('').split('answer').length - 1, 3)
  t.is(await drained, 0)
})

test('idle connections end after the linger; slow ones wait for the end', async (t) => {
  const { server, port } = await listening(t, 1)
  const idle = await raw(port, plain)
  const silent = await raw(port, '')
  const slow = await raw(port, 'GET / HTTP/1.1\r\nhos')
  await later(100)
  const begun = performance.now()
  const drained = drain(server, { lingerMs: 300, drainMaxMs: 3_000 })
  // Within the linger a kept connection may still bring a request.
  await later(100)
  idle.socket.write(plain)
  await Promise.all([once(idle.socket, 'close'), once(silent.socket, 'close')])
  t.is(idle.all.join('').split('answer').length - 1, 2)
  t.ok(performance.now() - begun >= 290)
  slow.socket.write('t: x\r\n\r\n')
  await once(slow.socket, 'close')
  t.ok(slow.all.join('').includes('answer'), 'a request that was on its way is answered')
  t.is(await drained, 0)
})

test('a WebSocket and a long download stay to the bound, and are counted', async (t) => {
  const { server, port } = await listening(t, 1)
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
    socket.on('data', (bytes: Buffer) => socket.write(bytes))
  })
  const tunnel = await raw(port, 'GET / HTTP/1.1\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
  const long = await raw(port, 'GET /long HTTP/1.1\r\nhost: x\r\n\r\n')
  await later(100)
  const drained = drain(server, { lingerMs: 50, drainMaxMs: 500 })
  await later(300)
  tunnel.socket.write('still here')
  await later(50)
  t.ok(tunnel.all.join('').includes('still here'))
  t.is(await drained, 2)
  t.absent(server.listening)
  long.socket.destroy()
  tunnel.socket.destroy()
})

test('a door opens, shuts and opens again, and requests go on', async (t) => {
  const server = createServer((_request, response) => response.end('here'))
  const door = new Door(server, 'http', { port: 0, host: '127.0.0.1' })
  t.ok(await door.open())
  t.ok(await door.open(), 'twice is once')
  const at = server.address()
  const port = typeof at === 'object' && at !== null ? at.port : 0
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  t.ok((await ask(port, agent)).endsWith('here'))
  door.shut()
  t.ok((await ask(port, agent)).endsWith('here'), 'a kept connection goes on')
  await t.exception(ask(port), /ECONNREFUSED/)
  t.ok(await door.open())
  door.shut()
})
