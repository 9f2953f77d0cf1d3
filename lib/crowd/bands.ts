import { PPM } from '../base/index.ts'
import type { Policy } from '../records/index.ts'
import { senderLine, shareBound, type U64 } from './draws.ts'

export type Arm = 'treated' | 'control'

/** One entry of the signed plan as places in the order. Stages count from 1; 0 is the shadow. */
export interface Band {
  readonly stage: number
  readonly who: number
  /** Place of the entry among those with the same `who`, from 1. */
  readonly step: number
  readonly bakeMs: number
  readonly kT: number
  readonly kC: number
  readonly qT: number
  readonly qC: number
  readonly approve: number
  /** Shares in ppm: this stage alone, all up to it, and the controls beside it. */
  readonly widthPpm: number
  readonly reachPpm: number
  /** Reporters speak below these. */
  readonly lineT: U64
  readonly lineC: U64
  /** Reporters, and their lines, once a hold has called up as many again (docs/gate.md §8). */
  readonly moreT: number
  readonly moreC: number
  readonly lineMoreT: U64
  readonly lineMoreC: U64
}

/** The plan of a release as everybody computes it from the signed list. */
export interface Bands {
  readonly small: boolean
  /** Fleet size as signed. */
  readonly nodes: number
  readonly list: readonly Band[]
  /** T(step) by `who`: T(0) = 0, then the end of each entry. */
  readonly ends: readonly (readonly U64[])[]
}

const whole = 1n << 64n
/** Everybody reports in plan *small*; a bound all the same, for members that joined later. */
const smallReportersMax = 256
/** What may be held of one stage, and called up on top of the signed lists of one rollout. */
const stageReportersMax = 3_200
const calledUpMax = 7_200

/** Reads the signed list into places; the last entry stops at the hold-back while it bakes. */
export function bandsOf({ plan }: Policy): Bands {
  const { small, nodes, holdBackPpm } = plan
  const ends: U64[][] = [[0n], [0n]]
  const steps = [0, 0]
  const low = [0, 0]
  let calledUp = 0
  const list = plan.stages.map((stage, i): Band => {
    const who = stage.who === 1 ? 1 : 0
    const before = low[who] ?? 0
    const kept = PPM - holdBackPpm
    const isLast = stage.sharePpm === PPM
    // without the hold-back the last stage would have no controls, and say nothing
    const held = !small && isLast && nodes * holdBackPpm >= PPM && kept > before
    const reachPpm = held ? kept : stage.sharePpm
    low[who] = stage.sharePpm
    const step = (steps[who] = (steps[who] ?? 0) + 1)
    ends[who]?.push(reachPpm === PPM ? whole : shareBound(reachPpm))
    const widthPpm = reachPpm - before
    const both = stage.kT + stage.kC
    const isTwice = !small && 2 * both <= stageReportersMax && calledUp + both <= calledUpMax
    if (isTwice) calledUp += both
    const times = isTwice ? 2 : 1
    return {
      stage: i + 1,
      who,
      step,
      bakeMs: stage.bakeMs,
      kT: small ? smallReportersMax : stage.kT,
      kC: stage.kC,
      qT: stage.qT,
      qC: stage.qC,
      approve: stage.approve,
      widthPpm,
      reachPpm,
      lineT: small ? whole : senderLine(stage.kT, nodes, widthPpm),
      lineC: senderLine(stage.kC, nodes, PPM - reachPpm),
      moreT: small ? smallReportersMax : times * stage.kT,
      moreC: times * stage.kC,
      lineMoreT: small ? whole : senderLine(times * stage.kT, nodes, widthPpm),
      lineMoreC: senderLine(times * stage.kC, nodes, PPM - reachPpm)
    }
  })
  return { small, nodes, list, ends }
}

/** A stratum is the version before; 2 is the release this one `fixes`, whose nodes go first. */
export function whoOf(stratum: number): number {
  return (stratum & 0x0f) === 2 ? 1 : 0
}

export interface Place {
  readonly u: U64
  readonly who: number
  /** Stages later by declared responsibility: 0 leaf, 1 normal, 2 critical. */
  readonly lag: number
}

/**
 * Arm of a node in a stage, from its hash alone: treated iff T(s−1−L) ≤ u < T(s−L), control iff
 * u ≥ T(s−L), null iff it was treated earlier or the stage is not about it.
 */
export function armOf(bands: Bands, stage: number, { u, who, lag }: Place): Arm | null {
  const band = bands.list[stage - 1]
  if (band === undefined || band.who !== who) return null
  if (bands.small) return 'treated'
  const ends = bands.ends[who] ?? []
  const at = (step: number) => (step <= 0 ? 0n : (ends[step] ?? whole))
  if (u >= at(band.step - lag)) return 'control'
  return u >= at(band.step - 1 - lag) ? 'treated' : null
}

/** The stage in which a node is treated, or null if only the end of the rollout reaches it. */
export function stageOf(bands: Bands, place: Place): number | null {
  for (const { stage } of bands.list) {
    if (armOf(bands, stage, place) === 'treated') return stage
  }
  return null
}
