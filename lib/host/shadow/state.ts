import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { MIB, type Clock, type Disk } from '../../base/index.ts'
import type { OtaJson, Pair } from '../../records/index.ts'
import { readOtaJson } from '../app/runspec.ts'
import { onDisk } from '../failure.ts'
import type { Home } from '../files/home.ts'
import type { JailFound } from '../jail/jail.ts'
import { ownNode } from '../jail/own.ts'
import { systemPath } from '../jail/places.ts'
import { giveOver } from '../jail/spawn.ts'
import { stayInJail } from '../jail/stay.ts'
import { planCopy } from '../snapshot/plan.ts'
import { takeSnapshot, type Freezer, type Snapshot } from '../snapshot/take.ts'
import { judgeHookExit } from '../state/exits.ts'
import type { StateShown } from './report.ts'
import type { ShownState } from './stage.ts'

/** The state that a shadow gets, and the folder that a migration is rehearsed on. */
export interface Shown {
  readonly state: ShownState
  /** Null: nothing of it may be migrated by us. */
  readonly copy: string | null
  readonly facts: StateShown
}

export interface StateTools {
  readonly clock: Clock
  readonly disk: Disk
  readonly home: Home
  /** Null: the app does not run. */
  readonly app: Freezer | null
}

export interface StateAsked {
  readonly release: string
  readonly from: Pair | null
  /** A folder of this op alone. */
  readonly folder: string
  readonly maxBytes?: number | undefined
  readonly jail: () => Promise<JailFound>
}

const hookMs = 600_000

/** Makes it as the class of the state asks for; in words why it cannot be had here. */
export async function stateFor(
  tools: StateTools,
  asked: StateAsked
): Promise<
  ({ readonly tag: 'shown' } & Shown) | { readonly tag: 'unavailable'; readonly why: string }
> {
  const { disk, home } = tools
  const { from, release } = asked
  const after = await readOtaJson(disk, home.tree(release))
  if (from === null || after.state.class === 'none') return await empty(asked.folder)
  const live = home.places(from.release, from.gen).state
  if (after.state.class === 'append-only') return await itself(live)
  const before = await readOtaJson(disk, home.tree(from.release))
  const found = await take(tools, asked, { live, before })
  if (found.tag === 'unavailable') return found
  const { copy, consistency, ms } = found
  const { how, bytes, excluded, path, layer } = copy
  const facts = { how, consistency, bytes, ms, excluded }
  if (layer !== null) {
    const state = { tag: 'layer', layer: { lower: path, ...layer } } as const
    // what is migrated or counted only reads it
    return { tag: 'shown', state, copy: path, facts }
  }
  // in the jail it belongs to the user of the jail, whoever the app runs as
  if (process.getuid?.() === 0) await giveOver(path, systemPath)
  return { tag: 'shown', state: { tag: 'folder', path }, copy: path, facts }
}

/** A store that was replicated is never copied: it is read where it lies. */
async function itself(
  live: string
): Promise<
  ({ readonly tag: 'shown' } & Shown) | { readonly tag: 'unavailable'; readonly why: string }
> {
  const { uid, gid } = await onDisk('look at', live, async () => await fs.lstat(live))
  if (uid === 0) {
    return { tag: 'unavailable', why: 'the live state is of root, whom nobody is in a jail' }
  }
  const { bytes } = await planCopy(live)
  const facts = { how: 'live', consistency: null, bytes, ms: 0, excluded: [] } as const
  const state = { tag: 'live', path: live, owner: { uid, gid } } as const
  return { tag: 'shown', state, copy: null, facts }
}

async function empty(folder: string): Promise<{ readonly tag: 'shown' } & Shown> {
  const path = join(folder, 'empty')
  await onDisk('make folder', path, async () => await fs.mkdir(path, { recursive: true }))
  const facts = { how: 'none', consistency: null, bytes: 0, ms: 0, excluded: [] } as const
  return { tag: 'shown', state: { tag: 'folder', path }, copy: null, facts }
}

interface Between {
  readonly live: string
  /** What runs now: it knows how its own state is copied. */
  readonly before: OtaJson
}

async function take(tools: StateTools, asked: StateAsked, between: Between): Promise<Snapshot> {
  const { clock, app } = tools
  const { live, before } = between
  const into = join(asked.folder, 'copy')
  const mode = before.state.snapshot
  if (typeof mode !== 'string') return await byHook(tools, asked, between)
  return await takeSnapshot(clock, live, into, {
    asked: mode,
    app,
    ...(asked.maxBytes === undefined ? {} : { maxBytes: asked.maxBytes })
  })
}

/**
 * `state.snapshot` as a program of the version that runs: it reads the live state at
 * `OTA_STATE_DIR` and leaves a copy at `OTA_STATE_COPY`, in a jail like every other hook.
 */
async function byHook(
  { clock, home }: StateTools,
  { from, folder, jail }: StateAsked,
  { live, before }: Between
): Promise<Snapshot> {
  const start = clock.steadyMs()
  const done = (): { consistency: 'crash'; ms: number } => ({
    consistency: 'crash',
    ms: Math.round(clock.steadyMs() - start)
  })
  const no = (why: string): Snapshot => ({ tag: 'unavailable', why, ...done() })
  const found = await jail()
  const run = before.state.snapshot
  if (found.tag === 'none') return no(`there is no jail for the hook: ${found.why}`)
  if (typeof run === 'string' || from === null) return no('there is no hook')
  const path = join(folder, 'copy', 'state')
  await onDisk('make folder', path, async () => await fs.mkdir(path, { recursive: true }))
  const node = await ownNode()
  const { uid, gid } = await onDisk('look at', live, async () => await fs.lstat(live))
  const late = AbortSignal.timeout(hookMs)
  const end = await stayInJail(
    found.jail,
    {
      argv: run,
      cwd: '/app',
      readOnly: [
        { path: home.tree(from.release), at: '/app' },
        { path: live, at: '/state' },
        ...node.places
      ],
      writable: [{ path, at: '/copy' }],
      env: new Map([
        ['PATH', node.path],
        ['OTA_STATE_DIR', '/state'],
        ['OTA_STATE_COPY', '/copy']
      ]),
      tmpBytes: 64 * MIB,
      links: [],
      overlays: [],
      network: 'loopback',
      signal: late,
      // only who owns the state can read it
      ...(uid === 0 ? {} : { user: { uid, gid } })
    },
    { onBegin: () => undefined, onLine: () => undefined }
  )
  const how = { signal: null, timedOut: late.aborted, overflowed: false, hasResult: null }
  const verdict = judgeHookExit({ ...how, exit: end.exit })
  if (verdict.tag !== 'done') {
    const said = end.output.trim().split('\n').at(-1) ?? ''
    const text = verdict.tag === 'failed' ? verdict.text : verdict.tag
    return no(`the hook that copies the state: ${text} ${said}`.trim())
  }
  const { bytes, files, excluded, fault } = await planCopy(path)
  if (fault !== null) return no(`the hook left a copy that is none: ${fault}`)
  const copy = { how: 'copy', bytes, files, excluded, path, layer: null } as const
  return { tag: 'copied', copy, ...done() }
}
