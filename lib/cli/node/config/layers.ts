import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import { OtaError } from '../../../base/index.ts'
import type { Fault } from './read.ts'

/** A partial configuration as nested plain values. */
export type Layer = Readonly<Record<string, unknown>>

/** What one place says. */
export interface Source {
  readonly layer: Layer
  readonly origin: string
  /** As written, to find the line of a key; "" where there are no lines. */
  readonly text: string
}

/**
 * The file and its drop-ins in number order, and those that are no TOML as faults;
 * `CONFIG_INVALID` when one cannot be read at all.
 */
export async function readFiles(
  file: string,
  named: boolean
): Promise<{ readonly sources: readonly Source[]; readonly broken: readonly Fault[] }> {
  const sources: Source[] = []
  const broken: Fault[] = []
  const take = (path: string, text: string): void => {
    const found = parseFile(text, path)
    if ('key' in found) broken.push(found)
    else sources.push({ ...found, text })
  }
  const main = await readText(file)
  if (main === null && named) throw new OtaError('CONFIG_INVALID', `there is no file ${file}`)
  if (main !== null) take(file, main)
  for (const name of await listDropIns(`${file}.d`)) {
    const path = join(`${file}.d`, name)
    const text = await readText(path)
    if (text !== null) take(path, text)
  }
  return { sources, broken }
}

async function listDropIns(folder: string): Promise<string[]> {
  const names = await missingAs([], () => readdir(folder))
  return names.filter((name) => /^\d\d-.*\.toml$/.test(name)).toSorted()
}

async function readText(path: string): Promise<string | null> {
  return await missingAs(null, () => readFile(path, 'utf8'))
}

async function missingAs<T>(value: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    // Node's file errors carry their errno name.
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return value
    throw new OtaError('CONFIG_INVALID', `the configuration cannot be read: ${code ?? 'fault'}`, {
      cause: error
    })
  }
}

function parseFile(text: string, origin: string): Omit<Source, 'text'> | Fault {
  try {
    return { layer: parseToml(text), origin }
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const [reason = ''] = cause.message.split('\n')
    const said = reason.replace('Invalid TOML document: ', '')
    return { key: '', origin, line: cause.line, text: `is no TOML: ${said}` }
  }
}

/** `OTA_NODE_LEVEL=stage`, `OTA_NODE_SWARM_PORT=49737`; lists are separated by commas. */
export function readEnv(env: Readonly<Record<string, string | undefined>>): Layer {
  const layer: Record<string, unknown> = {}
  for (const [section, key, parse] of ENV_KEYS) {
    const name = ['OTA_NODE', ...(section === null ? [] : [section]), key].join('_').toUpperCase()
    const text = env[name]
    if (text === undefined) continue
    if (section === null) layer[key] = parse(text)
    else layer[section] = { ...(layer[section] as Layer | undefined), [key]: parse(text) }
  }
  return layer
}

type Parse = (text: string) => unknown

const asText: Parse = (value) => value
const asNumber: Parse = (value) => (/^\d+$/.test(value) ? Number(value) : value)
const asList: Parse = (value) => value.split(',')
const asFlag: Parse = (value) => (value === 'true' || value === 'false' ? value === 'true' : value)
const asWords: Parse = (value) => (['public', 'none'].includes(value) ? value : value.split(','))

/** The keys that an environment variable may set, and how its text is read. */
const ENV_KEYS: readonly (readonly [section: string | null, key: string, parse: Parse])[] = [
  [null, 'network', asText],
  [null, 'invite', asText],
  [null, 'slot', asNumber],
  [null, 'level', asText],
  [null, 'channel', asText],
  ['app', 'user', asText],
  ['app', 'listen', asList],
  ['app', 'addresses', asList],
  ['app', 'healthInterval', asText],
  ['app', 'handover', asText],
  ['app', 'startTimeout', asText],
  ['app', 'drain', asText],
  ['app', 'linger', asText],
  ['policy', 'tier', asNumber],
  ['policy', 'attest', asNumber],
  ['policy', 'build', asFlag],
  ['policy', 'urgent', asText],
  ['policy', 'consent', asText],
  ['policy', 'jitter', asText],
  ['policy', 'shadow', asText],
  ['policy', 'phoneHome', asText],
  ['policy', 'strike', asList],
  ['policy', 'migrations', asText],
  ['swarm', 'host', asText],
  ['swarm', 'port', asNumber],
  ['swarm', 'peers', asList],
  ['swarm', 'bootstrap', asWords],
  ['swarm', 'rendezvous', asFlag],
  ['swarm', 'seed', asText],
  ['mirrors', 'urls', asList],
  ['limits', 'upload', asNumber],
  ['limits', 'seeds', asNumber],
  ['limits', 'memory', asNumber],
  ['limits', 'pids', asNumber],
  ['limits', 'nofile', asNumber],
  ['limits', 'disk', asNumber],
  ['hooks', 'dialect', asText],
  ['hooks', 'timeout', asText]
]

/** Lays `layer` over `into`, noting who set each key. */
export function merge(
  into: Record<string, unknown>,
  layer: Layer,
  note: { origin: string; origins: Map<string, string>; path: string }
): void {
  for (const [key, value] of Object.entries(layer)) {
    if (value === undefined) continue
    const path = note.path === '' ? key : `${note.path}.${key}`
    if (isTable(value)) {
      const below = isTable(into[key]) ? { ...into[key] } : {}
      merge(below, value, { ...note, path })
      into[key] = below
    } else {
      into[key] = value
      note.origins.set(path, note.origin)
    }
  }
}

/** A table of its own, no list and no value. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
