/**
 * Lines `KEY=VALUE` of a control stream, in the grammar of sd_notify. Pure, so that everything that
 * takes an app's words (launcher, shadow) holds the same limits. What an app says is never trusted:
 * nothing here throws, and nothing grows with what it sends.
 */

/** A longer line is dropped whole; reading goes on with the next one. */
export const lineBytesMax = 4_096
/** Lines taken within one second; metrics have a limit of their own within it. */
export const linesPerSecondMax = 200
export const metricsPerSecondMax = 10
const secondMs = 1_000
const newline = 0x0a

export interface ControlLine {
  readonly key: string
  /** Control characters are stripped. */
  readonly value: string
}

/** Bytes in, lines out; `dropped` counts what was too long, too much or no line at all. */
export class ControlLines {
  /** The line under way; never longer than a line may be. */
  #rest: Uint8Array[] = []
  #restBytes = 0
  /** Within a line that is too long: its end is awaited, its bytes are not kept. */
  #skipping = false
  #windowMs = -Infinity
  #lines = 0
  #metrics = 0
  dropped = 0

  /** Takes the next bytes; `nowMs` is any steady clock. */
  push(bytes: Uint8Array, nowMs: number): readonly ControlLine[] {
    const found: ControlLine[] = []
    let from = 0
    for (;;) {
      const end = bytes.indexOf(newline, from)
      if (end < 0) break
      this.#keep(bytes.subarray(from, end))
      const line = this.#line(nowMs)
      if (line !== null) found.push(line)
      from = end + 1
    }
    this.#keep(bytes.subarray(from))
    return found
  }

  #keep(part: Uint8Array): void {
    if (this.#skipping || part.byteLength === 0) return
    this.#restBytes += part.byteLength
    if (this.#restBytes > lineBytesMax) {
      this.#skipping = true
      this.#rest = []
    } else this.#rest.push(part.slice())
  }

  #line(nowMs: number): ControlLine | null {
    const whole = this.#skipping ? null : joined(this.#rest, this.#restBytes)
    this.#rest = []
    this.#restBytes = 0
    this.#skipping = false
    if (whole?.byteLength === 0) return null
    const line = whole === null ? null : parseLine(whole)
    if (this.#mayPass(line, nowMs)) return line
    this.dropped++
    return null
  }

  /** Every line counts against the limit, a broken one too: reading it cost as much. */
  #mayPass(line: ControlLine | null, nowMs: number): boolean {
    if (nowMs - this.#windowMs >= secondMs || nowMs < this.#windowMs) {
      this.#windowMs = nowMs
      this.#lines = 0
      this.#metrics = 0
    }
    if (this.#lines >= linesPerSecondMax) return false
    this.#lines++
    if (line === null) return false
    if (line.key !== 'OTA_METRIC') return true
    this.#metrics++
    return this.#metrics <= metricsPerSecondMax
  }
}

/** One line without its end; null if it is no UTF-8 or has no key. */
export function parseLine(bytes: Uint8Array): ControlLine | null {
  const text = textOf(bytes)
  const [, key, value] = (text === null ? null : /^([A-Z0-9_]+)=(.*)$/su.exec(text)) ?? []
  if (key === undefined || value === undefined) return null
  return { key, value: value.replaceAll(/\p{Cc}/gu, '') }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
