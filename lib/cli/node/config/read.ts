import * as v from 'valibot'
import { OtaError } from '../../../base/index.ts'
import { suggest } from '../../frame/index.ts'
import { isTable, merge, readEnv, readFiles, type Layer, type Source } from './layers.ts'
import { lineOf, linesOf } from './lines.ts'
import { knownKeys, schema, type NodeConfig } from './schema.ts'

/** The configuration and, per key that someone set, who set it. */
export interface Configured {
  readonly config: NodeConfig
  readonly origins: ReadonlyMap<string, string>
}

/** One thing that is wrong with a configuration, and where to look for it. */
export interface Fault {
  /** As `swarm.port`; "" where the whole file is at fault. */
  readonly key: string
  /** Path of a file, `environment` or `flag`. */
  readonly origin: string
  readonly line: number | null
  readonly text: string
}

/** Where a configuration comes from. */
export interface ConfigFrom {
  readonly file: string
  /** Named by `--config`, so that it must be there. */
  readonly named: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: Layer
}

/** What a configuration says, with everything that is wrong with it. */
export interface Judged {
  /** Null where there is a fault. */
  readonly found: Configured | null
  readonly faults: readonly Fault[]
}

/**
 * Reads the configuration of a home: flags win over `OTA_NODE_<SECTION>_<KEY>`, over drop-ins
 * (`FILE.d/NN-*.toml`, higher number wins), over the file, over defaults. Throws `CONFIG_INVALID`
 * that names every fault with its key and origin; also when `--config` names a file that is not
 * there.
 */
export async function readConfig(from: ConfigFrom): Promise<Configured> {
  const { found, faults } = await judgeConfig(from)
  if (found !== null) return found
  const more = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`
  const [first] = faults
  const text = first === undefined ? 'the configuration cannot be read' : faultText(first)
  throw new OtaError('CONFIG_INVALID', `${text}${more}`, {
    hint:
      faults.length === 1
        ? 'see the keys with: ota-node config show'
        : 'see all of them with: ota-node config check'
  })
}

/** The same without a refusal: all faults at once, in the order in which they were found. */
export async function judgeConfig(from: ConfigFrom): Promise<Judged> {
  const { sources, broken } = await readFiles(from.file, from.named)
  const origins = new Map<string, string>()
  const merged: Record<string, unknown> = {}
  const all: readonly Source[] = [
    ...sources,
    { layer: readEnv(from.env), origin: 'environment', text: '' },
    { layer: from.flags, origin: 'flag', text: '' }
  ]
  const faults: Fault[] = [...broken]
  for (const source of all) {
    faults.push(...strangers(source))
    merge(merged, onlyKnown(source.layer), { origin: source.origin, origins, path: '' })
  }
  const result = v.safeParse(schema, merged)
  if (!result.success) {
    for (const issue of result.issues) faults.push(faultOf(issue, { origins, sources: all }))
  }
  if (faults.length > 0 || !result.success) return { found: null, faults }
  return { found: { config: result.output, origins }, faults: [] }
}

/** `swarm.port (/etc/x.toml:12): what is wrong`. */
export function faultText({ key, origin, line, text }: Fault): string {
  const where = line === null ? origin : `${origin}:${line}`
  return key === '' ? `${where} ${text}` : `${key} (${where}): ${text}`
}

function faultOf(
  issue: v.BaseIssue<unknown>,
  given: { readonly origins: ReadonlyMap<string, string>; readonly sources: readonly Source[] }
): Fault {
  const key = v.getDotPath(issue) ?? ''
  const origin = originOf(key, given.origins) ?? 'configuration'
  const source = given.sources.findLast((one) => one.origin === origin)
  const line = source === undefined ? null : lineOf(linesOf(source.text), key)
  return { key, origin, line, text: issue.message }
}

/** Who set a key, else the nearest thing around it, else anything in it; null: nobody. */
export function originOf(key: string, origins: ReadonlyMap<string, string>): string | null {
  for (let at = key; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const origin = origins.get(at)
    if (origin !== undefined) return origin
  }
  return [...origins].find(([name]) => name.startsWith(`${key}.`))?.[1] ?? null
}

/** Keys that nobody knows, each with what may have been meant. */
function strangers({ layer, origin, text }: Source): readonly Fault[] {
  const lines = linesOf(text)
  const faults: Fault[] = []
  const look = (section: string, table: Layer): void => {
    const known = knownKeys[section] ?? []
    for (const [key, value] of Object.entries(table)) {
      const path = section === '' ? key : `${section}.${key}`
      if (value === undefined) continue
      if (known.includes(key)) {
        if (section === '' && isTable(value) && key in knownKeys) look(key, value)
        continue
      }
      const near = suggest(key, known)
      const meant = near === null ? '' : `, did you mean "${near}"?`
      faults.push({ key: path, origin, line: lineOf(lines, path), text: `unknown key${meant}` })
    }
  }
  look('', layer)
  return faults
}

function onlyKnown(layer: Layer): Layer {
  const kept = Object.entries(layer).filter(([key]) => knownKeys['']?.includes(key) === true)
  return Object.fromEntries(
    kept.map(([key, value]) => {
      const known = knownKeys[key]
      if (known === undefined || !isTable(value)) return [key, value] as const
      const inner = Object.entries(value).filter(([name]) => known.includes(name))
      return [key, Object.fromEntries(inner)] as const
    })
  )
}
