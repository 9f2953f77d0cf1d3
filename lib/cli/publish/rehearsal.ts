import { PPM } from '../../base/index.ts'
import type { Effect, Moment, Story, Summary } from '../../sim/index.ts'
import { amount, formatDuration, formatShare, table } from '../frame/index.ts'

/** How one play ended, in a sentence. */
export function storyLine(story: Story): string {
  const { ending, stage, stages, exposed, failed, nodes } = story
  const where = stages > 1 ? ` in stage ${stage} of ${stages}` : ''
  const ended = ending === 'completed' ? 'completed' : `${ending}${where}`
  const share = formatShare(Math.round((exposed * PPM) / nodes))
  const facts = `${share} exposed (${amount(exposed, 'node')}), ${amount(failed, 'failure')}`
  return `seed ${story.seed}: ${ended} after ${formatDuration(story.endedMs)}: ${facts}`
}

/** What is left when nothing moves any more. */
export function restLine({ ending, upgraded, nodes }: Story): string {
  const rest = `${upgraded} of ${amount(nodes, 'node')} run the new release`
  return ending === 'halted' ? `after the take-back ${rest}` : `at the end ${rest}`
}

/** One row per stage that opened; counts are those of the moment it ended. */
export function stageTable({ moments }: Story): readonly string[] {
  const rows = stagesOf(moments).map(({ stage, opened, baked, last, phases }) => [
    String(stage),
    hours(opened.atMs),
    baked === undefined ? '-' : hours(baked.atMs),
    hours(last.atMs),
    String(last.exposed),
    `${last.treatedFailed} of ${last.treated}`,
    `${last.controlsFailed} of ${last.controls}`,
    last.e < 1_000 ? last.e.toFixed(2) : String(Math.round(last.e)),
    phases.join(', ')
  ])
  const head = ['stage', 'opened', 'baked', 'ended', 'exposed', 'treated failed']
  return table([[...head, 'controls failed', 'E', 'then'], ...rows])
}

/** What many plays have in common. */
export function summaryLines({ runs, endings, exposedPpm, endedMs }: Summary, effect: Effect) {
  const { halted, completed, stalled, unfinished } = endings
  const counts = `${halted} halted, ${completed} completed, ${stalled} stalled`
  const more = unfinished === 0 ? '' : `, ${unfinished} unfinished`
  const lines = [`${amount(runs, 'run')}: ${counts}${more}; median ${formatDuration(endedMs)}`]
  if (exposedPpm !== null) lines.push(`exposed at the halt, median: ${formatShare(exposedPpm)}`)
  if (effect.tag === 'none') {
    const share = formatShare(Math.round((halted * PPM) / runs))
    lines.push(`false halts: ${halted} of ${runs} (${share})`)
  }
  return lines
}

interface StageRow {
  readonly stage: number
  readonly opened: Moment
  readonly baked: Moment | undefined
  readonly last: Moment
  readonly phases: readonly string[]
}

function stagesOf(moments: readonly Moment[]): readonly StageRow[] {
  const numbers = new Set(moments.map(({ stage }) => stage).filter((stage) => stage > 0))
  return [...numbers].flatMap((stage) => {
    const own = moments.filter((moment) => moment.stage === stage)
    const [opened] = own
    const last = moments.find((moment) => moment.stage > stage) ?? own[own.length - 1]
    if (opened === undefined || last === undefined) return []
    const baked = own.find(({ phase }) => phase === 'baking')
    const after = own.map(({ phase }) => phase).filter((phase) => !quiet.has(phase))
    return [{ stage, opened, baked, last, phases: last.stage > stage ? [...after, 'on'] : after }]
  })
}

const quiet: ReadonlySet<string> = new Set(['filling', 'baking'])

function hours(ms: number): string {
  return `${(ms / 3_600_000).toFixed(1)} h`
}
