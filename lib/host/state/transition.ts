import { lstat, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskMarginBytes, isOtaError, type Bytes, type Clock, type Log } from '../../base/index.ts'
import type { Reason } from '../../cutover/index.ts'
import { decodeCheckResult, type CheckResult, type OtaJson } from '../../records/index.ts'
import type { Hook } from '../../records/index.ts'
import type { Limits } from '../app/runspec.ts'
import { onDisk } from '../failure.ts'
import type { Jail } from '../jail/jail.ts'
import { jailUser } from '../jail/job.ts'
import { giveOver } from '../jail/spawn.ts'
import { copyState } from '../snapshot/copy.ts'
import { lostKind, resultFault, type Side } from './account.ts'
import { runHook, type HookJob } from './hook.ts'
import { freeOf } from './watch.ts'

/** A version as its state is judged by it. */
export interface Version {
  readonly ota: OtaJson
  readonly tree: string
  readonly limits: Limits
}

/** From one generation to another; `down`: back to what an earlier version reads. */
export interface Way {
  readonly down: boolean
  readonly before: Version
  readonly after: Version
  /** Nobody writes here while the way is gone, and nothing of it is changed. */
  readonly old: string
  /** Empty; what is made. Null: the same state under two versions, nothing is made. */
  readonly made: string | null
  /** A folder of our own for copies and results; it is removed at the end. */
  readonly scratch: string
}

/** How a transition ended; `retry`: a hook asked for another try later. */
export type WayEnd =
  | { readonly tag: 'done' }
  | { readonly tag: 'retry' }
  | { readonly tag: 'failed'; readonly reason: Reason; readonly text: string }

/** What a transition needs of its machine. */
export interface WayTools {
  readonly clock: Clock
  readonly log: Log
  readonly jail: Jail
}

/**
 * One transition of state: the earlier version counts what the old generation holds, the hook makes
 * the new one, the later version counts that, and every durable kind must be accounted for. The old
 * generation is read-only to all of them.
 */
export async function goWay(tools: WayTools, way: Way): Promise<WayEnd> {
  const { scratch } = way
  await onDisk('make folder', scratch, async () => {
    await rm(scratch, { recursive: true, force: true })
    await mkdir(scratch, { recursive: true, mode: 0o700 })
  })
  try {
    const old = await readable(tools, way)
    if (old === null) {
      const isFull = (await freeOf(scratch)) < diskMarginBytes / 2
      const text = 'the state cannot be copied'
      return { tag: 'failed', reason: isFull ? 'disk' : 'unavailable', text }
    }
    return await new Walker(tools, way, old).go()
  } finally {
    await onDisk('remove', scratch, async () => await rm(scratch, { recursive: true, force: true }))
  }
}

/**
 * In the jail nobody is root: what belongs to another user is shown there as a copy, which the user
 * of the jail may have. Null: it could not be copied.
 */
async function readable({ jail, log }: WayTools, { old, scratch }: Way): Promise<string | null> {
  if (process.getuid?.() !== 0) return old
  const { uid } = await onDisk('look at', old, async () => await lstat(old))
  if (uid === Number(jailUser)) return old
  const ways = ['reflink', 'copy'] as const
  const result = await copyState(old, join(scratch, 'old'), { still: true, ways })
  if (result.tag === 'copied') {
    await giveOver(result.copy.path, jail.path)
    return result.copy.path
  }
  log('state-not-copied', { why: result.why })
  return null
}

class Walker {
  readonly #tools: WayTools
  readonly #way: Way
  readonly #old: string

  constructor(tools: WayTools, way: Way, old: string) {
    this.#tools = tools
    this.#way = way
    this.#old = old
  }

  async go(): Promise<WayEnd> {
    const { before, after, made } = this.#way
    const counted = await this.#count(before, this.#old, 'before')
    // where nothing is made, a version that finds fault with its own state may meet its cure
    const isBad = counted.tag === 'failed' && counted.reason === 'baseline-bad'
    const uncounted = { tag: 'counted', side: { rules: before.ota.state, found: null } } as const
    const was = isBad && made === null ? uncounted : counted
    if (was.tag !== 'counted') return was
    if (made !== null) {
      const end = await this.#make(made)
      if (end.tag !== 'done') return end
    }
    const is = await this.#count(after, made ?? this.#old, 'after')
    if (is.tag !== 'counted') return is
    const mayGo = (name: string): boolean => this.#mayGo(name)
    const lost = lostKind(was.side, is.side, mayGo)
    return lost === null ? { tag: 'done' } : this.#failed('kind-lost', lost)
  }

  /** Going back, what only the later version knew stays in the generation that is kept. */
  #mayGo(name: string): boolean {
    const { down, after } = this.#way
    const { kinds, retired } = after.ota.state
    return down ? !kinds.has(name) : retired.includes(name)
  }

  async #make(made: string): Promise<WayEnd> {
    const { before, after, down } = this.#way
    const [owner, hook] = down ? [before, downOf(before)] : [after, after.ota.migrate]
    if (hook === null) return this.#failed('migrate', 'the version has no program for it')
    const what = down ? 'migrate.down' : 'migrate'
    const { verdict, said, result, room } = await this.#run(owner, {
      hook,
      reads: { OTA_STATE_OLD: this.#old },
      writes: { OTA_STATE_NEW: made },
      owesResult: true
    })
    if (room === 'none') return this.#failed('disk', `${what}: the disk is full`)
    if (room === 'over') return this.#failed('migrate', `${what}: it wrote more than it may`)
    if (verdict.tag === 'retry') return { tag: 'retry' }
    if (verdict.tag !== 'done' || result === null) {
      return this.#failed('migrate', `${what}: ${textOf(verdict)}`, said)
    }
    const found = readResult(result)
    if (typeof found === 'string') return this.#failed('migrate', `${what}: ${found}`)
    const [have, need] = [found.schema, after.ota.state.schema]
    if (have === need) return { tag: 'done' }
    return this.#failed('migrate', `${what}: it made schema ${have}, need ${need}`)
  }

  async #count(
    version: Version,
    state: string,
    when: 'before' | 'after'
  ): Promise<WayEnd | { readonly tag: 'counted'; readonly side: Side }> {
    const { check, state: rules } = version.ota
    if (check === null) return { tag: 'counted', side: { rules, found: null } }
    const { verdict, result, said, room } = await this.#run(version, {
      hook: check,
      reads: { OTA_STATE_DIR: state },
      writes: {},
      owesResult: true
    })
    if (verdict.tag === 'retry') return { tag: 'retry' }
    if (room === 'none') return this.#failed('disk', `check ${when}: the disk is full`)
    // what the earlier version says of its own state is no fault of the later one (S76)
    const reason = when === 'before' ? 'baseline-bad' : 'check'
    if (verdict.tag !== 'done' || result === null) {
      return this.#failed(reason, `check ${when}: ${textOf(verdict)}`, said)
    }
    const found = readResult(result)
    if (typeof found === 'string') return this.#failed(reason, `check ${when}: ${found}`)
    const side: Side = { rules, found }
    const fault = resultFault(side)
    return fault === null ? { tag: 'counted', side } : this.#failed(reason, fault)
  }

  async #run(
    { tree, limits }: Version,
    job: Pick<HookJob, 'hook' | 'reads' | 'writes' | 'owesResult'>
  ): ReturnType<typeof runHook> {
    const { before, after, scratch } = this.#way
    const env = {
      OTA_FROM: String(before.ota.state.schema),
      OTA_TO: String(after.ota.state.schema)
    }
    const { clock, jail } = this.#tools
    return await runHook(clock, jail, { ...job, tree, limits, scratch, env })
  }

  #failed(reason: Reason, text: string, said = ''): WayEnd {
    this.#tools.log('state-not-moved', { reason, text, said })
    return { tag: 'failed', reason, text }
  }
}

function downOf({ ota }: Version): Hook | null {
  const run = ota.migrate?.down ?? null
  return run === null || ota.migrate === null ? null : { run, timeoutMs: ota.migrate.timeoutMs }
}

function textOf(verdict: { readonly tag: string; readonly text?: string }): string {
  return verdict.text ?? verdict.tag
}

function readResult(bytes: Bytes): CheckResult | string {
  try {
    return decodeCheckResult(bytes)
  } catch (error) {
    if (isOtaError(error, 'BAD_TREE')) return error.message
    throw error
  }
}
