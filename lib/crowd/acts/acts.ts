import { isOtaError, toHex, type Bytes } from '../../base/index.ts'
import { decodeEvidence, type Evidence } from '../../records/index.ts'
import { authorityDigest, type Believed } from '../../trust/index.ts'
import { duplicate, ignored, rejected, skewMs } from '../answers.ts'
import type { Offer, SetRef, SetView } from '../ports.ts'
import { ones } from '../sets/stage-set.ts'
import type { Act, Book } from './act.ts'
import { AttestBook } from './attest-book.ts'
import { attestationsOf, type Artifact } from './attestations.ts'
import { BeaconBook } from './beacon-book.ts'
import { BrakeBook } from './brake-book.ts'
import { brakesOf } from './brakes.ts'
import { claimOf, type HadDigest } from './claims.ts'
import { freshnessOf } from './freshness.ts'
import { groundOf, type Ground } from './ground.ts'
import type { Attestations, Brakes, Claim, Freshness, Kept } from './types.ts'

export interface ActsOptions {
  readonly believed: Believed
  readonly verify: (evidence: Evidence) => boolean
}

/** Digests remembered here, beside those that the owner of the statements remembers on disk. */
const digestsMax = 64
/** The one byte that stands for "beacons are waited for since": no statement is that short. */
const waitingMark = 0x77

/**
 * Evidence of keys that the trust names: brakes, beacons, attestations. It comes in any order and
 * any number of times, over every way, and says the same; only when a brake was first heard is this
 * node's own.
 */
export class Acts {
  #ground: Ground
  readonly #verify: (evidence: Evidence) => boolean
  readonly #brakes: BrakeBook
  readonly #attests: AttestBook
  readonly #beacons: BeaconBook
  #hadDigest: HadDigest = () => false
  #digests: readonly string[] = []
  /** Since when this node has a trust with beacons, as far as it has looked at a clock. */
  #waitingMs: number | null = null
  #nowMs = 0
  #version = 0
  #kept: { readonly version: number; readonly list: readonly Kept[] } | null = null
  #views: Views | null = null
  /** Ids of beacons dated ahead, by key: each is told of once (S48). */
  readonly #ahead = new Map<string, string>()

  constructor({ believed, verify }: ActsOptions) {
    this.#ground = groundOf(believed)
    this.#verify = verify
    this.#brakes = new BrakeBook(this.#ground)
    this.#attests = new AttestBook(this.#ground)
    this.#beacons = new BeaconBook(this.#ground)
    this.#noteDigest()
  }

  /** What a key said dies with the key, and with the release it is about. */
  setContext(believed: Believed, hadDigest?: HadDigest): void {
    if (hadDigest !== undefined) this.#hadDigest = hadDigest
    if (believed === this.#ground.believed) return
    const before = this.#ground.beacons
    this.#ground = groundOf(believed)
    for (const book of this.#books) book.setGround(this.#ground)
    const { beacons, beaconsNeeded } = this.#ground
    const staying = [...beacons.keys()].filter((key) => before.has(key))
    // keys that nobody could have heard yet are waited for from now on
    if (staying.length < beaconsNeeded) this.#waitingMs = null
    this.#ahead.clear()
    this.#noteDigest()
    this.#version++
  }

  /** Takes one in: who may speak first, dates next, the signature last. */
  add(evidence: Evidence, nowMs: number): Offer {
    this.#look(nowMs)
    const { tag } = evidence.body
    if (tag === 'brake') return this.#take(this.#brakes, evidence, nowMs)
    if (tag === 'attest') return this.#take(this.#attests, evidence, nowMs)
    return tag === 'beacon' ? this.#take(this.#beacons, evidence, nowMs) : ignored
  }

  brakes(hex: string, nowMs: number): Brakes {
    this.#look(nowMs)
    return brakesOf(this.#brakes, this.#ground, hex, nowMs)
  }

  attestations(artifact: Artifact, nowMs: number): Attestations {
    this.#look(nowMs)
    return attestationsOf(this.#attests, this.#ground, artifact, nowMs)
  }

  freshness(nowMs: number): Freshness {
    this.#look(nowMs)
    return freshnessOf(this.#beacons, this.#ground, this.#waitingMs ?? nowMs, nowMs)
  }

  claim(nowMs: number): Claim | null {
    this.#look(nowMs)
    const had = (digest: Bytes) => this.#digests.includes(toHex(digest)) || this.#hadDigest(digest)
    return claimOf(this.#beacons, this.#ground, had, nowMs)
  }

  /** The same list until something changes. */
  kept(): readonly Kept[] {
    if (this.#kept?.version !== this.#version) {
      const acts = this.#books.flatMap((book) => book.kept())
      const list = acts.map(({ wire, receivedMs }) => ({ wire, receivedMs }))
      const mark = { wire: Uint8Array.of(waitingMark), receivedMs: this.#waitingMs ?? 0 }
      const all = this.#waitingMs === null ? list : [...list, mark]
      this.#kept = { version: this.#version, list: all }
    }
    return this.#kept.list
  }

  /** What is kept has been judged by its date before: only who may speak is asked again. */
  restore(kept: readonly Kept[], nowMs: number): void {
    for (const { wire, receivedMs } of kept) {
      const heardMs = Math.min(receivedMs, nowMs)
      if (wire.byteLength === 1 && wire[0] === waitingMark) this.#wait(heardMs)
      else this.#restoreOne(wire, heardMs)
    }
    // not a look yet: that beacons are waited for from now on is news to be kept
    this.#nowMs = nowMs
  }

  views(): readonly SetView[] {
    const held = this.#views
    if (held?.version === this.#version && this.#nowMs <= held.untilMs) return held.list
    this.#views = this.#makeViews()
    return this.#views.list
  }

  get #books(): readonly Book<unknown>[] {
    return [this.#brakes, this.#attests, this.#beacons]
  }

  #take(book: Book<unknown>, evidence: Evidence, nowMs: number): Offer {
    const act = book.read(evidence, nowMs)
    if (act === null) return ignored
    const base = { id: act.id, ref: book.refOf(act) }
    if (book.holds(act)) return { ...duplicate, ...base }
    if (act.tsMs > nowMs + skewMs) return this.#dateAhead(act, evidence)
    // with its id: whoever asked for it need not ask again
    if (act.endMs < nowMs || !book.hasRoom(act)) return { ...ignored, ...base }
    if (!this.#verify(evidence)) return { ...rejected, id: act.id }
    this.#version++
    if (book.add(act) === 'quiet') return { ...ignored, ...base }
    return { ...base, answer: 'accepted', spread: 'eager' }
  }

  /** No beacon moves time; a signed one from ahead is worth an event, once (S48). */
  #dateAhead(act: Act<unknown>, evidence: Evidence): Offer {
    if (evidence.body.tag !== 'beacon') return ignored
    if (this.#ahead.get(act.signer) === act.idHex) return { ...ignored, id: act.id }
    if (!this.#verify(evidence)) return { ...rejected, id: act.id }
    this.#ahead.set(act.signer, act.idHex)
    return { ...ignored, id: act.id, code: 'CLOCK_SKEW' }
  }

  #restoreOne(wire: Bytes, receivedMs: number): void {
    const evidence = readEvidence(wire, this.#ground.believed.network)
    if (evidence === null) return
    for (const book of this.#books) this.#restoreInto(book, evidence, receivedMs)
  }

  #restoreInto(book: Book<unknown>, evidence: Evidence, receivedMs: number): void {
    const act = book.read(evidence, receivedMs)
    if (act === null || !book.hasRoom(act) || !this.#verify(evidence)) return
    book.add(act)
    this.#version++
  }

  #look(nowMs: number): void {
    this.#nowMs = nowMs
    if (this.#ground.beacons.size > 0 && this.#waitingMs === null) this.#wait(nowMs)
  }

  #wait(sinceMs: number): void {
    if (this.#ground.beacons.size === 0) return
    this.#waitingMs = Math.min(this.#waitingMs ?? Infinity, sinceMs)
    this.#version++
  }

  #noteDigest(): void {
    // without beacons nobody names a digest
    if (this.#ground.beacons.size === 0) return
    const hex = toHex(authorityDigest(this.#ground.believed))
    const others = this.#digests.filter((digest) => digest !== hex)
    this.#digests = [...others, hex].slice(-digestsMax)
  }

  #makeViews(): Views {
    const told = this.#books.flatMap((book) =>
      book.told(this.#nowMs).map((act) => ({ act, ref: book.refOf(act) }))
    )
    const sets = new Map<string, Told>()
    for (const { act, ref } of told) {
      const name = `${ref.type} ${toHex(ref.subject)}`
      const set = sets.get(name) ?? { ref, members: [] }
      set.members.push(act)
      sets.set(name, set)
    }
    const before = this.#views?.byName
    const byName = new Map([...sets].map(([name, set]) => [name, viewOf(set, before?.get(name))]))
    const list = [...byName.values()]
    const untilMs = Math.min(Infinity, ...told.map(({ act }) => act.endMs))
    return { version: this.#version, untilMs, list, byName }
  }
}

interface Views {
  readonly version: number
  /** The first of them is not told any more after this. */
  readonly untilMs: number
  readonly list: readonly SetView[]
  readonly byName: ReadonlyMap<string, SetView>
}

interface Told {
  readonly ref: SetRef
  readonly members: Act<unknown>[]
}

/** The view of before where nothing changed: sums and indexes of sets are made once per view. */
function viewOf({ ref, members }: Told, before: SetView | undefined): SetView {
  const isSame =
    before?.count === members.length && members.every(({ id }, at) => before.members[at]?.id === id)
  if (before !== undefined && isSame) return before
  const items = members.map(({ id, wire }) => ({ id, wire }))
  return { ref, count: items.length, kthRank: ones(), members: items }
}

/** Null: not a statement of this network that can be read; a file may be damaged. */
function readEvidence(wire: Bytes, network: Bytes): Evidence | null {
  try {
    return decodeEvidence(wire, network)
  } catch (error) {
    if (isOtaError(error)) return null
    throw error
  }
}
