import type { Socket } from 'node:net'
import { heard, isNews, silence, understand, type Said, type Word } from './said.ts'
import { ControlLines, lineBytesMax } from './stream.ts'

export interface ChannelOptions {
  /** Longest silence between two signs of life is twice this; 0: none is asked for. */
  readonly watchdogMs: number
  readonly onSaid: (said: Said) => void
  /** The app missed its sign of life twice. Once per silence. */
  readonly onSilent: () => void
  /** The app closed its end, or it is gone. Once. */
  readonly onClosed: () => void
}

/** Lines waiting for an app that does not read; beyond it the stream is of no use any more. */
const unreadBytesMax = 64 * 1_024

/**
 * The launcher's end of the control stream of one process. It outlives daemons: what the app said
 * is kept, and the watchdog runs on.
 */
export class Channel {
  readonly #socket: Socket
  readonly #options: ChannelOptions
  readonly #lines = new ControlLines()
  #word: Word = silence
  #timer: NodeJS.Timeout | null = null
  #open = true

  constructor(socket: Socket, options: ChannelOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    // An app that closed its end, or was killed: the process itself tells what became of it.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#ended())
    socket.on('end', () => this.#ended())
  }

  get word(): Word {
    return this.#word
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** Lines that were too long, too many or none. */
  get dropped(): number {
    return this.#lines.dropped
  }

  /** False when nobody will read it. */
  send(line: string): boolean {
    if (!this.#open || !this.#socket.writable) return false
    if (this.#socket.writableLength > unreadBytesMax) return false
    this.#socket.write(line + '\n')
    return true
  }

  close(): void {
    this.#open = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    for (const line of this.#lines.push(bytes, performance.now())) {
      const said = understand(line)
      if (said === null) continue
      const before = this.#word
      this.#word = heard(before, said)
      if (said.tag === 'ready' || said.tag === 'watchdog') this.#alive()
      if (isNews(before, said)) this.#options.onSaid(said)
    }
  }

  /** The silence is counted from READY or the first sign of life, never from the start. */
  #alive(): void {
    const { watchdogMs, onSilent } = this.#options
    if (watchdogMs <= 0 || !this.#open) return
    if (this.#timer === null) this.#timer = setTimeout(onSilent, 2 * watchdogMs).unref()
    else this.#timer.refresh()
  }

  #ended(): void {
    if (!this.#open) return
    this.#open = false
    this.#options.onClosed()
  }
}

/** Whether a line may be sent to an app: one verb of ours, one line, no longer than it may be. */
export function isSendable(line: string): boolean {
  return Buffer.byteLength(line) <= lineBytesMax && /^OTA=[a-z-]+(?::[^\p{Cc}]*)?$/u.test(line)
}
