import { equal, PPM } from '../../base/index.ts'
import { placeOf, stageOf, whoOf, type Band, type PoolSeat, type U64 } from '../../crowd/index.ts'
import { compareOrder } from '../../trust/index.ts'
import { attestedNow, brakeNow, trustNow, type Moment } from '../decide/against.ts'
import { exposedPpm, releasesOf, type ReleaseFacts } from '../decide/facts.ts'
import { statusOf } from '../decide/queue.ts'
import type { DecideInput, Run } from '../decide/types.ts'

/** The earliest of the times a decision depends on, so that a node can sleep until then. */
export class Alarm {
  readonly #nowMs: number
  #untilMs = Infinity

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  /** Notes a future moment and says whether it has come. */
  reached(atMs: number): boolean {
    if (atMs <= this.#nowMs) return true
    this.#untilMs = Math.min(this.#untilMs, atMs)
    return false
  }

  get untilMs(): number | null {
    return this.#untilMs === Infinity ? null : this.#untilMs
  }
}

/** One rollout in front of one node at one moment. */
export interface Scene {
  readonly input: DecideInput
  readonly facts: ReleaseFacts
  readonly alarm: Alarm
}

/** A run that has just been seen. Everything waits until two rounds have been walked. */
export function newRun(resume: number, nowMs: number): Run {
  return {
    resume,
    phase: 'waiting',
    stage: 0,
    seenMs: nowMs,
    startMs: nowMs,
    bakeMs: null,
    bakeTimes: 1,
    enrolledAtBake: 0,
    held: false,
    heldSinceMs: null,
    stood: null,
    lapsedMs: null,
    solo: false,
    away: false,
    crossedMs: null,
    haltStage: null,
    learnedMs: null,
    mine: [],
    saidStage: 1,
    saidWord: 'none',
    nextMs: null,
    front: {},
    late: [],
    doubled: false,
    failedMs: null,
    failedTries: 0
  }
}

/** Age of checkpoint `c` in ms. */
export function checkpointMs({ facts }: Scene, c: number): number {
  return facts.rollout.policy.gate.checkpointsMs[c] ?? Infinity
}

/** A draw can leave a stage of so many nodes empty: once in 150 fleets, and more often below. */
export const tinyNodes = 5

/** Nothing to walk with: a fleet of one watches itself. */
export function isSettled(scene: Scene, sinceMs: number): boolean {
  const { input, facts } = scene
  if (facts.rollout.policy.plan.nodes <= 1) return true
  return input.network.settledSince(sinceMs) || lookAgain(scene)
}

/** What the wire knows comes without an event of its own: look again within a settle. */
function lookAgain({ input, facts, alarm }: Scene): false {
  alarm.reached(input.nowMs + Math.max(1, Math.floor(facts.rollout.policy.gate.settleMs / 4)))
  return false
}

/** Own evidence is near-complete: as peers list it, and as the closed stages should be filled. */
export function isCovered(scene: Scene, run: Run): boolean {
  const { input, facts } = scene
  const { rollout } = facts
  const need = rollout.policy.gate.coveragePpm
  if (rollout.policy.plan.nodes <= 1) return true
  if (input.network.coverage(rollout.id, rollout.resume) < need) return lookAgain(scene)
  if (rollout.bands.small) return true
  const fold = input.pool.fold(facts.hex)
  const nodes = Math.min(rollout.bands.nodes, input.pool.census(input.nowMs).nodes || Infinity)
  return rollout.bands.list.every((band) => {
    // half of a partition sees half of the reports of stages that are over (S63)
    if (band.stage >= run.stage) return true
    const have = fold.stages[band.stage]
    if (have === undefined) return nodes * band.widthPpm <= tinyNodes * PPM
    return (
      isFilled(have.treated, need, Math.min(band.kT, (nodes * band.widthPpm) / PPM)) &&
      isFilled(have.controls, need, Math.min(band.kC, (nodes * (PPM - band.reachPpm)) / PPM))
    )
  })
}

function isFilled(have: number, needPpm: number, of: number): boolean {
  // the size of an arm is a draw: two standard deviations are granted
  const expected = Math.max(0, of - 2 * Math.sqrt(of))
  return have * PPM >= Math.floor(expected) * needPpm
}

/** What this node sees in one moment, as far as it may stand against a release. */
export function momentOf({ believed, pool, nowMs, network, self }: DecideInput): Moment {
  const { clockSkewMs } = network
  return { believed, pool, nowMs, clockSkewMs, platform: self.platform, attest: self.attest ?? 0 }
}

/** Why a rollout stands still. */
export interface Still {
  readonly text: string
  /** A brake or a pause; the rest is time, news and what the policy waits for. */
  readonly byPeople: boolean
}

/** Reasons that stop even what a stage has begun: brake, pause, trust, freshness, clock. */
export function stillOf({ input, facts, alarm }: Scene): Still | null {
  if (facts.paused) return { text: 'paused by the signers', byPeople: true }
  const moment = momentOf(input)
  const brake = brakeNow(moment, facts)
  if (!brake.ok) {
    const { untilMs } = input.pool.brakes(facts.hex, input.nowMs)
    if (untilMs !== null) alarm.reached(untilMs)
    return { text: brake.text, byPeople: true }
  }
  const text = notYet(input, facts, moment)
  return text === null ? null : { text, byPeople: false }
}

/** The sentence of `stillOf`. */
export function standstill(scene: Scene): string | null {
  return stillOf(scene)?.text ?? null
}

function notYet(input: DecideInput, facts: ReleaseFacts, moment: Moment): string | null {
  if (facts.invalid !== null) return facts.invalid
  const trust = trustNow(moment, false)
  if (!trust.ok) return trust.text
  const attested = attestedNow(moment, facts)
  if (!attested.ok) return attested.text
  const { others, time } = facts.rollout.policy
  if (others.votesNeedPpm > 0) return 'needs votes of operators, which this node cannot count'
  if (time.endAtMs > 0 && input.nowMs >= time.endAtMs) return 'the time of the rollout is over'
  return null
}

/** Where a node stands in the order of a release. */
export interface Standing {
  readonly u: U64
  readonly seat: PoolSeat | null
  readonly stratum: number
  readonly stage: number | null
}

/** Own place: from the hash, the tier its certificate declares, and the version it runs. */
export function standingOf(scene: Scene): Standing {
  const { input, facts } = scene
  const { nodeKey } = input.self
  const u = placeOf(facts.rollout.lottery.seed, nodeKey)
  const seat = input.pool.seatOf(nodeKey)
  const stratum = stratumOf(scene)
  const random = facts.rollout.policy.how.order === 'random'
  // a tier that readers cannot see only makes the node later, and then it is not counted
  const lag = random ? 0 : Math.max(seat?.lag ?? 0, input.self.tier)
  const stage = stageOf(facts.rollout.bands, { u, who: whoOf(stratum), lag })
  return { u, seat, stratum, stage }
}

/** Version before in the low nibble, platform in the high one: what is compared with what. */
function stratumOf(scene: Scene): number {
  const { platforms } = scene.facts.rollout
  const at = platforms.length < 2 ? 0 : platforms.indexOf(scene.input.self.platform)
  return versionBefore(scene) + 16 * Math.max(0, Math.min(15, at))
}

/** 1 the last completed release, 2 what this one fixes, 3 what it supersedes. */
function versionBefore({ input, facts }: Scene): number {
  const { running } = input.node
  if (running === null) return 0
  const { fixes, supersedes } = facts.known.body
  if (fixes !== null && equal(running, fixes)) return 2
  if (supersedes !== null && equal(running, supersedes)) return 3
  const last = releasesOf(input.believed, input.self.channel).findLast(
    (other) =>
      compareOrder(other.known.body, facts.known.body) < 0 && statusOf(input, other) === 'completed'
  )
  return last !== undefined && equal(running, last.id) ? 1 : 0
}

/** Controls of an entry and treated of an entry that begins one `who`. */
export function bandAt({ facts }: Scene, stage: number): Band | undefined {
  return facts.rollout.bands.list[stage - 1]
}

/** s*: the largest stage with at least a quarter of its quota enrolled; small: always 1. */
export function haltStageOf({ input, facts }: Scene): number {
  if (facts.rollout.bands.small) return 1
  const { stages } = input.pool.fold(facts.hex)
  let most = 1
  for (const band of facts.rollout.bands.list) {
    const need = Math.max(1, Math.floor(band.qT / 4))
    if ((stages[band.stage]?.treated ?? 0) >= need) most = band.stage
  }
  return most
}

/** A halt takes back only while few are exposed; beyond that only a quorum does (S64, S102). */
export function undoes({ input, facts }: Scene, haltStage: number): boolean {
  const { policy, bands } = facts.rollout
  if (policy.halt.onHalt !== 'undo') return false
  if (bands.small) {
    const treated = input.pool.reporters(facts.hex).length
    return treated * PPM <= policy.halt.undoUpToPpm * Math.max(1, policy.plan.members)
  }
  return exposedPpm(facts.rollout, haltStage) <= policy.halt.undoUpToPpm
}
