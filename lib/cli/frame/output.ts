import type { Bytes } from '../../base/index.ts'
import { toName, toShortName } from '../../trust/index.ts'

/** What goes into `data` of an NDJSON line; bytes become whole z32 names. */
export type Value =
  | null
  | boolean
  | number
  | string
  | Bytes
  | readonly Value[]
  | { readonly [key: string]: Value | undefined }

/** The two streams a program writes to. */
export interface Sink {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
}

export interface OutputOptions {
  readonly program: string
  readonly json: boolean
  readonly long: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  /** False with `--no-progress`. */
  readonly progress: boolean
}

/** The last line of every `--json` command. */
export interface Final {
  readonly ok: boolean
  readonly code: string | null
  readonly exit: number
  readonly message: string
  readonly hint: string | null
  readonly data: Value
}

const FRAME_MS = 250

/**
 * Where a command speaks. Results go to stdout, everything said to a person on the way to stderr;
 * with `--json` stdout carries NDJSON only, one `{"tag","data"}` per line and `final` last.
 */
export class Output {
  readonly #out: Sink
  readonly #err: Sink
  readonly options: OutputOptions
  #lineShown = false
  #shownAtMs = 0
  #phase = ''

  constructor(out: Sink, err: Sink, options: OutputOptions) {
    this.#out = out
    this.#err = err
    this.options = options
  }

  /** One result: `text` for people, `{tag, data}` with `--json`. Null text: machines only. */
  result(tag: string, data: Value, text: string | readonly string[] | null): void {
    this.clear()
    if (this.options.json) this.#out.write(`${stringify({ tag, data })}\n`)
    else if (text !== null) for (const line of asLines(text)) this.#out.write(`${line}\n`)
  }

  /** A sentence on the way, on stderr; silent with `--quiet` and `--json`. */
  note(text: string): void {
    if (this.options.quiet || this.options.json) return
    this.clear()
    this.#err.write(`${text}\n`)
  }

  /** Something a person must not miss: stderr, also with `--quiet`; a line `warning` in JSON. */
  warn(text: string): void {
    this.clear()
    if (this.options.json) this.#out.write(`${stringify({ tag: 'warning', data: { text } })}\n`)
    this.#err.write(`${this.options.program}: warning: ${text}\n`)
  }

  /** Details for `--verbose`. */
  detail(text: string): void {
    if (!this.options.verbose) return
    this.clear()
    this.#err.write(`${text}\n`)
  }

  /**
   * Where a long wait is: one self-overwriting line on a terminal, 4 per second at most; elsewhere
   * one plain line when `phase` changes.
   */
  progress(phase: string, text: string): void {
    const { quiet, json, progress } = this.options
    if (quiet || json || !progress) return
    if (this.#err.isTTY !== true) {
      if (phase !== this.#phase) this.#err.write(`${phase}\n`)
      this.#phase = phase
      return
    }
    const nowMs = Date.now()
    if (this.#lineShown && nowMs - this.#shownAtMs < FRAME_MS && phase === this.#phase) return
    this.#phase = phase
    this.#shownAtMs = nowMs
    this.#lineShown = true
    this.#err.write(`\r\u001b[K${phase} ${text}`)
  }

  /** Erases the progress line, if one is shown. */
  clear(): void {
    if (this.#lineShown) this.#err.write('\r\u001b[K')
    this.#lineShown = false
  }

  /** An id for a sentence: eight characters, whole with `--long`. */
  id(bytes: Bytes): string {
    return this.options.long ? toName(bytes) : toShortName(bytes)
  }

  /** Ends the command: the error and its hint on stderr, and the `final` line with `--json`. */
  end(final: Final): void {
    this.clear()
    const { program, json } = this.options
    if (final.code !== null && final.message !== '') {
      this.#err.write(`${program}: error: ${final.message}\n`)
      if (final.hint !== null) this.#err.write(`${program}: hint: ${final.hint}\n`)
    }
    if (json) this.#out.write(`${stringify({ tag: 'final', ...final })}\n`)
  }
}

function asLines(text: string | readonly string[]): readonly string[] {
  return typeof text === 'string' ? [text] : text
}

/** Bytes become names here, not in a replacer: a Buffer turns itself into an object before that. */
function plain(value: Value | undefined): unknown {
  if (value instanceof Uint8Array) return toName(value)
  if (typeof value !== 'object' || value === null) return value
  if (isList(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

function isList(value: object): value is readonly Value[] {
  return Array.isArray(value)
}

function stringify(value: { readonly [key: string]: Value | undefined }): string {
  return JSON.stringify(plain(value))
}
