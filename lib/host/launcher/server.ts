import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { LauncherEvent, LauncherNews } from './config.ts'
import { onLines, sendLine } from './lines.ts'

/** Events kept for a daemon that was away. */
const eventsMax = 1_000

/** Protocol versions this launcher speaks. */
const PROTOCOL = { low: 1, high: 1 } as const

/** A verb's work; what it throws is the answer's `error` and `errno`. */
export type Verbs = (verb: string, request: Record<string, unknown>) => Promise<object> | object

/**
 * `run/launcher.sock`: one daemon at a time. `hello` takes control: the connection before it is
 * closed, and every event after its `from` is told again.
 */
export class ControlServer {
  readonly #verbs: Verbs
  readonly #server: Server
  #events: LauncherEvent[] = []
  #last = 0
  #inCharge: Socket | null = null

  constructor(verbs: Verbs) {
    this.#verbs = verbs
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** Whether a daemon is in control now. */
  get isDriven(): boolean {
    return this.#inCharge !== null
  }

  async listen(path: string): Promise<void> {
    rmSync(path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, resolve)
    })
    // The folder is 0700, so nobody was able to connect before this.
    chmodSync(path, 0o600)
  }

  tell(news: LauncherNews): void {
    const event: LauncherEvent = { ev: ++this.#last, ...news }
    this.#events.push(event)
    if (this.#events.length > eventsMax) this.#events = this.#events.slice(-eventsMax)
    if (this.#inCharge !== null) sendLine(this.#inCharge, event)
  }

  close(): void {
    this.#inCharge?.destroy()
    this.#server.close()
  }

  #serve(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (this.#inCharge === socket) this.#inCharge = null
    })
    onLines(socket, (request) => {
      const { do: verb, id } = request
      if (typeof verb !== 'string' || typeof id !== 'number') socket.destroy()
      else void this.#answer(socket, verb, { ...request, id })
    })
  }

  async #answer(
    socket: Socket,
    verb: string,
    request: Record<string, unknown> & { readonly id: number }
  ): Promise<void> {
    const { id } = request
    if (verb === 'hello') this.#takeControl(socket, request)
    // Only the one in control acts; `list` is for anyone who may open the socket.
    if (verb !== 'list' && this.#inCharge !== socket) {
      sendLine(socket, { id, ok: false, error: 'say hello first', errno: 'NOT_IN_CONTROL' })
      return
    }
    try {
      const answer = await this.#verbs(verb, request)
      sendLine(socket, { id, ok: true, last: this.#last, ...answer })
    } catch (error) {
      const errno = error instanceof Error && 'code' in error ? String(error.code) : 'INTERNAL'
      sendLine(socket, { id, ok: false, error: String(error), errno })
    }
  }

  #takeControl(socket: Socket, { proto, from }: Record<string, unknown>): void {
    const [low, high] = Array.isArray(proto) ? proto : [0, 0]
    if (!(Number(low) <= PROTOCOL.high && PROTOCOL.low <= Number(high))) return
    if (this.#inCharge !== null && this.#inCharge !== socket) this.#inCharge.destroy()
    this.#inCharge = socket
    if (typeof from !== 'number') return
    for (const event of this.#events) if (event.ev > from) sendLine(socket, event)
  }
}
