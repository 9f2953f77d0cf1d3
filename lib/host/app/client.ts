import { connect, type Socket } from 'node:net'
import { inBackground } from '../../base/life.ts'
import { isOtaError, OtaError } from '../../base/index.ts'
import type { LauncherEvent, LauncherView } from '../launcher/config.ts'
import { onLines, sendLine } from '../launcher/lines.ts'
import { socketPath } from '../launcher/socket-path.ts'

const answerMs = 30_000

/** Answer of the launcher that is no success; `errno` is the system's word for it. */
export class LauncherRefusal extends Error {
  override readonly name = 'LauncherRefusal'
  readonly errno: string

  constructor(message: string, errno: string) {
    super(message)
    this.errno = errno
  }
}

/** The daemon's end of `run/launcher.sock`. */
export class LauncherClient {
  readonly #socket: Socket
  readonly #waiting = new Map<number, (answer: Record<string, unknown>) => void>()
  #last = 0
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * Connects and takes control. `NOT_FOUND`-like failures are `INTERNAL`: a daemon without its
   * launcher can do nothing. `onLost` is called once when the launcher goes.
   */
  static async open(
    folder: string,
    onEvent: (event: LauncherEvent) => void,
    onLost: () => void
  ): Promise<{ client: LauncherClient; view: LauncherView }> {
    const socket = connect(socketPath(folder, 'launcher.sock'))
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', (cause) => {
        const hint = 'the daemon is started by `ota-node run`, not by hand'
        reject(new OtaError('INTERNAL', 'cannot reach the launcher', { cause, hint }))
      })
    })
    const client = new LauncherClient(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      const wasOpen = !client.#closed
      client.#fail()
      if (wasOpen) onLost()
    })
    onLines(socket, (value) => client.#take(value, onEvent))
    const view = await client.request('hello', { proto: [1, 1] })
    // The launcher is our own program and of our own version range.
    return { client, view: view as unknown as LauncherView }
  }

  /** One verb. Throws `LauncherRefusal` for a refusal, `TIMEOUT` without an answer in 30 s. */
  async request(verb: string, fields: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#last
    const answer = await new Promise<Record<string, unknown>>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new OtaError('TIMEOUT', `the launcher did not answer "${verb}"`))
      }, answerMs)
      this.#waiting.set(id, (value) => {
        clearTimeout(timer)
        resolve(value)
      })
      if (this.#closed) this.#fail()
      else sendLine(this.#socket, { ...fields, id, do: verb })
    })
    if (answer['ok'] === true) return answer
    throw new LauncherRefusal(String(answer['error']), String(answer['errno']))
  }

  /** A request whose failure means no more than that the launcher goes: `onLost` tells of it. */
  tell(verb: string, fields: object = {}): void {
    this.request(verb, fields).catch((error: unknown) => {
      if (isOtaError(error, 'TIMEOUT') || error instanceof LauncherRefusal) return
      inBackground(error)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#socket.destroy()
    await Promise.resolve()
  }

  #take(value: Record<string, unknown>, onEvent: (event: LauncherEvent) => void): void {
    const { id, ev } = value
    if (typeof id === 'number') {
      this.#waiting.get(id)?.(value)
      this.#waiting.delete(id)
    }
    // As above: an event comes from our own program.
    else if (typeof ev === 'number') onEvent(value as unknown as LauncherEvent)
  }

  #fail(): void {
    this.#closed = true
    for (const answer of this.#waiting.values()) {
      answer({ ok: false, error: 'the launcher is gone', errno: 'EPIPE' })
    }
    this.#waiting.clear()
  }
}
