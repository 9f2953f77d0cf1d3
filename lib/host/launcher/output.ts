import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const fileBytesMax = 4 * 1_048_576
const filesKept = 3

export interface OutputBounds {
  readonly fileBytesMax: number
  /** Older files beside the one in use. */
  readonly filesKept: number
}

/**
 * What the app prints, in `log/NAME.log` and a few older files beside it (`NAME.log.1` is the
 * newest of them): however much it prints, its disk is bounded. A disk that takes nothing loses
 * output, never the app.
 */
export class OutputLog {
  readonly #path: string
  readonly #bounds: OutputBounds
  #file: number | null = null
  #bytes = 0

  constructor(folder: string, name: string, bounds: OutputBounds = { fileBytesMax, filesKept }) {
    this.#path = join(folder, `${name}.log`)
    this.#bounds = bounds
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }

  write(bytes: Uint8Array): void {
    try {
      if (this.#file === null) this.#open()
      if (this.#bytes > 0 && this.#bytes + bytes.byteLength > this.#bounds.fileBytesMax) {
        this.#rotate()
      }
      // One burst larger than a whole file: its end says most.
      const kept = bytes.subarray(Math.max(0, bytes.byteLength - this.#bounds.fileBytesMax))
      if (this.#file !== null) this.#bytes += writeSync(this.#file, kept)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      this.close()
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file)
    this.#file = null
  }

  #open(): void {
    this.#file = openSync(this.#path, 'a', 0o600)
    this.#bytes = fstatSync(this.#file).size
  }

  #rotate(): void {
    this.close()
    for (let age = this.#bounds.filesKept - 1; age >= 0; age--) {
      const from = age === 0 ? this.#path : `${this.#path}.${age}`
      try {
        renameSync(from, `${this.#path}.${age + 1}`)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      }
    }
    this.#open()
  }
}
