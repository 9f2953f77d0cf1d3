import { createServer, type Server } from 'node:net'
import { Link, type Target } from './link.ts'
import { rawOfServer, type RawSocket } from './raw.ts'
import { splitAddress } from './sockets.ts'

/** A connection that has not found the app by then is given up; the app may be starting. */
const findMs = 30_000

/**
 * Public ports whose connections the launcher takes itself, byte by byte, to whoever is in charge
 * at that moment: `target` changes who that is, never the socket.
 */
export class Relay {
  readonly #servers = new Map<string, Server>()
  readonly #target: () => Target | null
  refused = 0

  /** `target`: the process in charge at this moment, or null while connections have to wait. */
  constructor(target: () => Target | null) {
    this.#target = target
  }

  get names(): readonly string[] {
    return [...this.#servers.keys()]
  }

  /** The socket of `name`; null if it is not open here. */
  socket(name: string): RawSocket | null {
    const server = this.#servers.get(name)
    return server === undefined ? null : rawOfServer(server)
  }

  /**
   * Accepts for `name` on `host:port`, or on a socket that is bound already; returns the address in
   * force. What was open under that name closes once the new one is open. Rejects with the system's
   * error if the address is taken.
   */
  async open(name: string, at: string | RawSocket, backlog: number): Promise<string> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      const refused = (): void => void this.refused++
      new Link(client, { name, target: this.#target, findMs, refused }).isIdle(0)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (typeof at === 'string') server.listen({ ...splitAddress(at), backlog }, resolve)
      else server.listen(at, resolve)
    })
    const bound = server.address()
    const { port } = typeof bound === 'object' && bound !== null ? bound : { port: 0 }
    this.#servers.get(name)?.close()
    this.#servers.set(name, server)
    const host = typeof at === 'string' ? at.slice(0, at.lastIndexOf(':')) : ''
    return `${host}:${port}`
  }

  /** Takes no more connections for `name`; those there are stay. */
  close(name: string): void {
    this.#servers.get(name)?.close()
    this.#servers.delete(name)
  }
}

/**
 * Lets the connections of a process come to their end: those without a byte for `lingerMs` are
 * ended, one with a request under way is waited for until `drainMaxMs`. Resolves with the number of
 * requests cut off.
 */
export async function drain(
  target: Target,
  { lingerMs, drainMaxMs }: { readonly lingerMs: number; readonly drainMaxMs: number }
): Promise<number> {
  const begun = performance.now()
  const lostBefore = target.counts.lost
  const lookMs = Math.max(5, Math.min(100, lingerMs / 4))
  while (target.links.size > 0) {
    const leftMs = drainMaxMs - (performance.now() - begun)
    // Near the end a busy client is left between two requests rather than cut inside one.
    const quietMs = leftMs > lingerMs ? lingerMs : lingerMs / 10
    for (const link of target.links) if (leftMs <= 0 || link.isIdle(quietMs)) link.cut()
    await new Promise((resolve) => {
      setTimeout(resolve, lookMs)
    })
  }
  return target.counts.lost - lostBefore
}
