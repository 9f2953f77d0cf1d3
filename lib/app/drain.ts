import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

export interface DrainOptions {
  /** How long a kept connection may still bring a request; at least the clients' think time. */
  readonly lingerMs?: number
  /** What is still open by then is cut off. */
  readonly drainMaxMs?: number
}

const lookMs = 20
/** As long as an answer may still sit in buffers after it ended. */
const flushMs = 50

/** A session of HTTP/2: `close` lets its streams finish and takes no new ones. */
interface Session {
  close(): void
}

type HttpLike = Pick<HttpServer, 'closeIdleConnections' | 'closeAllConnections'>

interface Kept {
  /** Requests that have no whole answer yet. */
  open: number
  /** Left HTTP, as a WebSocket does: it ends when it ends. */
  raw: boolean
  /** Bytes read when the last request came in; more of them are a request under way. */
  seen: number
  sinceMs: number
}

/** What is known of a server's connections. */
class Track {
  readonly sockets = new Map<Socket, Kept>()
  readonly sessions = new Set<Session>()
  readonly answers = new Set<ServerResponse>()
  readonly #isHttp: boolean
  closing = false

  constructor(server: Server) {
    this.#isHttp = isHttp(server)
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection'
    server.prependListener(event, (socket: Socket) => {
      const [seen, sinceMs] = [socket.bytesRead, performance.now()]
      this.sockets.set(socket, { open: 0, raw: !this.#isHttp, seen, sinceMs })
      socket.once('close', () => this.sockets.delete(socket))
    })
    server.prependListener('session', (session: Session) => this.sessions.add(session))
    if (!this.#isHttp) return
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#take(request, response)
    })
    const left = (request: IncomingMessage): void => {
      const kept = this.sockets.get(request.socket)
      if (kept !== undefined) kept.raw = true
    }
    // Listening for these where nobody else does would change what Node does with them.
    for (const name of ['upgrade', 'connect']) {
      if (server.listenerCount(name) > 0) server.prependListener(name, left)
      else alsoAt(server, name, left)
    }
  }

  /** Whether it may be ended without anything being lost that the server knows of. */
  isIdle(socket: Socket, lingerMs: number): boolean {
    const kept = this.sockets.get(socket)
    if (kept === undefined || kept.raw || kept.open > 0) return false
    return socket.bytesRead <= kept.seen && performance.now() - kept.sinceMs >= lingerMs
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const kept = this.sockets.get(socket)
    if (kept === undefined) return
    kept.open++
    this.answers.add(response)
    const writeHead = response.writeHead.bind(response)
    const tell = (...args: unknown[]): ServerResponse => {
      // Only with the last answer: requests behind it on the same connection would be dropped.
      if (this.closing && kept.open === 1) response.setHeader('connection', 'close')
      return Reflect.apply(writeHead, response, args)
    }
    Object.assign(response, { writeHead: tell })
    response.once('close', () => {
      this.answers.delete(response)
      kept.open--
      kept.seen = socket.bytesRead
      kept.sinceMs = performance.now()
    })
  }
}

const tracks = new WeakMap<Server, Track>()

/**
 * Watches the connections of a server from here on, so that `drain` knows which of them wait for an
 * answer. Call it before the server listens; `Door` does.
 */
export function track(server: Server): void {
  if (!tracks.has(server)) tracks.set(server, new Track(server))
}

/**
 * Lets a server come to its end without losing a request: it takes no more connections, the last
 * answer on each says `Connection: close`, and a kept one without a request for `lingerMs` (1.5 s)
 * is ended. What does not end by itself, as a WebSocket or a long download, is cut off after
 * `drainMaxMs` (30 s). Resolves with the number of connections cut off.
 */
export async function drain(server: Server, options: DrainOptions = {}): Promise<number> {
  const { lingerMs = 1_500, drainMaxMs = 30_000 } = options
  const known = tracks.get(server)
  track(server)
  const found = tracks.get(server)
  if (found === undefined) return 0
  found.closing = true
  const begunMs = performance.now()
  if (server.listening) Server.prototype.close.call(server)
  for (const session of found.sessions) session.close()
  while ((await count(server)) > 0) {
    const goneMs = performance.now() - begunMs
    if (goneMs >= drainMaxMs) break
    // Of connections from before the tracking only Node knows whether they are idle.
    if (known === undefined && goneMs >= lingerMs && isHttp(server)) server.closeIdleConnections()
    if (goneMs >= lingerMs) endIdle(found, Math.min(lingerMs, drainMaxMs - goneMs))
    await pause(Math.min(lookMs, Math.max(1, drainMaxMs - goneMs)))
  }
  const left = await count(server)
  for (const socket of found.sockets.keys()) socket.destroy()
  if (isHttp(server)) server.closeAllConnections()
  return left
}

function endIdle(found: Track, lingerMs: number): void {
  for (const socket of found.sockets.keys()) {
    if (!found.isIdle(socket, Math.max(flushMs, lingerMs))) continue
    // One that does not answer to the end of the stream is not waited for.
    socket.end()
    socket.destroySoon()
  }
}

/** Servers of `node:https` are none of `node:http`, and have the same two functions. */
function isHttp(server: Server): server is Server & HttpLike {
  return 'closeIdleConnections' in server && 'closeAllConnections' in server
}

/** Listens too as soon as somebody else does. */
function alsoAt(server: Server, name: string, listener: (request: IncomingMessage) => void): void {
  let isAdded = false
  server.on('newListener', (added) => {
    if (isAdded || added !== name) return
    isAdded = true
    server.prependListener(name, listener)
  })
}

async function count(server: Server): Promise<number> {
  return await new Promise((resolve) => {
    server.getConnections((error, connections) => resolve(error === null ? connections : 0))
  })
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
