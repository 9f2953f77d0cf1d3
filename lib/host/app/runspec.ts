import { dirname, join } from 'node:path'
import { fromText, OtaError, toText, type Disk } from '../../base/index.ts'
import { decodeOtaJson, isReservedEnv, type OtaJson, type Probe } from '../../records/index.ts'
import type { SpawnOrder } from '../launcher/config.ts'

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
}

export const noLocalApp: LocalApp = {
  command: null,
  env: {},
  listen: {},
  handover: 'auto',
  startTimeoutMs: null,
  drainMaxMs: null,
  lingerMs: null,
  probes: []
}

/**
 * `versions/<release>.run`: signed `ota.json` met with local config, in force at the next start.
 */
export interface RunSpec {
  readonly v: 1
  readonly release: string
  readonly name: string
  readonly version: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The operator's command stands in place of the release's. */
  readonly overridden: boolean
  readonly startTimeoutMs: number
  readonly signal: SpawnOrder['signal']
  readonly stopTimeoutMs: number
  /** `host:port` by name, in the order of `ota.json`. */
  readonly listen: readonly { readonly name: string; readonly address: string }[]
  /** The launcher holds the addresses and passes connections on; else the app binds them itself. */
  readonly proxy: boolean
  readonly probes: readonly Probe[]
  readonly intervalMs: number
  readonly badForMs: number
  readonly handover: 'overlap' | 'exclusive'
  readonly warmMs: number
  readonly observeMs: number
  readonly lingerMs: number
  readonly drainMaxMs: number
  readonly schema: number
}

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

/** The release to be judged and the schema of the state it would meet, null at a first install. */
export interface Candidate {
  readonly release: string
  readonly ota: OtaJson
  readonly schema: number | null
}

/**
 * Judges `requires`, state and listening mode and makes the run spec. Throws `NOT_ELIGIBLE` with
 * the reason in words for what this node may not or cannot run.
 */
export function makeRunSpec(candidate: Candidate, local: LocalApp, facts: Facts): RunSpec {
  const { ota, release } = candidate
  judge(candidate, facts)
  const proxy = ota.handover.proxy === 'bytes' || local.handover === 'proxy'
  judgeListening(ota, proxy)
  for (const name of Object.keys(local.env)) {
    if (isReservedEnv(name)) {
      throw new OtaError('CONFIG_INVALID', `[app] env may not set the reserved variable ${name}`)
    }
  }
  const { handover, health } = ota
  // "`overlap` is never forced on a release that says exclusive."
  const exclusive = handover.class === 'exclusive' || local.handover === 'exclusive'
  const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const
  return {
    v: 1,
    release,
    name: ota.name,
    version: ota.version,
    argv: local.command ?? ota.start,
    env: { ...Object.fromEntries(ota.env), ...local.env },
    overridden: local.command !== null,
    startTimeoutMs: Math.min(ota.startTimeoutMs, local.startTimeoutMs ?? Infinity),
    signal: signals.find((name) => name === ota.stop.signal) ?? 'SIGTERM',
    stopTimeoutMs: ota.stop.timeoutMs,
    listen: ota.listen.map(({ name, host, port }) => ({
      name,
      address: local.listen[name] ?? `${host}:${port}`
    })),
    proxy,
    probes: [health.probe, ...local.probes],
    intervalMs: health.intervalMs,
    badForMs: health.badForMs,
    handover: exclusive ? 'exclusive' : 'overlap',
    warmMs: handover.warmMs,
    observeMs: handover.observeMs,
    lingerMs: local.lingerMs ?? handover.lingerMs,
    drainMaxMs: local.drainMaxMs ?? handover.drainMaxMs,
    schema: ota.state.schema
  }
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
  return value as RunSpec
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

function judge({ ota, schema }: Candidate, facts: Facts): void {
  const { os, arch, node, daemon } = ota.requires
  if (os.length > 0 && !os.includes(facts.platform)) refuse(os.join(' or '), facts.platform)
  if (arch.length > 0 && !arch.includes(facts.arch)) refuse(arch.join(' or '), facts.arch)
  if (node !== '' && !isAtLeast(facts.node, node.slice(2))) refuse(`node ${node}`, facts.node)
  if (daemon !== '' && !isAtLeast(facts.daemon, daemon)) {
    refuse(`daemon ${daemon}`, facts.daemon)
  }
  const changes = ota.state.class !== 'none' && schema !== null && schema !== ota.state.schema
  if (changes) {
    refuse(`a state transition from schema ${schema} to ${ota.state.schema}`, 'no means for one')
  }
}

function refuse(need: string, have: string): never {
  throw new OtaError('NOT_ELIGIBLE', `the release needs ${need}, this node has ${have}`)
}

function judgeListening(ota: OtaJson, proxy: boolean): void {
  if (ota.handover.proxy === 'hold' && !proxy) {
    throw new OtaError('NOT_ELIGIBLE', 'the release needs proxy "hold", this node has "bytes"')
  }
  if (!proxy && ota.level > 0 && ota.listen.length > 0) {
    throw new OtaError('NOT_ELIGIBLE', 'the release takes its sockets, this node passes none on', {
      hint: 'set handover.proxy to "bytes" in ota.json, or [app] handover = "proxy" here'
    })
  }
}

function isAtLeast(have: string, least: string): boolean {
  const [a, b] = [have, least].map((text) => text.split('.').map(Number))
  for (const [index, need] of (b ?? []).entries()) {
    const got = a?.[index] ?? 0
    if (got !== need) return got > need
  }
  return true
}
