import { PPM } from '../base/index.ts'
import type { EvidenceDraft } from '../records/index.ts'
import { chance, draws } from './dice.ts'

/** A share of the nodes says of itself what is not so. */
export interface Lie {
  readonly sharePpm: number
  /** Treated say they failed, treated say they are well, controls say they failed. */
  readonly how: 'failed' | 'ok' | 'controls'
}

/** Twists what liars say; everybody else is passed through. */
export class Liars {
  readonly #seed: number
  readonly #lie: Lie | null
  /** Who has said "failed" in a stage says no more in it: a contradiction counts for nothing. */
  readonly #over = new Set<string>()

  constructor(seed: number, lie: Lie | null) {
    this.#seed = seed
    this.#lie = lie
  }

  /** The statement as it is said, or null where the liar keeps quiet. */
  twist(node: number, draft: EvidenceDraft): EvidenceDraft | null {
    const lie = this.#lie
    const { body, stage } = draft
    if (lie === null || body.tag !== 'outcome' || !this.#lies(node, lie)) return draft
    const { outcome } = body
    if (lie.how === 'ok') {
      if (outcome.arm === 'control' || outcome.result !== 'fail') return draft
      const well = { ...outcome, result: 'ok' as const, cause: 'none' as const, tries: 0 }
      return { ...draft, body: { tag: 'outcome', outcome: well } }
    }
    if (outcome.arm !== (lie.how === 'failed' ? 'treated' : 'control')) return draft
    const key = `${node} ${stage}`
    if (this.#over.has(key)) return null
    this.#over.add(key)
    const failed = { ...outcome, result: 'fail' as const, cause: 'crash-loop' as const, tries: 1 }
    return { ...draft, body: { tag: 'outcome', outcome: failed } }
  }

  #lies(node: number, { sharePpm }: Lie): boolean {
    return chance(this.#seed, node, draws.liar, 0) * PPM < sharePpm
  }
}
