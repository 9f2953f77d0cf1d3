import { closeSync, constants, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

const digits = 16

/**
 * `inc`: the number of the life in charge, raised and durable before anything is started or put in
 * charge again. An app with a lower one than the newest must stay secondary, so two never write.
 * The file keeps its size and is written over in place, which works on a full disk too.
 */
export class Incarnation {
  readonly #path: string
  #last: number
  #reserved: number | null = null

  /** Reads `inc` of the home; one that is missing or unreadable goes on above any earlier one. */
  constructor(home: string) {
    this.#path = join(home, 'inc')
    this.#last = read(this.#path)
  }

  get last(): number {
    return this.#last
  }

  /** The next number, durable when this returns. */
  raise(): number {
    const next = this.#reserved ?? this.#write(this.#last + 1)
    this.#reserved = null
    this.#last = next
    return next
  }

  /** Makes the next number durable in advance: no disk stands in the way when it is needed. */
  reserve(): void {
    this.#reserved ??= this.#write(this.#last + 1)
  }

  #write(next: number): number {
    const text = String(next).padStart(digits, '0') + '\n'
    const isNew = !has(this.#path)
    const file = openSync(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600)
    try {
      writeSync(file, text, 0)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    if (isNew) syncFolder(dirname(this.#path))
    return next
  }
}

function read(path: string): number {
  const text = textOf(path)
  if (text === null) return 0
  // Damage must not lead back to numbers that were in use; the clock is above all of them.
  return /^\d{16}\n$/.test(text) ? Number(text) : Date.now()
}

function has(path: string): boolean {
  return textOf(path) !== null
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
