import { alloc, DAY, toHex } from '../../base/index.ts'
import type { Beacon, Evidence } from '../../records/index.ts'
import type { SetRef } from '../ports.ts'
import { actOf, own, proofOf, type Act, type Book } from './act.ts'
import type { Ground } from './ground.ts'

type BeaconAct = Act<Beacon>

/** A beacon says something for a day at most. */
const termMaxMs = DAY
/** Numbers kept per key: the newest, and what it falls back to when that contradicts itself. */
const seqsMax = 4

/** What one seq of a key was used for; two statements contradict each other and say nothing. */
interface Entry {
  readonly seq: number
  readonly acts: readonly BeaconAct[]
}

/** The newest words of each beacon key. A seq that is not higher moves nothing (S38). */
export class BeaconBook implements Book<Beacon> {
  #ground: Ground
  /** By key, the highest seq first. */
  readonly #keys = new Map<string, readonly Entry[]>()

  constructor(ground: Ground) {
    this.#ground = ground
  }

  read(evidence: Evidence, nowMs: number): BeaconAct | null {
    const { body, signer, ttlS } = evidence
    if (body.tag !== 'beacon' || !this.#ground.beacons.has(toHex(signer))) return null
    const ttlMs = ttlS === 0 ? termMaxMs : ttlS * 1_000
    if (ttlMs > termMaxMs) return null
    const { trustVersion, trustId, digest } = body.beacon
    const said = { trustVersion, trustId: own(trustId), digest: own(digest) }
    return actOf(evidence, { said, ttlMs, receivedMs: nowMs })
  }

  refOf(): SetRef {
    return { type: 51, subject: alloc(8), a: 0, b: 0, c: 0 }
  }

  holds(act: BeaconAct): boolean {
    const entry = this.#entries(act.signer).find(({ seq }) => seq === act.seq)
    return entry?.acts.some(({ idHex }) => idHex === act.idHex) ?? false
  }

  hasRoom(act: BeaconAct): boolean {
    return merged(this.#entries(act.signer), act).some(({ acts }) => acts.includes(act))
  }

  add(act: BeaconAct): 'news' | 'quiet' {
    const highest = this.#entries(act.signer)[0]?.seq ?? -1
    this.#keys.set(act.signer, merged(this.#entries(act.signer), act))
    // what is behind is kept to fall back to, and is no news to anybody
    return act.seq < highest ? 'quiet' : 'news'
  }

  setGround(ground: Ground): void {
    this.#ground = ground
    for (const signer of this.#keys.keys()) {
      if (!ground.beacons.has(signer)) this.#keys.delete(signer)
    }
  }

  /** What a key said, newest first; a seq used twice counts for nothing. */
  saidBy(signer: string): readonly BeaconAct[] {
    return this.#entries(signer).flatMap(({ acts }) => (acts.length === 1 ? acts : []))
  }

  told(nowMs: number): readonly BeaconAct[] {
    const newest = [...this.#keys.values()].flatMap(([entry]) => entry?.acts ?? [])
    return newest.filter(({ endMs }) => nowMs <= endMs)
  }

  kept(): readonly BeaconAct[] {
    return [...this.#keys.values()].flatMap((entries) => entries.flatMap(({ acts }) => acts))
  }

  #entries(signer: string): readonly Entry[] {
    return this.#keys.get(signer) ?? []
  }
}

function merged(entries: readonly Entry[], act: BeaconAct): readonly Entry[] {
  const same = entries.find(({ seq }) => seq === act.seq)
  const entry = { seq: act.seq, acts: proofOf([...(same?.acts ?? []), act]) }
  const others = entries.filter(({ seq }) => seq !== act.seq)
  return [entry, ...others].toSorted((a, b) => b.seq - a.seq).slice(0, seqsMax)
}
