import { PPM, toHex } from '../../base/index.ts'
import {
  armOf,
  inBakeOf,
  reporterRank,
  verdictLine,
  verdictRank,
  whoOf,
  type Arm
} from '../../crowd/index.ts'
import type { Cause, EvidenceBody, EvidenceDraft } from '../../records/index.ts'
import { metricsOf } from '../plan/extras.ts'
import { checkpointMs, isCovered, isSettled, type Scene, type Standing } from '../stages/scene.ts'
import type { Mine, Run, Treatment } from '../decide/types.ts'

/** What a node says about itself, and the memory that keeps it from saying it twice. */
export interface Spoken {
  readonly run: Run
  readonly say: readonly EvidenceDraft[]
}

export interface Enrolment {
  readonly arm: Arm
  readonly stage: number
  readonly standing: Standing
}

/**
 * Enrols this node in one arm of one stage. Published or not, it is journaled at the moment it
 * switches or stays; only who was drawn speaks, and while the set lacks k better ranks.
 */
export function enrol(scene: Scene, run: Run, { arm, stage, standing }: Enrolment): Spoken {
  const { input } = scene
  if (run.mine.some((mine) => mine.stage === stage)) return { run, say: [] }
  const { stratum } = standing
  const drawn = drawnFor(scene, { arm, stage, standing })
  const speaks = drawn === 'reporter'
  const dataMask = maskOf(scene)
  const told: Mine = {
    ...(dataMask === 0 ? {} : { dataMask }),
    arm,
    stage,
    stratum,
    enrolMs: input.nowMs,
    speaks,
    seq: 0,
    over: drawn === 'none'
  }
  const mine = drawn === 'reserve' ? { ...told, reserve: true } : told
  const say = speaks ? [enrolment(scene, mine)] : []
  return { run: { ...run, mine: [...run.mine, mine] }, say }
}

/** Metrics of the policy that this node has figures of from before. */
function maskOf({ input, facts }: Scene): number {
  const metrics = input.node.metrics ?? null
  if (metrics === null) return 0
  const count = metricsOf(facts.rollout.policy)?.length ?? 0
  return metrics.before & ((1 << count) - 1)
}

/** What was measured, once: at the last age that the bake waits for. */
function measured(scene: Scene, mine: Mine, seq: number): Pick<Mine, 'metrics'> {
  const { dataMask = 0, stage } = mine
  if (dataMask === 0) return {}
  if (mine.metrics !== undefined) return { metrics: mine.metrics }
  const { rollout } = scene.facts
  const last = inBakeOf(rollout, rollout.bands.list[stage - 1]?.bakeMs ?? 0)
  if (seq < last) return {}
  const buckets = scene.input.node.metrics?.buckets ?? []
  const metrics = Array.from({ length: 5 }, (_, metric) => metric)
    .filter((metric) => ((dataMask >> metric) & 1) === 1)
    // readings before and none after: the worst there is, in either arm
    .map((metric) => ({ checkpoint: last - 1, metric, bucket: clamp(buckets[metric] ?? 32_767) }))
  return { metrics }
}

function clamp(bucket: number): number {
  return Math.max(-32_766, Math.min(32_767, bucket))
}

function enrolment(scene: Scene, { arm, stage, stratum, dataMask = 0 }: Mine): EvidenceDraft {
  const body: EvidenceBody = { tag: 'enrol', enrol: { arm, stratum, dataMask } }
  return draftOf(scene, { stage, seq: 0, body })
}

/** Whether a node may report at all, and is one of the k that do or of those held in reserve. */
function drawnFor(scene: Scene, it: Enrolment): 'reporter' | 'reserve' | 'none' {
  const { arm, stage, standing } = it
  const { facts, input } = scene
  const band = facts.rollout.bands.list[stage - 1]
  if (band === undefined || !mayReport(scene, it)) return 'none'
  const rank = reporterRank(facts.rollout.lottery, stage, input.self.nodeKey)
  const place = { stage, arm, stratum: standing.stratum, rank }
  const isBelow = rank < (arm === 'treated' ? band.lineT : band.lineC)
  if (isBelow && input.pool.lacksReport(facts.hex, place)) return 'reporter'
  const [k, more] = arm === 'treated' ? [band.kT, band.moreT] : [band.kC, band.moreC]
  const isReserve = more > k && rank < (arm === 'treated' ? band.lineMoreT : band.lineMoreC)
  return isReserve ? 'reserve' : 'none'
}

function mayReport(scene: Scene, { arm, stage, standing }: Enrolment): boolean {
  const { input, facts } = scene
  const { rollout } = facts
  const { nodeKey, member } = input.self
  const { seat, u, stratum } = standing
  if (!member || seat === null) return false
  if (rollout.excluded.has(toHex(nodeKey))) return false
  if (seat.issuedMs >= rollout.reportersBeforeMs) return false
  // readers know the tier of the certificate only: who waits longer is not counted
  return armOf(rollout.bands, stage, { u, who: whoOf(stratum), lag: seat.lag }) === arm
}

/** Outcomes that are due, of every enrolment of this node in this rollout. */
export function report(scene: Scene, run: Run): Spoken {
  const isQuiet = ({ over, reserve, speaks }: Mine) =>
    over && (reserve !== true || speaks || run.calledUp !== true)
  if (run.mine.every(isQuiet)) return { run, say: [] }
  let next = run
  const say: EvidenceDraft[] = []
  run.mine.forEach((mine, i) => {
    const told = mine.over ? null : tell(scene, next, mine)
    if (told !== null) next = withTold(next, i, told)
    const now = next.mine[i] ?? mine
    const called = callUp(scene, next, now)
    if (called !== null) next = withTold(next, i, called)
    // who is in reserve only keeps what it would have said
    say.push(...(called?.say ?? (now.speaks ? (told?.say ?? []) : [])))
  })
  return { run: next, say }
}

function tell(scene: Scene, run: Run, mine: Mine): Told | null {
  return mine.arm === 'treated' ? tellTreated(scene, run, mine) : tellControl(scene, mine)
}

function withTold(run: Run, i: number, told: Told): Run {
  const mine = run.mine.map((held, j) => (i === j ? told.mine : held))
  return { ...run, ...told.run, mine }
}

/** A hold calls up those in reserve: they enrolled before treatment, and say what came of it. */
function callUp(scene: Scene, run: Run, mine: Mine): Told | null {
  if (run.calledUp !== true || mine.reserve !== true || mine.speaks) return null
  const { arm, stage, stratum, seq, failed } = mine
  if (stage !== run.stage) return null
  const { input, facts } = scene
  const rank = reporterRank(facts.rollout.lottery, stage, input.self.nodeKey)
  const place = { stage, arm, stratum, rank, calledUp: true }
  if (!input.pool.lacksReport(facts.hex, place)) return null
  const say = [enrolment(scene, mine)]
  const result = failed === undefined ? 'ok' : 'fail'
  const { cause, tries } = failed ?? { cause: 'none' as const, tries: 0 }
  if (seq > 0) say.push(outcome(scene, mine, { seq, result, cause, tries }))
  return { mine: { ...mine, speaks: true }, say }
}

interface Told {
  readonly mine: Mine
  readonly say: readonly EvidenceDraft[]
  readonly run?: Partial<Run>
}

function tellTreated(scene: Scene, run: Run, mine: Mine): Told | null {
  const { treatment } = scene.input.node
  const { facts } = scene
  if (treatment === null || toHex(treatment.release) !== facts.hex) return null
  const isOwn = treatment.resume === run.resume
  if (treatment.state === 'failed') {
    return isOwn ? tellFailed(scene, run, { mine, treatment }) : null
  }
  // enrolled as running after a resume: its age counts from there, earlier tries are history
  const sinceMs = isOwn ? treatment.startedMs : mine.enrolMs
  return tellAge(scene, mine, { sinceMs, tries: isOwn ? treatment.tries : 0 })
}

function keptFor({ reserve }: Mine, cause: Cause, tries: number): Pick<Mine, 'failed'> {
  return reserve === true ? { failed: { cause, tries } } : {}
}

/** One retry, where a single node decides: plan small, and first stages of at most four. */
function tellFailed(
  scene: Scene,
  run: Run,
  { mine, treatment }: { readonly mine: Mine; readonly treatment: Treatment }
): Told | null {
  const { input, facts } = scene
  const tries = Math.max(1, treatment.tries)
  if (run.failedTries >= tries) return null
  const own = toHex(input.self.nodeKey)
  const others = input.pool
    .reporters(facts.hex)
    .reduce((all, { hex, live }) => (hex === own ? all : all + live.tries), 0)
  const memory = { failedMs: input.nowMs, failedTries: tries }
  const isFirst = tries === 1 && others === 0 && mine.seq === 0 && retries(scene)
  if (isFirst) {
    // told at checkpoint 0, which alone proves nothing: "alive on the old version, one try failed"
    const say = [outcome(scene, mine, { seq: 1, result: 'ok', cause: treatment.cause, tries })]
    return { mine: { ...mine, seq: 1 }, say, run: memory }
  }
  const age = input.nowMs - treatment.startedMs
  const seq = Math.min(5, Math.max(mine.seq, passed(scene, age)) + 1)
  const { cause } = treatment
  const say = [outcome(scene, mine, { seq, result: 'fail', cause, tries })]
  return { mine: { ...mine, seq, over: true, ...keptFor(mine, cause, tries) }, say, run: memory }
}

/** Whether a first failure of a treated node is repeated before it counts. */
function retries({ facts }: Scene): boolean {
  const { bands, policy } = facts.rollout
  if (bands.small) return true
  const first = bands.list[0]
  if (first === undefined || policy.gate.failFast === 'off') return false
  return Math.min(first.kT * PPM, bands.nodes * first.widthPpm) <= 4 * PPM
}

function tellControl(scene: Scene, mine: Mine): Told | null {
  const { input, facts } = scene
  const { running, incumbentFailed } = input.node
  const hasSwitched = running !== null && toHex(running) === facts.hex
  if (hasSwitched) return { mine: { ...mine, over: true }, say: [] }
  if (incumbentFailed) {
    const age = input.nowMs - mine.enrolMs
    const seq = Math.min(5, Math.max(mine.seq, passed(scene, age)) + 1)
    const { cause } = incumbentFailed
    const say = [outcome(scene, mine, { seq, result: 'fail', cause, tries: 1 })]
    return { mine: { ...mine, seq, over: true, ...keptFor(mine, cause, 1) }, say }
  }
  return tellAge(scene, mine, { sinceMs: mine.enrolMs, tries: 0 })
}

/** `ok` at the last age passed implies every one before it, so only that one is said. */
function tellAge(
  scene: Scene,
  mine: Mine,
  { sinceMs, tries }: { readonly sinceMs: number; readonly tries: number }
): Told | null {
  const { input, facts, alarm } = scene
  const seq = passed(scene, input.nowMs - sinceMs)
  for (let c = seq; c < 5; c++) alarm.reached(sinceMs + checkpointMs(scene, c))
  // plan small keeps checkpoint 0 for a failed try that is repeated
  if (seq <= mine.seq || (facts.rollout.bands.small && seq < 2)) return null
  const now = { ...mine, ...measured(scene, mine, seq) }
  const say = [outcome(scene, now, { seq, result: 'ok', cause: 'none', tries })]
  return { mine: { ...now, seq, over: seq >= 5 }, say }
}

/** Checkpoints passed at an age. */
function passed(scene: Scene, ageMs: number): number {
  let count = 0
  while (count < 5 && checkpointMs(scene, count) <= ageMs) count++
  return count
}

function outcome(
  scene: Scene,
  { arm, stage, stratum, dataMask = 0, metrics = [] }: Mine,
  it: {
    readonly seq: number
    readonly result: 'ok' | 'fail'
    readonly cause: Cause
    readonly tries: number
  }
): EvidenceDraft {
  const { result, cause, tries, seq } = it
  const body: EvidenceBody = {
    tag: 'outcome',
    outcome: { arm, stratum, dataMask, result, cause, tries, metrics }
  }
  return draftOf(scene, { stage, seq, body })
}

function draftOf(
  { facts }: Scene,
  {
    stage,
    seq,
    body
  }: { readonly stage: number; readonly seq: number; readonly body: EvidenceBody }
): EvidenceDraft {
  const { id, resume } = facts.rollout
  return { subject: id.slice(0, 16), stage, interval: resume, seq, ttlS: 0, body }
}

/** A verdict for those who are away: by drawn nodes with full evidence of their own (S105). */
export function verdict(scene: Scene, run: Run): Spoken {
  const said = wordFor(run, scene)
  const nothing = { run, say: [] }
  if (said === null || run.away) return nothing
  const { input, facts } = scene
  const { nodeKey, member } = input.self
  const { rollout } = facts
  const seat = input.pool.seatOf(nodeKey)
  const isVoter =
    member &&
    !input.pool.isOpen &&
    seat !== null &&
    seat.issuedMs < rollout.votersBeforeMs &&
    !rollout.excluded.has(toHex(nodeKey)) &&
    verdictRank(rollout.lottery, nodeKey) < verdictLine(rollout.bands.nodes)
  const noted: Run = { ...run, saidStage: said.stage, saidWord: said.word }
  if (!isVoter || !input.pool.lacksVerdict(facts.hex, said.word, nodeKey)) {
    return { run: noted, say: [] }
  }
  if (!isSettled(scene, run.seenMs) || !isCovered(scene, run)) return nothing
  const body: EvidenceBody = { tag: 'verdict', verdict: { word: said.word } }
  return { run: noted, say: [draftOf(scene, { stage: said.stage, seq: said.stage, body })] }
}

function wordFor(
  run: Run,
  { facts }: Scene
): { readonly word: 'widen-to' | 'halted' | 'completed'; readonly stage: number } | null {
  const last = facts.rollout.bands.list.length
  // one node says one end: a completed rollout that halts later is told by the halt alone
  if (run.saidWord === 'halted' || run.saidWord === 'completed') return null
  if (run.phase === 'halted') return { word: 'halted', stage: run.haltStage ?? 1 }
  if (run.phase === 'completed') return { word: 'completed', stage: last }
  if (run.phase !== 'filling' || run.stage <= run.saidStage) return null
  return { word: 'widen-to', stage: run.stage }
}
