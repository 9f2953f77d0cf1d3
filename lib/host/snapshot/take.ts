import { SECOND, type Clock } from '../../base/index.ts'
import { copyState, type CopyOptions, type CopyResult } from './copy.ts'

/** An app of level 2 that can be asked to quiet its disk, or is not there at all. */
export interface Freezer {
  /** `OTA=freeze`; true when it said `frozen` in time. */
  freeze(): Promise<boolean>
  /** `OTA=thaw`; also sent after a freeze that nobody confirmed. */
  thaw(): Promise<void>
}

/** An app thaws by itself after this: a copy that took longer is of a moving state. */
const frozenMs = SECOND

/**
 * How the copy relates to what the app was doing. `crash`: as after a crash, which every store has
 * to survive; `freeze`: while it stood still; `still`: it does not run.
 */
export type Consistency = 'crash' | 'freeze' | 'still'

export type Snapshot = CopyResult & { readonly consistency: Consistency; readonly ms: number }

export interface TakeOptions extends Omit<CopyOptions, 'still'> {
  readonly asked: 'crash' | 'freeze'
  /** Null: the app does not run. */
  readonly app: Freezer | null
}

/**
 * A copy as `state.snapshot` asks for it. A freeze that is not confirmed, or ends before the copy,
 * is `unavailable`: a release that asks for it cannot live with less.
 */
export async function takeSnapshot(
  clock: Clock,
  from: string,
  into: string,
  options: TakeOptions
): Promise<Snapshot> {
  const { asked, app, ...how } = options
  const start = clock.steadyMs()
  const done = (consistency: Consistency, result: CopyResult): Snapshot => ({
    ...result,
    consistency,
    ms: Math.round(clock.steadyMs() - start)
  })
  if (app === null) return done('still', await copyState(from, into, { ...how, still: true }))
  if (asked === 'crash') return done('crash', await copyState(from, into, { ...how, still: false }))
  try {
    if (!(await app.freeze())) return done('crash', no('the app did not say that it stands still'))
    const frozen = clock.steadyMs()
    const result = await copyState(from, into, { ...how, still: false })
    const took = Math.round(clock.steadyMs() - frozen)
    if (result.tag === 'unavailable' || took <= frozenMs) return done('freeze', result)
    return done('crash', no(`the copy took ${took} ms, and the app stands still for ${frozenMs}`))
  } finally {
    await app.thaw()
  }
}

function no(why: string): CopyResult {
  return { tag: 'unavailable', why }
}
