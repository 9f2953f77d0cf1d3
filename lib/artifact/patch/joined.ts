import { assert, toHex, type Bytes, type Disk } from '../../base/index.ts'
import { readExactly } from '../sequence.ts'
import type { FileEntry } from './delta.ts'

/** Contents one after the other, read from the files they lie in. */
export class Joined {
  readonly size: number
  readonly starts: readonly number[]
  readonly #disk: Disk
  readonly #folder: string
  readonly #entries: readonly FileEntry[]
  readonly #places: ReadonlyMap<string, number>

  constructor(disk: Disk, folder: string, entries: readonly FileEntry[]) {
    this.#disk = disk
    this.#folder = folder
    this.#entries = entries
    let size = 0
    this.starts = entries.map((entry) => {
      const start = size
      size += entry.size
      return start
    })
    this.size = size
    this.#places = new Map(entries.map(({ hash }, index) => [toHex(hash), index]))
  }

  /** Where a content lies; null if it is none of these. */
  rangeOf(entry: FileEntry): { start: number; end: number } | null {
    const start = this.starts[this.#places.get(toHex(entry.hash)) ?? -1]
    return start === undefined ? null : { start, end: start + entry.size }
  }

  async read(start: number, size: number): Promise<Bytes> {
    const out = new Uint8Array(size)
    for (let index = this.#indexAt(start), done = 0; done < size; index += 1) {
      const entry = this.#entries[index]
      const at = this.starts[index]
      assert(entry !== undefined && at !== undefined, 'a range lies inside its contents')
      const from = start + done - at
      const part = Math.min(entry.size - from, size - done)
      const path = `${this.#folder}/${entry.path}`
      if (part > 0) out.set(await readExactly(this.#disk, path, from, part), done)
      done += part
    }
    return out
  }

  /** Index of the content that holds offset `at` (by halves; contents are in order). */
  #indexAt(at: number): number {
    let low = 0
    let high = this.starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.starts[middle] ?? 0) <= at) low = middle
      else high = middle - 1
    }
    return low
  }
}
