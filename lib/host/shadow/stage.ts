import * as fs from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RunSpec } from '../app/runspec.ts'
import { environment, filler } from '../app/runspec.ts'
import type { Overlay, Place, StayingJob } from '../jail/job.ts'
import { ownNode } from '../jail/own.ts'
import { ourFolder as ours, ownPlaces } from '../jail/program.ts'
import type { SystemPlaces } from '../jail/places.ts'
import { resolverAddress } from '../netwatch/resolver.ts'
import { listeningSockets, socketsMax } from '../netwatch/sockets.ts'
import type { Decoy, WatchOrder } from '../netwatch/watch.ts'
import type { Probe } from '../../records/index.ts'
import type { ShadowOrder } from './order.ts'

/** Where a release and its state stand in the jail: the same on every machine. */
const inside = { tree: '/app/tree', state: '/app/state', config: '/app/config', tmp: '/tmp' }
const tmpBytes = 1 << 28

/** The state that a shadow is shown. */
export type ShownState =
  | { readonly tag: 'folder'; readonly path: string }
  | { readonly tag: 'layer'; readonly layer: Omit<Overlay, 'at'> }
  /** The live one itself, which nobody in the jail can write. */
  | { readonly tag: 'live'; readonly path: string; readonly owner: Owner }

interface Owner {
  readonly uid: number
  readonly gid: number
}

export interface Staging {
  readonly spec: RunSpec
  readonly gen: string
  readonly tree: string
  readonly config: string | null
  readonly state: ShownState
  /** Where the live state would be, and what stands there instead. */
  readonly bait: { readonly path: string; readonly at: string } | null
  /** A folder that is there for this one shadow. */
  readonly scratch: string
  /** Null: nobody looks at the network. */
  readonly watch: WatchOrder['how'] | null
}

export interface Staged {
  readonly job: Omit<StayingJob, 'signal'>
  readonly order: ShadowOrder
}

/** Makes what a shadow needs in `scratch`, and says how its jail is built and what runs in it. */
export async function stageShadow(staging: Staging, system: SystemPlaces): Promise<Staged> {
  const { scratch, state, bait, config, watch } = staging
  await fs.mkdir(scratch, { recursive: true, mode: 0o700 })
  const node = await ownNode()
  const decoys = watch === null ? [] : await decoysFor(staging, system)
  const sockets = join(scratch, 'sockets')
  await fs.mkdir(sockets, { recursive: true, mode: 0o700 })
  const folders = [
    { path: sockets, at: `${ours}/sockets` },
    ...(state.tag === 'folder' ? [{ path: state.path, at: inside.state }] : []),
    ...(bait === null ? [] : [bait])
  ]
  const shown = [
    { path: staging.tree, at: inside.tree },
    ...(config === null ? [] : [{ path: config, at: inside.config }]),
    ...(state.tag === 'live' ? [{ path: state.path, at: inside.state }] : [])
  ]
  const job = {
    argv: ['node', `${ours}/lib/host/shadow/shim.js`],
    cwd: '/tmp',
    readOnly: [
      ...node.places,
      ...(await ownPlaces(scratch)),
      ...(await systemFiles(scratch)),
      ...shown
    ],
    writable: folders,
    env: new Map([['PATH', node.path]]),
    tmpBytes,
    links: [
      ...linksFor(decoys),
      ...(bait === null ? [] : [{ path: bait.at, at: join(dirname(bait.at), 'live') }])
    ],
    overlays: state.tag === 'layer' ? [{ ...state.layer, at: inside.state }] : [],
    network: watch === 'full' ? ('everything' as const) : ('loopback' as const),
    ...(state.tag === 'live' ? { user: state.owner } : {})
  }
  return { job, order: orderOf(staging, node.path, decoys) }
}

function orderOf(
  { spec, gen, state, watch }: Staging,
  path: string,
  decoys: readonly Decoy[]
): ShadowOrder {
  const fill = filler(inside)
  const env = environment(inside, spec.release)
  const extra = Object.entries(spec.env).map(([key, value]) => [key, fill(value)] as const)
  const readOnly: Readonly<Record<string, string>> =
    state.tag === 'live' ? { OTA_STATE_RO: '1' } : {}
  const sockets = spec.passes ? spec.listen.map(({ name, spares }) => ({ name, spares })) : []
  const listen = spec.listen.map(({ name, address }) => {
    if (spec.proxy) return { name, address, how: 'port' as const }
    return { name, address: onLoopback(address), how: spec.passes ? 'passed' : 'own' } as const
  })
  return {
    watch: watch === null ? null : { how: watch, decoys },
    release: spec.release,
    gen,
    argv: spec.argv.map(fill),
    env: { ...env, PATH: path, ...Object.fromEntries(extra), ...readOnly, OTA_MODE: 'shadow' },
    cwd: inside.tree,
    pass: { level: spec.level, mode: 'live', sockets, watchdogMs: spec.watchdogMs },
    listen,
    probes: spec.probes.map((probe) => filledProbe(probe, fill)),
    shadowProbe: spec.shadowProbe?.map(fill) ?? null,
    startTimeoutMs: spec.startTimeoutMs,
    intervalMs: spec.intervalMs,
    badForMs: spec.badForMs,
    windowMs: spec.shadow.windowMs,
    limits: spec.limits
  }
}

function filledProbe(probe: Probe, fill: (text: string) => string): Probe {
  return probe.tag === 'command' ? { ...probe, run: probe.run.map(fill) } : probe
}

/** The same port on the loopback of the jail, which is not that of the machine. */
function onLoopback(address: string): string {
  const port = address.slice(address.lastIndexOf(':') + 1)
  return address.startsWith('[::1]') ? `::1:${port}` : `127.0.0.1:${port}`
}

/** Files that programs ask: nothing of this machine, and a resolver that writes down. */
async function systemFiles(scratch: string): Promise<readonly Place[]> {
  const texts = {
    'resolv.conf': `nameserver ${resolverAddress}\noptions timeout:1 attempts:2\n`,
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
    // nothing but files and that resolver: other ways would be sockets that libc asks by itself
    'nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n'
  }
  for (const [name, text] of Object.entries(texts)) {
    await fs.writeFile(join(scratch, name), text)
    await fs.chmod(join(scratch, name), 0o644)
  }
  return Object.keys(texts).map((name) => ({ path: join(scratch, name), at: `/etc/${name}` }))
}

/** On most machines `/var/run` is `/run`: programs use both names for a socket. */
function linksFor(decoys: readonly Decoy[]): readonly Place[] {
  const paths = decoys.filter(({ kind }) => kind === 'path')
  const links = paths.map(({ name, at }) => ({ path: at, at: name }))
  const isUsed = paths.some(({ name }) => name.startsWith('/var/run/'))
  return isUsed ? links : [...links, { path: '/run', at: '/var/run' }]
}

/** Decoys for the sockets that listen on this machine, but where the jail shows something else. */
async function decoysFor({ bait }: Staging, system: SystemPlaces): Promise<readonly Decoy[]> {
  const table = await fs.readFile('/proc/net/unix', 'latin1').catch(() => '')
  const taken = [...system.readOnly, ...system.links].map(({ at }) => at)
  const shown = [...taken, ours, '/app', '/tmp', '/proc', '/dev', '/node', bait?.at ?? ours]
  const isFree = (path: string): boolean =>
    !shown.some((one) => path === one || path.startsWith(`${one}/`) || one.startsWith(`${path}/`))
  return listeningSockets(table)
    .filter(({ kind, name }) => kind === 'abstract' || isFree(name))
    .slice(0, socketsMax)
    .map((socket, index) => ({ ...socket, at: `${ours}/sockets/${index}` }))
}
