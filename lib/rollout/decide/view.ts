import { PPM } from '../../base/index.ts'
import { toE } from '../../crowd/index.ts'
import { judge } from '../gate/judge.ts'
import type { ReleaseFacts } from './facts.ts'
import type { Alarm } from '../stages/scene.ts'
import { isGood, lookSmall, smallReasons } from '../stages/small.ts'
import { reasonsToHold, reasonsToWait } from '../stages/staged.ts'
import type { DecideInput, Run, RolloutView } from './types.ts'

interface Beside {
  readonly alarm: Alarm
  readonly queued: readonly ReleaseFacts[]
}

/** The live rollout, or the last one, as status and watch show it. */
export function viewOf(
  input: DecideInput,
  live: ReleaseFacts | null,
  { alarm, queued }: Beside
): RolloutView {
  const members = input.pool.members(input.nowMs).length
  const run = live === null ? undefined : input.memory.runs[live.hex]
  if (live === null || run === undefined) return { ...nothing, members }
  const { rollout } = live
  const fold = input.pool.fold(live.hex)
  const small = rollout.bands.small
  return {
    ...nothing,
    release: live.id,
    resume: run.resume,
    phase: run.phase,
    stage: run.stage,
    stages: rollout.bands.list.length,
    widthPpm: small
      ? Math.min(PPM, Math.floor((fold.n * PPM) / Math.max(1, rollout.policy.plan.members)))
      : (rollout.bands.list[run.stage - 1]?.reachPpm ?? 0),
    small,
    treated: fold.n,
    controls: fold.controlsEnrolled,
    failures: fold.failed,
    controlsFailed: fold.blocks.reduce((all, { y }) => all + y, 0),
    good: small ? input.pool.reporters(live.hex).filter(isGood).length : fold.done - fold.failed,
    members,
    e: toE(judge(fold, rollout).crashLg),
    reading: input.pool.verdicts(live.hex),
    reasons: reasonsOf(input, live, { run, alarm }),
    queued: queued.map(({ id }) => id)
  }
}

function reasonsOf(
  input: DecideInput,
  facts: ReleaseFacts,
  { run, alarm }: { readonly run: Run; readonly alarm: Alarm }
): readonly string[] {
  const scene = { input, facts, alarm }
  if (facts.rollout.bands.small) return smallReasons(scene, lookSmall(scene, run))
  const hard = reasonsToHold(scene, run)
  return run.phase === 'hold' ? [...hard, ...reasonsToWait(scene, run)] : hard
}

const nothing: RolloutView = {
  release: null,
  resume: 0,
  phase: 'none',
  stage: 0,
  stages: 0,
  widthPpm: 0,
  small: false,
  treated: 0,
  controls: 0,
  failures: 0,
  controlsFailed: 0,
  good: 0,
  members: 0,
  e: 1,
  reading: { tag: 'none', voters: 0 },
  reasons: [],
  queued: []
}
