import { dirname, join } from 'node:path'
import { fromText, OtaError, toText, type Disk } from '../../base/index.ts'
import {
  decodeOtaJson,
  isReservedEnv,
  type Argv,
  type OtaJson,
  type Probe,
  type StateRules
} from '../../records/index.ts'
import type { Insistence } from '../../cutover/index.ts'
import type { SpawnOrder } from '../launcher/config.ts'

export type { Insistence } from '../../cutover/index.ts'

/** What an app may use at most; bytes and counts, null: not bounded. */
export type Limits = OtaJson['limits']

/** Programs of the operator around a change of version; outside the jail and outside the tree. */
export interface LocalHooks {
  /** How their exit codes are read. */
  readonly dialect: 'upswell' | 'mender' | 'cosmovisor'
  readonly before: Argv | null
  readonly after: Argv | null
  readonly timeoutMs: number
}

/** What the operator says about the app; it lies outside the tree and survives every upgrade. */
export interface LocalApp {
  /** Replaces `start` whole. */
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  /** `host:port` by listen name. */
  readonly listen: Readonly<Record<string, string>>
  readonly handover: 'auto' | 'overlap' | 'exclusive' | 'proxy'
  readonly startTimeoutMs: number | null
  readonly drainMaxMs: number | null
  readonly lingerMs: number | null
  /** Beside the release's own probe; all must pass. */
  readonly probes: readonly Probe[]
  /** Between two looks, null: as the release says. */
  readonly healthIntervalMs: number | null
  readonly limits: Limits
  readonly shadow: Insistence
  readonly phoneHome: Insistence
  /** Destinations of the release's `expect` that count for nothing here. */
  readonly strike: readonly string[]
  /** A migration is never replaced or left out: this node may only refuse the whole release. */
  readonly migrations: 'run' | 'refuse'
  readonly hooks: LocalHooks
}

const noLimits: Limits = { memory: null, pids: null, nofile: null, disk: null }

export const noLocalApp: LocalApp = {
  command: null,
  env: {},
  listen: {},
  handover: 'auto',
  startTimeoutMs: null,
  drainMaxMs: null,
  lingerMs: null,
  probes: [],
  healthIntervalMs: null,
  limits: noLimits,
  shadow: 'prefer',
  phoneHome: 'prefer',
  strike: [],
  migrations: 'run',
  hooks: { dialect: 'upswell', before: null, after: null, timeoutMs: 600_000 }
}

/**
 * `versions/<release>.run`: signed `ota.json` met with local config, in force at the next start.
 */
export interface RunSpec {
  readonly v: 1
  readonly release: string
  readonly name: string
  readonly version: string
  /** What it understands: 0 signals, 1 sockets handed on, 2 the control stream. */
  readonly level: 0 | 1 | 2
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The operator's command stands in place of the release's. */
  readonly overridden: boolean
  readonly startTimeoutMs: number
  readonly signal: SpawnOrder['signal']
  readonly stopTimeoutMs: number
  /** `host:port` by name, in the order of `ota.json`. */
  readonly listen: readonly {
    readonly name: string
    readonly address: string
    readonly spares: number
  }[]
  /** The launcher holds the addresses and passes connections on. */
  readonly proxy: boolean
  /** With `proxy`: requests wait while nobody serves. */
  readonly hold: boolean
  /** The launcher holds the addresses and hands the sockets on; else the app binds them itself. */
  readonly passes: boolean
  readonly probes: readonly Probe[]
  readonly intervalMs: number
  readonly badForMs: number
  /** 0: none. */
  readonly watchdogMs: number
  readonly handover: 'overlap' | 'exclusive'
  readonly split: boolean
  readonly warmMs: number
  readonly observeMs: number
  readonly lingerMs: number
  readonly drainMaxMs: number
  readonly maxPauseMs: number
  readonly schema: number
  readonly stateClass: StateRules['class']
  readonly limits: Limits
  readonly shadow: { readonly policy: Insistence; readonly windowMs: number }
  /** Asked in the shadow, beside the probes. */
  readonly shadowProbe: Argv | null
  readonly phoneHome: Insistence
  readonly expect: readonly string[]
}

/** What a run spec says that an earlier version of this program wrote. */
const unsaid = {
  level: 0,
  hold: false,
  passes: false,
  watchdogMs: 0,
  split: false,
  maxPauseMs: 5_000,
  stateClass: 'none',
  limits: noLimits,
  shadow: { policy: 'prefer', windowMs: 60_000 },
  shadowProbe: null,
  phoneHome: 'prefer',
  expect: []
} as const satisfies Partial<RunSpec>

/** The machine a release is judged on. */
export interface Facts {
  readonly platform: string
  readonly arch: string
  readonly node: string
  /** Version of this program. */
  readonly daemon: string
}

/** Folders a start line may name. */
export interface Places {
  readonly tree: string
  readonly state: string
  readonly config: string
  readonly tmp: string
}

/** What the plan of a release bounds; milliseconds. */
export interface Deadlines {
  readonly startMs: number
  readonly trialMs: number
}

/** The release to be judged and what its plan bounds, null where nobody knows. */
export interface Candidate {
  readonly release: string
  readonly ota: OtaJson
  readonly deadlines?: Deadlines | null
}

/**
 * Signed `ota.json` met with local config. Throws `NOT_ELIGIBLE` with the reason in words for what
 * this node may not or cannot run, `CONFIG_INVALID` for a variable that nobody may set.
 */
export function makeRunSpec(candidate: Candidate, local: LocalApp, facts: Facts): RunSpec {
  const { ota, release } = candidate
  judge(ota, facts)
  if (local.migrations === 'refuse' && ota.migrate !== null) {
    refuse('to migrate state', 'an operator who refuses it')
  }
  for (const name of Object.keys(local.env)) {
    if (isReservedEnv(name)) {
      throw new OtaError('CONFIG_INVALID', `[app] env may not set the reserved variable ${name}`)
    }
  }
  const { health, network, shadow } = ota
  const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const
  return {
    v: 1,
    release,
    name: ota.name,
    version: ota.version,
    level: ota.level,
    argv: local.command ?? ota.start,
    env: { ...Object.fromEntries(ota.env), ...local.env },
    overridden: local.command !== null,
    signal: signals.find((name) => name === ota.stop.signal) ?? 'SIGTERM',
    stopTimeoutMs: ota.stop.timeoutMs,
    ...listening(ota, local),
    probes: [health.probe, ...local.probes],
    intervalMs: Math.min(health.intervalMs, local.healthIntervalMs ?? Infinity),
    badForMs: health.badForMs,
    watchdogMs: health.watchdogMs,
    ...handingOver(candidate, local),
    schema: ota.state.schema,
    stateClass: ota.state.class,
    limits: smaller(ota.limits, local.limits),
    shadow: { policy: stricter(shadow.policy, local.shadow), windowMs: shadow.windowMs },
    shadowProbe: shadow.probe,
    phoneHome: stricter(network.policy, local.phoneHome),
    expect: network.expect.filter((one) => !local.strike.includes(one))
  }
}

function listening(
  { handover, level, listen }: OtaJson,
  local: LocalApp
): Pick<RunSpec, 'listen' | 'proxy' | 'hold' | 'passes'> {
  const proxy = handover.proxy !== 'off' || local.handover === 'proxy'
  return {
    listen: listen.map(({ name, host, port, spares }) => ({
      name,
      address: local.listen[name] ?? `${host.includes(':') ? `[${host}]` : host}:${port}`,
      spares
    })),
    proxy,
    hold: handover.proxy === 'hold',
    passes: !proxy && level > 0 && listen.length > 0
  }
}

/** "`overlap` is never forced on a release that says exclusive"; a trial only gets longer. */
function handingOver(
  { ota, deadlines }: Candidate,
  local: LocalApp
): Pick<
  RunSpec,
  | 'startTimeoutMs'
  | 'handover'
  | 'split'
  | 'warmMs'
  | 'observeMs'
  | 'lingerMs'
  | 'drainMaxMs'
  | 'maxPauseMs'
> {
  const { handover } = ota
  const exclusive = handover.class === 'exclusive' || local.handover === 'exclusive'
  const trialMs = deadlines?.trialMs ?? 0
  const startMs = deadlines?.startMs ?? Infinity
  return {
    startTimeoutMs: Math.min(ota.startTimeoutMs, local.startTimeoutMs ?? Infinity, startMs),
    handover: exclusive ? 'exclusive' : 'overlap',
    split: handover.split,
    warmMs: handover.warmMs,
    observeMs: Math.max(handover.observeMs, trialMs - handover.warmMs),
    lingerMs: local.lingerMs ?? handover.lingerMs,
    drainMaxMs: local.drainMaxMs ?? handover.drainMaxMs,
    maxPauseMs: handover.maxPauseMs
  }
}

function smaller(signed: Limits, local: Limits): Limits {
  const least = (key: keyof Limits): number | null => {
    const both = [signed[key], local[key]].filter((one) => one !== null)
    return both.length === 0 ? null : Math.min(...both)
  }
  return {
    memory: least('memory'),
    pids: least('pids'),
    nofile: least('nofile'),
    disk: least('disk')
  }
}

/** The one of two wishes that asks for more. */
function stricter(one: Insistence, other: Insistence): Insistence {
  const ranks = ['off', 'prefer', 'require'] as const
  return ranks[Math.max(ranks.indexOf(one), ranks.indexOf(other))] ?? 'require'
}

/** Reads `ota.json` of a placed tree; `BAD_TREE` if it is missing or breaks a rule. */
export async function readOtaJson(disk: Disk, tree: string): Promise<OtaJson> {
  const path = join(tree, 'ota.json')
  // signers are shown the file of that name: a link is none
  const isFile = (await disk.stat(path))?.type === 'file'
  const bytes = isFile ? await disk.read(path) : null
  if (bytes === null) throw new OtaError('BAD_TREE', `"${tree}" has no ota.json`)
  return decodeOtaJson(bytes)
}

export async function writeRunSpec(disk: Disk, path: string, spec: RunSpec): Promise<void> {
  await disk.writeDurable(path, fromText(JSON.stringify(spec) + '\n'))
}

/** The run spec of an installed release; `BAD_TREE` if it is not there. */
export async function readRunSpec(disk: Disk, path: string): Promise<RunSpec> {
  const bytes = await disk.read(path)
  if (bytes === null) throw new OtaError('BAD_TREE', `there is no run spec "${path}"`)
  const value: unknown = JSON.parse(toText(bytes))
  if (typeof value !== 'object' || value === null || !('v' in value) || value.v !== 1) {
    throw new OtaError('JOURNAL_NEWER', `"${path}" has another format than this version writes`)
  }
  // Written by `writeRunSpec` into a folder that only this node may write.
  return { ...unsaid, ...(value as RunSpec) }
}

/** What the launcher is asked to start. */
export function spawnOrder(spec: RunSpec, gen: string, places: Places): SpawnOrder {
  const fill = filler(places)
  return {
    release: spec.release,
    gen,
    argv: spec.argv.map(fill),
    env: { ...environment(places, spec.release), ...filled(spec.env, fill) },
    cwd: places.tree,
    ports: spec.proxy ? spec.listen.map(({ name }) => name) : [],
    signal: spec.signal
  }
}

/** An allow-list; nothing of the daemon's own environment but language and zone passes. */
export function environment(places: Places, release: string): Readonly<Record<string, string>> {
  const { LANG, TZ } = process.env
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  return {
    // The Node that runs us comes first: `node` in a start line is found however we were installed.
    PATH: `${dirname(process.execPath)}:${path}`,
    HOME: places.state,
    TMPDIR: places.tmp,
    OTA_PROTO: '1',
    OTA_MODE: 'live',
    OTA_RELEASE: release,
    OTA_STATE_DIR: places.state,
    OTA_PARAMS_DIR: join(places.tree, 'params'),
    ...(LANG === undefined ? {} : { LANG }),
    ...(TZ === undefined ? {} : { TZ })
  }
}

export function filler(places: Places): (text: string) => string {
  const words = new Map<string, string>(Object.entries(places))
  return (text) =>
    text.replace(/(\$?)\{([a-z]+)\}/g, (all, dollar: string, word: string) =>
      dollar === '' ? (words.get(word) ?? all) : all
    )
}

function filled(
  env: Readonly<Record<string, string>>,
  fill: (text: string) => string
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, fill(value)]))
}

function judge(ota: OtaJson, facts: Facts): void {
  const { os, arch, node, daemon } = ota.requires
  if (os.length > 0 && !os.includes(facts.platform)) refuse(os.join(' or '), facts.platform)
  if (arch.length > 0 && !arch.includes(facts.arch)) refuse(arch.join(' or '), facts.arch)
  if (node !== '' && !isAtLeast(facts.node, node.slice(2))) refuse(`node ${node}`, facts.node)
  if (daemon !== '' && !isAtLeast(facts.daemon, daemon)) {
    refuse(`daemon ${daemon}`, facts.daemon)
  }
}

function refuse(need: string, have: string): never {
  throw new OtaError('NOT_ELIGIBLE', `the release needs ${need}, this node has ${have}`)
}

function isAtLeast(have: string, least: string): boolean {
  const [a, b] = [have, least].map((text) => text.split('.').map(Number))
  for (const [index, need] of (b ?? []).entries()) {
    const got = a?.[index] ?? 0
    if (got !== need) return got > need
  }
  return true
}
