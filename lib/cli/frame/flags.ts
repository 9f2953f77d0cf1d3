import { parseArgs, type ParseArgsConfig } from 'node:util'
import { OtaError, assert } from '../../base/index.ts'
import { suggest } from './suggest.ts'
import { parseCount, parseDuration, parseShare } from './units.ts'

/** `text` takes a value once, `list` any number of times, `switch` none. */
interface FlagSpec {
  readonly type: 'text' | 'list' | 'switch'
  readonly short?: string
}

export type FlagTable = Readonly<Record<string, FlagSpec>>

/** Flags every command of both programs takes. */
export const COMMON: FlagTable = {
  json: { type: 'switch' },
  long: { type: 'switch' },
  quiet: { type: 'switch', short: 'q' },
  verbose: { type: 'switch', short: 'v' },
  'no-progress': { type: 'switch' },
  yes: { type: 'switch', short: 'y' },
  'dry-run': { type: 'switch' },
  timeout: { type: 'text' },
  config: { type: 'text' },
  home: { type: 'text' },
  help: { type: 'switch', short: 'h' },
  version: { type: 'switch' }
}

type Values = Readonly<Record<string, unknown>>

/** The flags of one call. Asking for a flag the command does not declare is our own fault. */
export class Flags {
  readonly #table: FlagTable
  readonly #values: Values

  constructor(table: FlagTable, values: Values) {
    this.#table = table
    this.#values = values
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined
  }

  text(name: string): string | null {
    const value = this.#value(name)
    return typeof value === 'string' ? value : null
  }

  /** The value of a flag that must be there; `USAGE` names it. */
  need(name: string): string {
    const value = this.text(name)
    if (value === null) throw new OtaError('USAGE', `--${name} is missing`)
    return value
  }

  list(name: string): readonly string[] {
    const value = this.#value(name)
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
  }

  /** Milliseconds. */
  duration(name: string): number | null {
    const text = this.text(name)
    return text === null ? null : parseDuration(text, `--${name}`)
  }

  /** Parts per million. */
  share(name: string): number | null {
    const text = this.text(name)
    return text === null ? null : parseShare(text, `--${name}`)
  }

  count(name: string, min: number, max: number): number | null {
    const text = this.text(name)
    return text === null ? null : parseCount(text, `--${name}`, { min, max })
  }

  /** One of `words`, or null when the flag is not given. */
  choice<T extends string>(name: string, words: readonly T[]): T | null {
    const text = this.text(name)
    if (text === null) return null
    const found = words.find((word) => word === text)
    if (found !== undefined) return found
    throw new OtaError('USAGE', `--${name} is one of ${words.join(', ')}, got "${text}"`)
  }

  #value(name: string): unknown {
    assert(name in this.#table, `the command declares --${name}`)
    return this.#values[name]
  }
}

export interface Parsed {
  readonly flags: Flags
  readonly args: readonly string[]
  /** What stood behind a bare `--`; null without one. */
  readonly rest: readonly string[] | null
}

/** Splits the words of one command. Throws `USAGE` with "did you mean" for an unknown flag. */
export function parseFlags(words: readonly string[], table: FlagTable): Parsed {
  const all: FlagTable = { ...COMMON, ...table }
  const terminator = words.indexOf('--')
  const own = terminator < 0 ? words : words.slice(0, terminator)
  const rest = terminator < 0 ? null : words.slice(terminator + 1)
  try {
    const parsed = parseArgs({
      args: [...own],
      options: optionsOf(all),
      strict: true,
      allowPositionals: true
    })
    return {
      flags: new Flags(all, onceOnly(own, all, parsed.values)),
      args: parsed.positionals,
      rest
    }
  } catch (cause) {
    throw misuse(cause, own, all)
  }
}

function optionsOf(table: FlagTable): NonNullable<ParseArgsConfig['options']> {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, spec] of Object.entries(table)) {
    options[name] = {
      type: spec.type === 'switch' ? 'boolean' : 'string',
      multiple: spec.type === 'list',
      ...(spec.short === undefined ? {} : { short: spec.short })
    }
  }
  return options
}

/** A `text` flag given twice is a mistake we will not resolve by taking the last. */
function onceOnly(words: readonly string[], table: FlagTable, values: Values): Values {
  for (const [name, spec] of Object.entries(table)) {
    if (spec.type !== 'text') continue
    const given = words.filter((word) => word === `--${name}` || word.startsWith(`--${name}=`))
    if (given.length > 1) throw new OtaError('USAGE', `--${name} is given ${given.length} times`)
  }
  return values
}

function misuse(cause: unknown, words: readonly string[], table: FlagTable): unknown {
  if (!(cause instanceof TypeError) || !('code' in cause)) return cause
  if (cause.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return unknownFlag(cause, words, table)
  if (cause.code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return cause
  const name = /--([a-z-]+)/.exec(cause.message)?.[1] ?? ''
  const message =
    table[name]?.type === 'switch' ? `--${name} takes no value` : `--${name} needs a value`
  return new OtaError('USAGE', message, { cause })
}

function unknownFlag(cause: Error, words: readonly string[], table: FlagTable): OtaError {
  const flag = /'(--?[^' ]*)/.exec(cause.message)?.[1] ?? words.join(' ')
  const near = suggest(
    flag,
    Object.keys(table).map((name) => `--${name}`)
  )
  return new OtaError('USAGE', `unknown flag ${flag}`, {
    cause,
    ...(near === null ? {} : { hint: `did you mean ${near}?` })
  })
}
