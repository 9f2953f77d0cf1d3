import { residentMb, type Fleet } from './fleet.ts'
import type { Load } from './load.ts'
import type { Options } from './options.ts'

/** What the good release must have shown. */
export interface GoodSeen {
  readonly upgraded: number
  /** Nodes in the first stage: how many went before anyone was measured. */
  readonly firstStage: number
  readonly completed: boolean
  readonly seconds: number
}

/** What the bad release must have shown. */
export interface BadSeen {
  /** Nodes that ever had it in charge. */
  readonly exposed: number
  readonly restored: number
  readonly halted: boolean
  /** Starts of it after the halt: none. */
  readonly triedAgain: number
  readonly seconds: number
}

export interface Outcome {
  readonly ok: boolean
  readonly nodes: number
  readonly good: GoodSeen & { readonly lost: number }
  readonly bad: BadSeen
  readonly load: {
    readonly answered: number
    readonly lost: number
    readonly reasons: Readonly<Record<string, number>>
  }
  readonly residentMb: { readonly daemon: number; readonly launcher: number }
}

/** The one place that says whether all held. */
export async function judge(
  options: Options,
  fleet: Fleet,
  load: Load,
  seen: { readonly good: Outcome['good']; readonly bad: BadSeen }
): Promise<Outcome> {
  const { good, bad } = seen
  const goodHeld =
    good.upgraded === options.nodes && good.firstStage === 1 && good.completed && good.lost === 0
  const badHeld =
    bad.exposed <= 2 && bad.restored === options.nodes && bad.halted && bad.triedAgain === 0
  const reasons: Record<string, number> = {}
  for (const tally of load.tallies) {
    for (const [reason, count] of tally.reasons) reasons[reason] = (reasons[reason] ?? 0) + count
  }
  return {
    ok: goodHeld && badHeld,
    nodes: options.nodes,
    good,
    bad,
    load: { answered: load.answered, lost: load.lost, reasons },
    residentMb: await memory(fleet)
  }
}

/** Median resident memory over the fleet, in MB. */
async function memory(fleet: Fleet): Promise<Outcome['residentMb']> {
  await fleet.refresh()
  const of = async (name: 'daemon' | 'launcher'): Promise<number> => {
    const sizes = await Promise.all(
      fleet.members.map((member) => residentMb(member.status?.pids[name] ?? 0))
    )
    sizes.sort((a, b) => a - b)
    return Math.round(sizes[Math.floor(sizes.length / 2)] ?? 0)
  }
  return { daemon: await of('daemon'), launcher: await of('launcher') }
}

export function closingRows(
  outcome: Outcome,
  seconds: number
): readonly (readonly [string, string])[] {
  const { good, bad, load, nodes } = outcome
  return [
    ['good release', `${good.upgraded} of ${nodes} upgraded, ${good.firstStage} node first`],
    ['  requests lost', `${good.lost}`],
    ['  took', `${good.seconds} s`],
    ['bad release', `${bad.exposed} exposed, ${bad.restored} of ${nodes} on the good one`],
    ['  halted', bad.halted ? 'yes' : 'no'],
    ['  tried again', `${bad.triedAgain}`],
    ['  took', `${bad.seconds} s`],
    ['load', `${load.answered} answered, ${load.lost} lost${why(load.reasons)}`],
    [
      'memory',
      `${outcome.residentMb.daemon} MB a daemon, ${outcome.residentMb.launcher} MB a launcher`
    ],
    ['all held', outcome.ok ? `yes, in ${seconds} s` : 'NO']
  ]
}

function why(reasons: Outcome['load']['reasons']): string {
  const list = Object.entries(reasons).map(([reason, count]) => `${reason} × ${count}`)
  return list.length === 0 ? '' : ` (${list.join(', ')})`
}
