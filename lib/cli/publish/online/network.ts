import { parse } from 'smol-toml'
import { OtaError, toText } from '../../../base/index.ts'
import { parseHostPort, type HostPort } from '../../../gossip/index.ts'
import type { Desk } from '../../../publish/index.ts'
import type { Context } from '../../frame/index.ts'

/** How this command reaches its network. */
export interface Network {
  /** `HOST:PORT#KEY` each. */
  readonly peers: readonly string[]
  readonly bootstrap: readonly HostPort[] | 'public' | 'none'
  readonly host: string | null
  readonly port: number | null
}

/** From the flags, else from `[swarm]` of `--config`, else the public network. */
export async function networkOf(context: Context, desk: Desk): Promise<Network> {
  const { flags } = context
  const file = context.config === null ? {} : await readSwarm(desk, context.config)
  const peers = flags.list('peers').flatMap((list) => list.split(','))
  return {
    peers: peers.length > 0 ? peers : (file.peers ?? []),
    bootstrap: bootstrapOf(flags.text('bootstrap') ?? file.bootstrap ?? 'public'),
    host: flags.text('host') ?? file.host ?? null,
    port: flags.count('port', 1, 65_535) ?? file.port ?? null
  }
}

interface Swarm {
  readonly peers?: readonly string[]
  readonly bootstrap?: string
  readonly host?: string
  readonly port?: number
}

function bootstrapOf(text: string): Network['bootstrap'] {
  if (text === 'public' || text === 'none') return text
  return text.split(',').map(parseHostPort)
}

/** `[swarm]` with peers, bootstrap, host, port; anything else is `CONFIG_INVALID`. */
async function readSwarm(desk: Desk, path: string): Promise<Swarm> {
  const bytes = await desk.disk.read(path)
  if (bytes === null) throw new OtaError('CONFIG_INVALID', `there is no file ${path}`)
  const whole = parseToml(toText(bytes), path)
  const strange = Object.keys(whole).find((key) => key !== 'swarm')
  if (strange !== undefined) throw invalid(path, strange, 'is not known here')
  const swarm = whole['swarm'] ?? {}
  if (typeof swarm !== 'object') throw invalid(path, 'swarm', 'must be a table')
  let found: Swarm = {}
  for (const [key, value] of Object.entries(swarm)) {
    found = { ...found, ...swarmValue(path, key, value) }
  }
  return found
}

function swarmValue(path: string, key: string, value: unknown): Swarm {
  const isTexts = Array.isArray(value) && value.every((one) => typeof one === 'string')
  if (key === 'peers' && isTexts) return { peers: value }
  if (key === 'bootstrap' && isTexts) return { bootstrap: value.join(',') }
  if (key === 'bootstrap' && typeof value === 'string') return { bootstrap: value }
  if (key === 'host' && typeof value === 'string') return { host: value }
  if (key === 'port' && typeof value === 'number' && value > 0 && value < 65_536) {
    return { port: value }
  }
  const known = ['peers', 'bootstrap', 'host', 'port'].includes(key)
  throw invalid(path, `swarm.${key}`, known ? 'has a wrong value' : 'is not known here')
}

function parseToml(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text)
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    const first = cause.message.split('\n')[0] ?? ''
    throw new OtaError('CONFIG_INVALID', `${path} cannot be read: ${first}`, { cause })
  }
}

function invalid(path: string, key: string, why: string): OtaError {
  return new OtaError('CONFIG_INVALID', `${path}: ${key} ${why}`)
}
