import { equal, fromText, OtaError, otaJsonBytesMax, toText, type Bytes } from '../../base/index.ts'

/** A JSON value; an object is a map, so that no key can be taken for something of its own. */
export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>

const depthMax = 16
const space = /[ \t\n\r]*/y
const literal = /null|true|false/y
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y
const string = /"(?:[^"\\\p{Cc}]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/uy

/**
 * Strict JSON of a file in a tree, `ota.json` unless told: UTF-8, no key twice in one object (two
 * readers could take different ones), at most 16 deep and 64 KiB. Throws `BAD_TREE` with line and
 * column.
 */
export function parseJson(bytes: Bytes, file = 'ota.json'): Json {
  if (bytes.byteLength > otaJsonBytesMax) {
    throw badJson(file, `at most ${otaJsonBytesMax} bytes, have ${bytes.byteLength}`)
  }
  const text = toText(bytes)
  if (!equal(fromText(text), bytes)) throw badJson(file, 'not UTF-8')
  const parser = new Parser(text, file)
  const value = parser.value(0)
  parser.end()
  return value
}

class Parser {
  readonly #text: string
  readonly #file: string
  #at = 0

  constructor(text: string, file: string) {
    this.#text = text
    this.#file = file
  }

  value(depth: number): Json {
    if (depth > depthMax) this.#fail(`nested deeper than ${depthMax}`)
    this.#take(space)
    if (this.#eat('{')) return this.#object(depth + 1)
    if (this.#eat('[')) return this.#list(depth + 1)
    const token = this.#take(literal) || this.#take(number) || this.#take(string)
    if (token === '') this.#fail('need a value')
    // Cast: the token is one literal, number or string of JSON.
    const value = JSON.parse(token) as null | boolean | number | string
    if (typeof value === 'number' && !Number.isFinite(value)) this.#fail('number out of range')
    return value
  }

  end(): void {
    this.#take(space)
    if (this.#at < this.#text.length) this.#fail('something after the end')
  }

  #object(depth: number): ReadonlyMap<string, Json> {
    const map = new Map<string, Json>()
    this.#take(space)
    if (this.#eat('}')) return map
    do {
      this.#take(space)
      const token = this.#take(string)
      if (token === '') this.#fail('need a key in double quotes')
      const key = JSON.parse(token) as string // Cast: a token of `string`.
      if (map.has(key)) this.#fail(`key "${key}" twice`)
      this.#take(space)
      if (!this.#eat(':')) this.#fail('need ":"')
      map.set(key, this.value(depth))
      this.#take(space)
    } while (this.#eat(','))
    if (!this.#eat('}')) this.#fail('need "," or "}"')
    return map
  }

  #list(depth: number): readonly Json[] {
    const values: Json[] = []
    this.#take(space)
    if (this.#eat(']')) return values
    do {
      values.push(this.value(depth))
      this.#take(space)
    } while (this.#eat(','))
    if (!this.#eat(']')) this.#fail('need "," or "]"')
    return values
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  #eat(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #fail(reason: string): never {
    const before = this.#text.slice(0, this.#at).split('\n')
    const column = (before.at(-1) ?? '').length + 1
    throw badJson(this.#file, `line ${before.length}, column ${column}: ${reason}`)
  }
}

function badJson(file: string, reason: string): OtaError {
  return new OtaError('BAD_TREE', `${file}: ${reason}`, {
    hint: `${file} is strict JSON: no comments, no trailing commas, no key twice`,
    facts: { path: '' }
  })
}
