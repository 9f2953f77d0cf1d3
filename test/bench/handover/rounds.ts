import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { SlotName } from '../../../lib/cutover/index.ts'
import { later, Rig, type Change } from '../../host/rig.ts'
import { ask, OpenLoop, type Sample } from './load.ts'

const releases = { a: '1'.repeat(52), b: '2'.repeat(52) } as const
const spares = 40
const restMs = 500

export interface Outcome {
  readonly samples: readonly Sample[]
  readonly rounds: number
}

/** A launcher with the app of level 2, two versions installed, the first one serving. */
export async function openRig(folder: string, app: string, change: Change = {}): Promise<Rig> {
  const rig = await Rig.open(folder)
  for (const slot of ['a', 'b'] as const) {
    const start = ['node', 'server.mjs', slot]
    const listen = [{ name: 'http', default: '127.0.0.1:0', spares }]
    await rig.install(releases[slot], app, { start, listen, ...change })
  }
  await rig.serve('a', releases.a)
  return rig
}

/** Hand-overs under load, one after the other, each old version drained to its end. */
export async function overlapped(rig: Rig, count: number, perSecond: number): Promise<Outcome> {
  const load = new OpenLoop(await rig.port(), perSecond)
  for (let round = 0; round < count; round++) {
    const [from, to] = slots(round)
    await rig.overlap(to, releases[to])
    await later(restMs)
    await end(rig, from)
  }
  return { samples: await load.stop(), rounds: count }
}

/** The load alone: what hand-overs are measured against. */
export async function undisturbed(rig: Rig, ms: number, perSecond: number): Promise<Outcome> {
  const load = new OpenLoop(await rig.port(), perSecond)
  await later(ms)
  return { samples: await load.stop(), rounds: 0 }
}

/** From the SIGKILL of the new version to the next whole answer, by the armed launcher; ms. */
export async function takeBacks(rig: Rig, count: number): Promise<readonly number[]> {
  const times: number[] = []
  const port = await rig.port()
  const from = await serving(rig)
  const to = other(from)
  for (let round = 0; round < count; round++) {
    await rig.overlap(to, releases[to])
    await rig.do({ tag: 'arm', on: to, to: from })
    const pid = await rig.pid(to)
    const begun = performance.now()
    process.kill(pid, 'SIGKILL')
    while ((await ask(port)) !== null);
    times.push(performance.now() - begun)
    await rig.told('exited', to)
    await end(rig, to)
  }
  return times
}

export interface Exclusive extends Outcome {
  /** From "released" to the next lock; from the order to release to the next one in charge. */
  readonly lockMs: readonly number[]
  readonly pauseMs: readonly number[]
}

/** Hand-overs of an app that only one process may run, behind its socket or a holding proxy. */
export async function exclusive(
  rig: Rig,
  { count, perSecond, hold }: { count: number; perSecond: number; hold: boolean }
): Promise<Exclusive> {
  const [lockMs, pauseMs]: [number[], number[]] = [[], []]
  const load = new OpenLoop(await rig.port(), perSecond)
  for (let round = 0; round < count; round++) {
    const [from, to] = slots(round)
    await rig.start(to, releases[to], 'wait')
    await rig.told('healthy', to)
    if (hold) await rig.do({ tag: 'route', slot: null })
    const begun = performance.now()
    await rig.do({ tag: 'release', slot: from })
    await rig.told('released', from)
    const releasedMs = Date.now()
    await rig.do({ tag: 'takeover', slot: to })
    await rig.told('primary', to)
    pauseMs.push(performance.now() - begun)
    await rig.do({ tag: 'route', slot: to })
    const { slots: seen } = await rig.view()
    lockMs.push(lockedMs(seen[to]?.word?.status ?? '') - releasedMs)
    await later(restMs)
    await end(rig, from)
  }
  return { samples: await load.stop(), rounds: count, lockMs, pauseMs }
}

/** What ota.json of the store has to say here. */
export function storeChange(hold: boolean, peerPort: number): Change {
  const env = { MODULES: resolve('node_modules'), PEER_PORT: String(peerPort) }
  return { env, ...(hold ? { handover: { proxy: 'hold' } } : {}) }
}

export function leftOver(rig: Rig): { readonly descriptors: number; readonly children: number } {
  const pid = rig.launcher.pid ?? 0
  const descriptors = readdirSync(`/proc/${pid}/fd`).length
  const tasks = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return { descriptors, children: tasks === '' ? 0 : tasks.split(' ').length }
}

async function serving(rig: Rig): Promise<SlotName> {
  return (await rig.view()).slots.a?.word?.state === 'primary' ? 'a' : 'b'
}

async function end(rig: Rig, slot: SlotName): Promise<void> {
  await rig.do({ tag: 'end', slot, drain: true })
  await rig.told('ended', slot)
}

function lockedMs(status: string): number {
  return Number(/lock (\d+)/.exec(status)?.[1] ?? Number.NaN)
}

function slots(round: number): [from: SlotName, to: SlotName] {
  return round % 2 === 0 ? ['a', 'b'] : ['b', 'a']
}

function other(slot: SlotName): SlotName {
  return slot === 'a' ? 'b' : 'a'
}
