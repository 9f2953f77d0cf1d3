import { Server, type ListenOptions } from 'node:net'
import { track } from './drain.ts'

const firstSocket = 3

/** A listening socket that this process was started with. */
export interface Inherited {
  readonly name: string
  readonly fd: number
  /** Copies of it: Node cannot pause accepting, so it closes one and goes on with the next. */
  readonly spares: readonly number[]
}

/**
 * The sockets this process was handed by name (`LISTEN_FDS`, `LISTEN_FDNAMES`, `OTA_SPARE_FDS`);
 * empty where nobody handed it any, or they are meant for another process (`LISTEN_PID`).
 */
export function sockets(env: NodeJS.ProcessEnv = process.env): ReadonlyMap<string, Inherited> {
  const count = Number(env['LISTEN_FDS'] ?? 0)
  const found = new Map<string, Inherited>()
  if (Number(env['LISTEN_PID']) !== process.pid || !Number.isInteger(count)) return found
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':')
  const copies = (env['OTA_SPARE_FDS'] ?? '').split(',').filter((text) => text !== '')
  for (let index = 0; index < count; index++) {
    const name = names[index] ?? ''
    // Whole rounds over all sockets in their order.
    const spares = copies.map(Number).filter((_, place) => place % count === index)
    found.set(name, { name, fd: firstSocket + index, spares })
  }
  return found
}

/** A handed-over socket, or an address of one's own. */
type Way = { readonly fd: number } | ListenOptions

/** A server and the socket it accepts on: opened, shut and opened again while requests go on. */
export class Door {
  readonly #server: Server
  readonly #ways: (Way | null)[]
  #open = false

  /**
   * `name` as in `listen` of `ota.json`; `otherwise` is where to listen when no socket of that name
   * was handed over. The server is tracked from here on (see `track`).
   */
  constructor(server: Server, name: string, otherwise: ListenOptions | null = null) {
    track(server)
    this.#server = server
    const found = sockets().get(name)
    this.#ways =
      found === undefined ? [otherwise] : [found.fd, ...found.spares].map((fd) => ({ fd }))
  }

  /**
   * Accepts connections; twice is once. False: the copies are used up, and only a new start opens
   * it again. Rejects with the system's error.
   */
  async open(): Promise<boolean> {
    if (this.#open) return true
    const [way] = this.#ways
    if (way === null || way === undefined) return false
    // A copy serves once; an address of one's own as often as it takes.
    if ('fd' in way) this.#ways.shift()
    this.#open = true
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(way, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    return true
  }

  /** Takes no more connections; those there are stay, and are answered as before. */
  shut(): void {
    if (!this.#open) return
    this.#open = false
    // Not `http.Server.close`, which ends idle connections at once: their next request is lost.
    Server.prototype.close.call(this.#server)
  }
}
