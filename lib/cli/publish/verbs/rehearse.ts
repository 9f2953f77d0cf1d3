import { fromText, OtaError, PPM } from '../../../base/index.ts'
import type { Policy } from '../../../records/index.ts'
import { metricsOf, presetFor, withExtras } from '../../../rollout/index.ts'
import { summarise, World, type Story, type WorldOptions } from '../../../sim/index.ts'
import {
  amount,
  formatDuration,
  formatShare,
  type Context,
  type Outcome
} from '../../frame/index.ts'
import { deskOf } from '../desk.ts'
import { readPlan } from '../plan.ts'
import { effectWord, readWeather, weatherWords, type Weather } from '../rehearsal-flags.ts'
import { rehearsalPage } from '../rehearsal-page.ts'
import { curvePicture, spreadPicture } from '../rehearsal-picture.ts'
import { restLine, stageTable, storyLine, summaryLines } from '../rehearsal.ts'

const NODES_MAX = 1_000_000
const RUNS_MAX = 10_000
const SEED_MAX = 2 ** 32 - 1

/** `rehearse`: what a plan would do, played on a fleet that exists only here. */
export async function rehearse(context: Context): Promise<Outcome> {
  const { out, flags } = context
  const nodes = flags.count('nodes', 1, NODES_MAX) ?? 10_000
  const runs = flags.count('runs', 1, RUNS_MAX) ?? 1
  const seed = flags.count('seed', 0, SEED_MAX) ?? 1
  const basePpm = flags.share('base') ?? PPM / 100
  const weather = readWeather(flags)
  const { effect } = weather
  if (seed + runs - 1 > SEED_MAX) {
    throw new OtaError('USAGE', `--seed ${seed} with --runs ${runs} goes past ${SEED_MAX}`)
  }
  const policy = measuring((await readPlan(context, deskOf(context), nodes)).policy, weather)
  const plan = flags.text('plan') ?? presetFor(nodes)
  const how = effectWord(effect)
  const { partition, offlinePpm, lie } = weather
  const cut = partition === null ? null : { ...partition }
  const lies = lie === null ? null : { ...lie }
  const facts = { nodes, plan, basePpm, effect: how, runs, seed, offlinePpm, cut, lies }
  const stages = amount(policy.plan.stages.length, 'stage')
  out.result('rehearse', facts, [
    `${amount(nodes, 'node')}  plan ${plan} (${policy.plan.small ? 'by rank' : stages})` +
      `  base ${formatShare(basePpm)}  effect ${how}${weatherWords(weather)}`
  ])
  const stories: Story[] = []
  for (let i = 0; i < runs; i++) {
    const story = await played(context, {
      ...weather,
      seed: seed + i,
      nodes,
      policy,
      basePpm
    })
    if (story === null) return {}
    stories.push(story)
    tell(context, story, runs)
  }
  const summary = summarise(stories)
  if (runs > 1) {
    const lines = [...summaryLines(summary, effect), ...spreadPicture(stories)]
    out.result('summary', { ...summary }, lines)
  }
  const page = flags.text('html')
  if (page !== null) {
    const title = `${amount(nodes, 'node')}, plan ${plan}, base ${formatShare(basePpm)}, ${how}`
    await writePage(context, page, rehearsalPage(title, stories, summary))
  }
  return { data: { ...summary } }
}

/** Hour by hour, so that a person can stop it; null if one did. */
async function played({ out, signal }: Context, options: WorldOptions): Promise<Story | null> {
  const play = new World(options).play()
  for (;;) {
    const next = play.next()
    if (next.done === true) return next.value
    out.progress('rehearsing', `seed ${options.seed}, ${formatDuration(next.value)} played`)
    await new Promise((resolve) => setImmediate(resolve))
    if (signal.aborted) return null
  }
}

function tell({ out }: Context, story: Story, runs: number): void {
  const { moments, curve, ...facts } = story
  const lines = [storyLine(story)]
  if (runs === 1) lines.push(restLine(story), ...stageTable(story), ...curvePicture(story))
  out.result(
    'run',
    {
      ...facts,
      curve: curve.map((point) => ({ ...point })),
      exposedPpm: Math.round((story.exposed * PPM) / story.nodes)
    },
    lines
  )
  if (runs > 1) return
  for (const moment of moments) out.result('moment', { ...moment }, null)
}

async function writePage(context: Context, path: string, page: string): Promise<void> {
  const { disk } = deskOf(context)
  await disk.writeDurable(path, fromText(page))
  context.out.result('page', { path }, [`plots: ${path}`])
}

/** A release that answers later can only be told by a plan that looks: p95, unless it has one. */
function measuring(policy: Policy, { effect }: Weather): Policy {
  if (effect.tag !== 'latency' || (metricsOf(policy) ?? []).length > 0) return policy
  const p95 = { name: 'p95', kind: 'latency', margin: 100, bad: 'up', denMin: 100 } as const
  return withExtras(policy, { metrics: [p95], stops: [] })
}
