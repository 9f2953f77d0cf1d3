import { DAY, HOUR, MINUTE, OtaError, SECOND } from '../../base/index.ts'

/** An object of a policy file: every key is taken once, and what is left over is wrong. */
export class Section {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #left: Set<string>
  readonly path: string

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      refuse(path, 'must be an object')
    }
    this.#values = new Map(Object.entries(value))
    this.#left = new Set(this.#values.keys())
    this.path = path
  }

  /** The raw value, or undefined when the file does not have it. */
  take(key: string): unknown {
    this.#left.delete(key)
    return this.#values.get(key)
  }

  at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`
  }

  /** Reads a value with `read`, or takes the default when it is absent. */
  get<T>(key: string, fallback: T, read: (value: unknown, path: string) => T): T {
    const value = this.take(key)
    return value === undefined ? fallback : read(value, this.at(key))
  }

  section(key: string): Section {
    return new Section(this.take(key) ?? {}, this.at(key))
  }

  /** A name this version does not know is refused, never passed over (S57). */
  end(): void {
    for (const key of this.#left) refuse(this.at(key), 'is not a field of a policy')
  }
}

const units: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY }

/** `90s 10m 6h 14d`, in ms. */
export function readDuration(value: unknown, path: string): number {
  const match = typeof value === 'string' ? /^(\d{1,9})(ms|s|m|h|d)$/.exec(value) : null
  const unit = units[match?.[2] ?? '']
  if (match === null || unit === undefined) return refuse(path, 'must be a duration like "10m"')
  return Number(match[1]) * unit
}

/** A share in ppm: a number 0–100, or text like "0.1%". 0.1 alone could be meant as 10 % (S57). */
export function readShare(value: unknown, path: string): number {
  const text = typeof value === 'string' ? /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(value) : null
  if (text !== null) return sharePpm(Number(text[1]), path)
  if (typeof value !== 'number') return refuse(path, 'must be a number 0 to 100, or like "0.1%"')
  if (value > 0 && value < 1) {
    return refuse(path, `${value} is ambiguous, write "${value}%" or ${value * 100}`)
  }
  return sharePpm(value, path)
}

/** A fraction 0..1 in ppm, for the error bounds of the gate. */
export function readFraction(value: unknown, path: string): number {
  const ppm = typeof value === 'number' ? Math.round(value * 1_000_000) : Number.NaN
  if (!(ppm >= 0 && ppm <= 1_000_000)) return refuse(path, 'must be a number between 0 and 1')
  return ppm
}

/** A factor in thousandths. */
export function readFactor(value: unknown, path: string): number {
  const factor = typeof value === 'number' ? Math.round(value * 1_000) : Number.NaN
  if (!(factor >= 0 && factor <= 1_000_000)) return refuse(path, 'must be a number 0 to 1000')
  return factor
}

export function readCount(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  return refuse(path, 'must be a whole number')
}

export function readFlag(value: unknown, path: string): boolean {
  return typeof value === 'boolean' ? value : refuse(path, 'must be true or false')
}

export function readText(value: unknown, path: string): string {
  return typeof value === 'string' ? value : refuse(path, 'must be text')
}

/** One of a closed list of words. */
export function oneOf<T extends string>(words: readonly T[]): (value: unknown, path: string) => T {
  return (value, path) =>
    words.find((word) => word === value) ?? refuse(path, `must be one of ${words.join(', ')}`)
}

/** Text or null. */
export function readOptional(value: unknown, path: string): string | null {
  return value === null ? null : readText(value, path)
}

export function readList(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(path, 'must be a list')
}

/** Throws `POLICY_INVALID` for the field at `path`. */
export function refuse(path: string, why: string): never {
  throw new OtaError('POLICY_INVALID', `policy ${path === '' ? 'file' : path}: ${why}`, {
    facts: { path }
  })
}

function sharePpm(percent: number, path: string): number {
  const ppm = Math.round(percent * 10_000)
  if (!(ppm >= 0 && ppm <= 1_000_000)) return refuse(path, `${percent} is not between 0 and 100 %`)
  return ppm
}
