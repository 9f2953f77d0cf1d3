import type { Bytes } from '../../base/index.ts'
import type { Evidence } from '../../records/index.ts'
import { armOf, stageOf, whoOf, type Arm } from '../bands.ts'
import { placeOf, reporterRank } from '../draws.ts'
import { Folder, type Fold } from './fold.ts'
import type { SetRef, SetView } from '../ports.ts'
import { hear, saidOf, type Reporter } from './reporter.ts'
import type { Rollout } from '../rollouts.ts'
import type { PoolSeat } from './seats.ts'
import { StageSet } from './stage-set.ts'
import { VerdictSet, wordNumber, type Reading, type Word } from './verdicts.ts'

/** A report before it is said: where it would stand. */
export interface ReportPlace {
  readonly stage: number
  readonly arm: Arm
  readonly stratum: number
  readonly rank: bigint
  /** A hold has called up as many reporters again. */
  readonly calledUp?: boolean
}

/** A reporting key, as bytes and in hex. */
export interface Node {
  readonly hex: string
  readonly key: Bytes
}

/** One report as it is about to be taken in: everything known before its signature is checked. */
export interface Claim {
  readonly evidence: Evidence
  readonly hex: string
  readonly seat: PoolSeat
  readonly id: Bytes
  readonly nowMs: number
}

/** The evidence of one release and resume number: stage sets, verdicts, and their fold. */
export class Room {
  rollout: Rollout
  readonly verdicts = new VerdictSet()
  readonly #sets = new Map<string, StageSet>()
  readonly #folder: Folder
  readonly #isSeated: (node: Node) => boolean
  #reading: { readonly version: number; readonly reading: Reading } | null = null
  #fold: { readonly version: number; readonly fold: Fold } | null = null
  #version = 0

  constructor(rollout: Rollout, isSeated: (node: Node) => boolean) {
    this.rollout = rollout
    this.#folder = new Folder(rollout)
    this.#isSeated = isSeated
  }

  /** Rises with every change of the stage sets. */
  get version(): number {
    return this.#version
  }

  /** Arm that the hash gives this node in a stage, or null if it has no part in it. */
  armOf(evidence: Evidence, seat: PoolSeat): Arm | null {
    const { body, stage } = evidence
    if (body.tag !== 'enrol' && body.tag !== 'outcome') return null
    const { stratum } = body.tag === 'enrol' ? body.enrol : body.outcome
    const { lottery, bands } = this.rollout
    const u = placeOf(lottery.seed, evidence.signer)
    return armOf(bands, stage, { u, who: whoOf(stratum), lag: seat.lag })
  }

  /** Stage in which a control switches itself: from then on it may say no more. */
  #ownStage({ body, signer }: Evidence, arm: Arm, seat: PoolSeat): number {
    if (arm === 'treated' || (body.tag !== 'enrol' && body.tag !== 'outcome')) return 0
    const { stratum } = body.tag === 'enrol' ? body.enrol : body.outcome
    const { lottery, bands } = this.rollout
    const u = placeOf(lottery.seed, signer)
    return stageOf(bands, { u, who: whoOf(stratum), lag: seat.lag }) ?? Infinity
  }

  /** Whether a report has a rank among the k of its set. */
  hasRoom(evidence: Evidence, arm: Arm, hex: string): boolean {
    const set = this.#setFor(evidence, arm)
    return set?.hasRoom(this.#rank(evidence), hex) ?? false
  }

  /** Whether exactly this statement is held. */
  holds(evidence: Evidence, arm: Arm, hex: string, idHex: string): boolean {
    const held = this.#setFor(evidence, arm)?.reporters.get(hex)
    return held?.said.some((said) => said.idHex === idHex) ?? false
  }

  /** Takes a verified report in. */
  add({ evidence, hex, seat, id, nowMs }: Claim, arm: Arm): boolean {
    const set = this.#setFor(evidence, arm)
    const said = saidOf(evidence, id)
    if (set === null || said === null) return false
    const held = set.reporters.get(hex)
    if (held !== undefined) {
      const changed = hear(held, said)
      if (changed) this.#touch(set)
      return changed
    }
    const fresh: Reporter = {
      hex,
      key: evidence.signer,
      arm,
      stage: evidence.stage,
      rank: this.#rank(evidence),
      ownStage: this.#ownStage(evidence, arm, seat),
      operator: seat.operator,
      heardMs: nowMs,
      said: [said],
      live: said,
      conflict: false
    }
    const isIn = set.insert(fresh)
    if (isIn) this.#touch(set)
    return isIn
  }

  fold(): Fold {
    if (this.#fold?.version !== this.#version) {
      this.#fold = { version: this.#version, fold: this.#folder.fold([...this.#sets.values()]) }
    }
    return this.#fold.fold
  }

  /** Reporters of plan *small*: everybody who enrolled. */
  reporters(): readonly Reporter[] {
    return [...this.#sets.values()].flatMap((set) => set.byRank())
  }

  /** "While the own set lacks k better": whether fewer than the k in force lie before `rank`. */
  lacks({ stage, arm, stratum, rank, calledUp }: ReportPlace): boolean {
    const set = this.#sets.get(keyOf(stage, arm, stratum))
    if (set === undefined) return true
    const { k, more } = set.options
    return set.isAmong(calledUp === true ? more : k, { rank, hex: '' })
  }

  /** Takes out whose slot is gone, doubled or revoked. */
  keep(): void {
    for (const set of this.#sets.values()) {
      const before = set.version
      set.keep(this.#isSeated)
      if (set.version !== before) this.#version++
    }
    this.#reading = null
  }

  /** What the drawn voters say, counted once per change. */
  reading(): Reading {
    const { version } = this.verdicts
    if (this.#reading?.version !== version) {
      const reading = this.verdicts.read(this.rollout.bands.nodes, this.#isSeated)
      this.#reading = { version, reading }
    }
    return this.#reading.reading
  }

  verdictRef(word: Word): SetRef {
    const { id, resume } = this.rollout
    return { type: 35, subject: id.slice(0, 8), a: resume, b: wordNumber(word), c: 0 }
  }

  refOf(evidence: Evidence, arm: Arm): SetRef | null {
    return this.#setFor(evidence, arm)?.options.ref ?? null
  }

  views(): readonly SetView[] {
    const { id, resume } = this.rollout
    const stages = [...this.#sets.values()].map((set) => set.view())
    return [...stages, ...this.verdicts.views({ type: 35, subject: id.slice(0, 8), a: resume })]
  }

  #touch(set: StageSet): void {
    set.version++
    this.#version++
  }

  #rank(evidence: Evidence): bigint {
    return reporterRank(this.rollout.lottery, evidence.stage, evidence.signer)
  }

  #setFor(evidence: Evidence, arm: Arm): StageSet | null {
    const { body, stage } = evidence
    if (body.tag !== 'enrol' && body.tag !== 'outcome') return null
    const { stratum } = body.tag === 'enrol' ? body.enrol : body.outcome
    const key = keyOf(stage, arm, stratum)
    const held = this.#sets.get(key)
    if (held !== undefined) return held
    const band = this.rollout.bands.list[stage - 1]
    // strata that nobody can be in are no sets
    if (band === undefined || !isStratum(this.rollout, stratum)) return null
    const set = new StageSet({
      ref: this.#nameOf(stage, arm, stratum),
      stage,
      arm,
      stratum,
      k: arm === 'treated' ? band.kT : band.kC,
      more: arm === 'treated' ? band.moreT : band.moreC,
      line: arm === 'treated' ? band.lineT : band.lineC,
      inBake: inBakeOf(this.rollout, band.bakeMs)
    })
    this.#sets.set(key, set)
    return set
  }

  #nameOf(stage: number, arm: Arm, stratum: number): SetRef {
    const { id, resume } = this.rollout
    const b = 2 * stage + (arm === 'treated' ? 1 : 0)
    return { type: 32, subject: id.slice(0, 8), a: resume, b, c: stratum }
  }
}

/** Checkpoints whose reports a bake waits for: ages up to three quarters of it, at least one. */
export function inBakeOf({ policy }: Rollout, bakeMs: number): number {
  const ages = policy.gate.checkpointsMs
  return Math.max(1, ages.filter((age) => age * 4 <= bakeMs * 3).length)
}

/** Low nibble: version before, 0 to 3. High nibble: the platform, where there are several. */
function isStratum({ platforms }: Rollout, stratum: number): boolean {
  return (stratum & 0x0f) <= 3 && stratum >> 4 < Math.max(1, platforms.length)
}

function keyOf(stage: number, arm: Arm, stratum: number): string {
  return `${stage} ${arm} ${stratum}`
}
