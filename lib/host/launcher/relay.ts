import { createServer, type Server } from 'node:net'
import { Link, type Target } from './link.ts'

/** A connection that has not found the app by then is given up; the app may be starting. */
const findMs = 30_000

/**
 * The public ports of this home, and who gets their connections. The ports are opened once and stay
 * open as long as the launcher lives; `target` changes who is in charge, never the socket.
 */
export class Relay {
  readonly #servers = new Map<string, Server>()
  readonly #addresses = new Map<string, string>()
  readonly #target: () => Target | null
  refused = 0

  /** `target`: the process in charge at this moment, or null while connections have to wait. */
  constructor(target: () => Target | null) {
    this.#target = target
  }

  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#addresses)
  }

  /**
   * Opens `host:port` under `name` and returns the address in force; twice the same is once.
   * Rejects with the system's error if the address is taken.
   */
  async listen(name: string, address: string): Promise<string> {
    const held = this.#addresses.get(name)
    const server = this.#servers.get(name)
    if (held !== undefined && server !== undefined) {
      if (sameAddress(held, address)) return held
      // The operator moved it: the new one must open before the old one goes.
      const moved = await this.#open(name, address)
      server.close()
      return moved
    }
    return await this.#open(name, address)
  }

  /** Takes no more connections; those there are stay. */
  close(): void {
    for (const server of this.#servers.values()) server.close()
    this.#servers.clear()
    this.#addresses.clear()
  }

  async #open(name: string, address: string): Promise<string> {
    const { host, port } = splitAddress(address)
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      const refused = (): void => void this.refused++
      new Link(client, { name, target: this.#target, findMs, refused }).isIdle(0)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port, backlog: 1_024 }, resolve)
    })
    const bound = server.address()
    const actual = typeof bound === 'object' && bound !== null ? bound.port : port
    const text = `${host}:${actual}`
    this.#servers.set(name, server)
    this.#addresses.set(name, text)
    return text
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

/** `host:port`; an IPv6 host stands in brackets. */
function splitAddress(address: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? []
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

/** Port 0 asks for any, so whatever was given for it is the same. */
function sameAddress(held: string, asked: string): boolean {
  return held === asked || (asked.endsWith(':0') && held.startsWith(asked.slice(0, -1)))
}
