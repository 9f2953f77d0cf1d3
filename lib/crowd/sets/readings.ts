import type { StageSet } from './stage-set.ts'

/** One block of a metric: a bucket per node that had data before, larger is worse. */
export interface Readings {
  readonly treated: readonly number[]
  readonly controls: readonly number[]
}

/** Readings before and none after. */
const worst = 32_767

/**
 * The blocks of one metric. A block counts once nine tenths of those with data from before have
 * answered in both arms: who is slow to answer may be slow for a reason (docs/gate.md §2).
 */
export function readingsOf(
  sets: readonly StageSet[],
  metric: number,
  without: ReadonlySet<string>
): readonly Readings[] {
  const blocks = new Map<number, { treated: Arm; controls: Arm }>()
  for (const set of sets) {
    const { stage, stratum, arm } = set.options
    const key = stage * 256 + stratum
    const block = blocks.get(key) ?? { treated: nothing, controls: nothing }
    const part = armOf(set, metric, without)
    blocks.set(key, arm === 'treated' ? { ...block, treated: part } : { ...block, controls: part })
  }
  return [...blocks]
    .toSorted(([a], [b]) => a - b)
    .map(([, block]) => block)
    .filter(({ treated, controls }) => isAnswered(treated) && isAnswered(controls))
    .map(({ treated, controls }) => ({ treated: treated.buckets, controls: controls.buckets }))
}

interface Arm {
  readonly asked: number
  readonly buckets: readonly number[]
}

const nothing: Arm = { asked: 0, buckets: [] }

function isAnswered({ asked, buckets }: Arm): boolean {
  return asked > 0 && buckets.length * 10 >= asked * 9
}

function armOf(set: StageSet, metric: number, without: ReadonlySet<string>): Arm {
  let asked = 0
  const buckets: number[] = []
  for (const { hex, live } of set.counted()) {
    if (without.has(hex) || ((live.dataMask >> metric) & 1) === 0) continue
    asked++
    const told = live.metrics.find((one) => one.metric === metric)
    if (told !== undefined) buckets.push(told.bucket)
    else if (live.result === 'fail') buckets.push(worst)
  }
  return { asked, buckets }
}
