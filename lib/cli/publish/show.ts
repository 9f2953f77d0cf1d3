import { PPM } from '../../base/index.ts'
import type { Policy, Stage } from '../../records/index.ts'
import { leastMs, smallWidth } from '../../rollout/index.ts'
import { amount, formatDuration } from '../frame/index.ts'

/** The plan in words: what is signed, and the least time it takes. */
export function planLine(policy: Policy): string {
  const { plan } = policy
  const least = formatDuration(leastMs(policy))
  if (plan.small) {
    const nodes = amount(plan.members, 'node')
    return `plan small for ${nodes}: widths ${widths(plan.members)}; at least ${least}`
  }
  const shares = plan.stages.map(stageText).join(' ')
  return `plan for ${amount(plan.nodes, 'node')}: ${shares}; at least ${least}`
}

/** `plan small`, `plan 5 % 25 % 100 %`: the plan in three words. */
export function planWord({ plan }: Policy): string {
  if (plan.small) return 'plan small'
  return `plan ${plan.stages.length === 1 ? 'one stage' : `${plan.stages.length} stages`}`
}

function widths(members: number): string {
  const steps: number[] = []
  for (let good = 0; good < members;) {
    const width = Math.min(smallWidth(good, members), members - good)
    steps.push(width)
    good += width
  }
  return steps.length > 12 ? `${steps.slice(0, 12).join(' ')} …` : steps.join(' ')
}

function stageText({ sharePpm, approve }: Stage): string {
  const percent = Math.round((sharePpm / PPM) * 10_000) / 100
  return approve === 0 ? `${percent} %` : `${percent} % (asks)`
}
