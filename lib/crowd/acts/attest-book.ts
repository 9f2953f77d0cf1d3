import { DAY, equal, toHex, type Bytes } from '../../base/index.ts'
import type { Evidence } from '../../records/index.ts'
import type { SetRef } from '../ports.ts'
import { actOf, own, type Act, type Book } from './act.ts'
import type { Ground } from './ground.ts'

export interface AttestSaid {
  readonly release: Bytes
  /** The release it is about, in hex. */
  readonly hex: string
  /** Place of the artifact in the release. */
  readonly index: number
  /** What was built is what was signed. */
  readonly agrees: boolean
  readonly treeDigest: Bytes
  /** It counts until then, in unix ms; `Infinity`: as long as its release. */
  readonly untilMs: number
}

type AttestAct = Act<AttestSaid>

/**
 * What one builder says of one artifact. No later word of its builder takes a dispute back:
 * it may be that of a thief of the key. A quorum names it, or it stays (S55).
 */
export interface AttestSlot {
  readonly signer: string
  readonly index: number
  /** The newest that agrees. */
  readonly agree: AttestAct | null
  /** The newest dispute, and the one that lasts longest. */
  readonly dispute: AttestAct | null
  readonly lasting: AttestAct | null
}

/** An attestation that is to end by itself ends within this. */
const termMaxMs = 90 * DAY

/** Attestations of the builders that the trust lists: one slot per (builder, release, artifact). */
export class AttestBook implements Book<AttestSaid> {
  #ground: Ground
  /** By release, then by builder and artifact. */
  readonly #releases = new Map<string, Map<string, AttestSlot>>()

  constructor(ground: Ground) {
    this.#ground = ground
  }

  read(evidence: Evidence, nowMs: number): AttestAct | null {
    const { body, signer, subject, stage: index, ttlS, tsS } = evidence
    if (body.tag !== 'attest' || !this.#ground.builders.has(toHex(signer))) return null
    const known = this.#ground.releases.get(toHex(subject))
    const artifact = known?.body.artifacts[index]
    if (known === undefined || artifact === undefined || ttlS * 1_000 > termMaxMs) return null
    const treeDigest = own(body.attest.treeDigest)
    const ttlMs = ttlS === 0 ? Infinity : ttlS * 1_000
    const said = {
      release: known.id,
      hex: toHex(known.id),
      index,
      agrees: equal(treeDigest, artifact.treeDigest),
      treeDigest,
      untilMs: tsS * 1_000 + ttlMs
    }
    return actOf(evidence, { said, ttlMs, receivedMs: nowMs })
  }

  refOf({ said }: AttestAct): SetRef {
    return { type: 48, subject: said.release.slice(0, 8), a: 0, b: 0, c: 0 }
  }

  holds(act: AttestAct): boolean {
    return actsOf(this.#slot(act)).some(({ idHex }) => idHex === act.idHex)
  }

  hasRoom(act: AttestAct): boolean {
    return actsOf(merged(this.#slot(act), act)).includes(act)
  }

  add(act: AttestAct): 'news' | 'quiet' {
    const slots = this.#releases.get(act.said.hex) ?? new Map<string, AttestSlot>()
    slots.set(nameOf(act), merged(this.#slot(act), act))
    this.#releases.set(act.said.hex, slots)
    return 'news'
  }

  setGround(ground: Ground): void {
    this.#ground = ground
    const held = new Set([...ground.releases.values()].map(({ id }) => toHex(id)))
    for (const [hex, slots] of this.#releases) {
      if (!held.has(hex)) this.#releases.delete(hex)
      for (const [name, { signer }] of slots) if (!ground.builders.has(signer)) slots.delete(name)
    }
  }

  /** Slots of one artifact of a release. */
  slotsOf(hex: string, index: number): readonly AttestSlot[] {
    const slots = this.#releases.get(hex)
    return slots === undefined ? [] : [...slots.values()].filter((slot) => slot.index === index)
  }

  told(nowMs: number): readonly AttestAct[] {
    return this.kept().filter(({ endMs }) => nowMs <= endMs)
  }

  kept(): readonly AttestAct[] {
    return [...this.#releases.values()].flatMap((slots) => [...slots.values()].flatMap(actsOf))
  }

  #slot(act: AttestAct): AttestSlot {
    const held = this.#releases.get(act.said.hex)?.get(nameOf(act))
    const { signer, said } = act
    return held ?? { signer, index: said.index, agree: null, dispute: null, lasting: null }
  }
}

/** Each place takes the greatest of what it has seen, so that the order of hearing is nothing. */
function merged(slot: AttestSlot, act: AttestAct): AttestSlot {
  if (act.said.agrees) return { ...slot, agree: greater(slot.agree, act, newer) }
  return {
    ...slot,
    dispute: greater(slot.dispute, act, newer),
    lasting: greater(slot.lasting, act, longer)
  }
}

type Compare = (a: AttestAct, b: AttestAct) => number

function greater(held: AttestAct | null, act: AttestAct, compare: Compare): AttestAct {
  return held === null || compare(act, held) > 0 ? act : held
}

/** Of equal ones the smaller id. */
function newer(a: AttestAct, b: AttestAct): number {
  return a.seq - b.seq || (a.idHex < b.idHex ? 1 : a.idHex > b.idHex ? -1 : 0)
}

function longer(a: AttestAct, b: AttestAct): number {
  const [endA, endB] = [a.said.untilMs, b.said.untilMs]
  return endA === endB ? newer(a, b) : endA > endB ? 1 : -1
}

/** The statements of a slot, each once. */
export function actsOf({ agree, dispute, lasting }: AttestSlot): readonly AttestAct[] {
  return [agree, dispute, lasting === dispute ? null : lasting].filter((act) => act !== null)
}

function nameOf({ signer, said }: AttestAct): string {
  return `${signer} ${said.index}`
}
