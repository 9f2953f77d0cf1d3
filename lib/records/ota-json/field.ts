import { fromText, OtaError, SECOND } from '../../base/index.ts'
import type { Json } from './json.ts'

/** What names in `ota.json` are made of, as in every record. */
export const namePattern = /^[a-z0-9][a-z0-9.-]*$/

/**
 * A place in `ota.json`, or in another such `file`, named by its path; each reader takes one exact
 * type or throws `BAD_TREE`.
 */
export class Field {
  readonly path: string
  readonly file: string
  readonly #value: Json | undefined

  constructor(value: Json | undefined, path: string, file = 'ota.json') {
    this.#value = value
    this.path = path
    this.file = file
  }

  /** `read`, or `fallback` where the key is not there. There is no null in the file. */
  or<A, B>(fallback: A, read: (field: Field) => B): A | B {
    return this.#value === undefined ? fallback : read(this)
  }

  get isText(): boolean {
    return typeof this.#value === 'string'
  }

  /** An object with these keys at most; keys that begin with `x-` are anybody's own. */
  object<K extends string>(...keys: readonly K[]): (key: K) => Field {
    const map = this.#map()
    const known: readonly string[] = keys
    for (const key of map.keys()) {
      if (known.includes(key) || key.startsWith('x-')) continue
      this.fail(`unknown key "${key}"`, `known here: ${keys.join(', ')}; own keys begin with "x-"`)
    }
    return (key) =>
      new Field(map.get(key), this.path === '' ? key : `${this.path}.${key}`, this.file)
  }

  /** An object whose keys are names of the author's, at most `max`. */
  entries(max: number): readonly (readonly [string, Field])[] {
    const entries = [...this.#map()].filter(([key]) => !key.startsWith('x-'))
    if (entries.length > max) this.fail(`at most ${max} entries, have ${entries.length}`)
    return entries.map(([key, value]) => [key, new Field(value, `${this.path}.${key}`, this.file)])
  }

  list(max: number): readonly Field[] {
    const value = this.#value
    if (!isList(value)) return this.#wrong('a list')
    if (value.length > max) this.fail(`at most ${max} entries, have ${value.length}`)
    return value.map((one, index) => new Field(one, `${this.path}[${index}]`, this.file))
  }

  /** A list in which nothing stands twice. */
  set<T extends string | number>(max: number, read: (field: Field) => T): readonly T[] {
    const values = this.list(max).map(read)
    if (new Set(values).size < values.length) this.fail('an entry twice')
    return values
  }

  /** At most `max` bytes, no control characters, and `pattern` if given. */
  text(max: number, pattern = /^/): string {
    const value = this.#value
    if (typeof value !== 'string') return this.#wrong('a text')
    const size = fromText(value).byteLength
    if (size > max) this.fail(`at most ${max} bytes, have ${size}`)
    if (/\p{Cc}|\p{Cs}/u.test(value)) this.fail('control character or half a character')
    if (!pattern.test(value)) this.fail(`"${value}" does not fit ${pattern.source}`)
    return value
  }

  oneOf<const T extends string | number>(...values: readonly T[]): T {
    const found = values.find((value) => value === this.#value)
    return found ?? this.#wrong(`one of ${values.join(', ')}`)
  }

  integer(min: number, max: number): number {
    const value = this.#number(min, max)
    if (!Number.isInteger(value)) return this.#wrong('an integer')
    return value
  }

  /** Seconds in the file, milliseconds here. */
  seconds(min: number, max: number): number {
    return Math.round(this.#number(min, max) * SECOND)
  }

  bool(): boolean {
    return typeof this.#value === 'boolean' ? this.#value : this.#wrong('true or false')
  }

  /** Throws `BAD_TREE` with the path. */
  fail(reason: string, told?: string): never {
    const place = this.path === '' ? this.file : `${this.file}: ${this.path}`
    const hint = told ?? `correct ${this.file} at the top of the tree and pack again`
    throw new OtaError('BAD_TREE', `${place}: ${reason}`, { hint, facts: { path: this.path } })
  }

  #number(min: number, max: number): number {
    const value = this.#value
    if (typeof value !== 'number') return this.#wrong('a number')
    if (value < min || value > max) this.fail(`need ${min} to ${max}, have ${value}`)
    return value
  }

  #map(): ReadonlyMap<string, Json> {
    return this.#value instanceof Map ? this.#value : this.#wrong('an object')
  }

  #wrong(need: string): never {
    const value = this.#value
    if (value === undefined) return this.fail(`is missing, need ${need}`)
    const have = typeof value === 'object' ? kind(value) : JSON.stringify(value).slice(0, 64)
    return this.fail(`need ${need}, have ${have}`)
  }
}

/** The field, or an object without keys where it is not there: all defaults. */
export function orEmpty(field: Field): Field {
  return field.or(new Field(new Map(), field.path, field.file), (present) => present)
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

function kind(value: Json): string {
  if (value === null) return 'null'
  return isList(value) ? 'a list' : 'an object'
}
