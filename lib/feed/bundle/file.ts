import { assert, OtaError, type Bytes, type Disk } from '../../base/index.ts'
import { Hasher } from '../../trust/index.ts'

/** So much of a file is in memory at a time. */
const windowBytes = 1024 * 1024

/** A file read front to back through a window; what passes is hashed. */
export class FileReader {
  readonly #disk: Disk
  readonly #path: string
  readonly #size: number
  #hasher: Hasher | null = new Hasher()
  #at: number
  #window: Bytes = new Uint8Array()

  /** `size` is that of the whole file, `at` where reading begins. */
  constructor(disk: Disk, path: string, { size, at = 0 }: { size: number; at?: number }) {
    this.#disk = disk
    this.#path = path
    this.#size = size
    this.#at = at
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#size - this.#at
  }

  /** The next bytes, as an own copy; `count` was bounded by the caller. Throws `INCOMPLETE`. */
  async take(count: number): Promise<Bytes> {
    assert(count <= windowBytes, 'no more is asked for than a window holds')
    if (count > this.left) throw this.#short()
    if (this.#window.byteLength < count) await this.#fill()
    if (this.#window.byteLength < count) throw this.#short()
    const bytes = this.#window.slice(0, count)
    this.#window = this.#window.subarray(count)
    this.#at += count
    this.#hasher?.update(bytes)
    return bytes
  }

  /** BLAKE2b-256 of everything taken so far, once; what is taken afterwards is not hashed. */
  sum(): Bytes {
    const hasher = this.#hasher
    assert(hasher !== null, 'a file has one hash')
    this.#hasher = null
    return hasher.final()
  }

  async #fill(): Promise<void> {
    const size = Math.min(windowBytes, this.left)
    this.#window = await this.#disk.readAt(this.#path, this.#at, size)
  }

  #short(): OtaError {
    return new OtaError('INCOMPLETE', `"${this.#path}" ends early, at byte ${this.#size}`, {
      hint: 'copy it again, or have it exported again',
      facts: { path: this.#path, size: this.#size }
    })
  }
}

/** A file written front to back in large pieces; nothing has its name before all of it is there. */
export class FileWriter {
  readonly #disk: Disk
  readonly #path: string
  readonly #hasher = new Hasher()
  #parts: Bytes[] = []
  #held = 0
  #isMade = false

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  get #work(): string {
    return `${this.#path}.part`
  }

  async write(bytes: Bytes): Promise<void> {
    this.#hasher.update(bytes)
    await this.#keep(bytes)
  }

  /** Ends the file with the hash of all that was written. */
  async sign(): Promise<void> {
    await this.#keep(this.#hasher.final())
  }

  /** The file gets its name. */
  async finish(): Promise<void> {
    await this.#flush()
    await this.#disk.rename(this.#work, this.#path)
    await this.#disk.syncFolder(folderOf(this.#path))
  }

  /** Nothing of it is left, and a file of that name stays as it was. */
  async abandon(): Promise<void> {
    if (this.#isMade) await this.#disk.remove(this.#work)
  }

  async #keep(bytes: Bytes): Promise<void> {
    this.#parts.push(bytes)
    this.#held += bytes.byteLength
    if (this.#held >= 4 * windowBytes) await this.#flush()
  }

  async #flush(): Promise<void> {
    const bytes = new Uint8Array(this.#held)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.byteLength
    }
    if (!this.#isMade) {
      // What an interrupted run left of it.
      await this.#disk.remove(this.#work)
      this.#isMade = true
      await this.#disk.create(this.#work, bytes, 0o644)
    } else if (bytes.byteLength > 0) await this.#disk.append(this.#work, bytes)
    this.#parts = []
    this.#held = 0
  }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')))
}
