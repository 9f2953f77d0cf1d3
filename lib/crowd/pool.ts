import { equal, isOtaError, toHex, type Bytes } from '../base/index.ts'
import { decodeEvidence, type Evidence } from '../records/index.ts'
import { evidenceId, verifyEvidence, type Believed } from '../trust/index.ts'
import { Acts } from './acts/acts.ts'
import type { HadDigest } from './acts/claims.ts'
import type { Attestations, Brakes, Claim, Freshness, Kept } from './acts/types.ts'
import { duplicate, ignored, rejected, skewMs } from './answers.ts'
import { CensusBook, type CensusEstimate } from './sets/census-book.ts'
import { censusTtlMs, type Member } from './sets/census.ts'
import { verdictLine, verdictRank } from './draws.ts'
import { emptyFold, type Fold } from './sets/fold.ts'
import { MembershipBook } from './sets/membership-book.ts'
import type { EvidencePool, Offer, SetView } from './ports.ts'
import type { Reporter } from './sets/reporter.ts'
import { Room, type ReportPlace } from './sets/room.ts'
import { rolloutsOf, type Rollout } from './rollouts.ts'
import { openSeat, type PoolSeat } from './sets/seats.ts'
import type { Reading, Word } from './sets/verdicts.ts'

/** What `decide` asks of the evidence. A fleet that shares one view shares one of these. */
export interface PoolView {
  /** The rollout as evidence sees it; null if the release is not kept. */
  rollout(hex: string): Rollout | null
  fold(hex: string): Fold
  reporters(hex: string): readonly Reporter[]
  verdicts(hex: string): Reading
  members(nowMs: number): readonly Member[]
  census(nowMs: number): CensusEstimate
  /** In open membership everybody has a seat, and evidence never halts. */
  readonly isOpen: boolean
  seatOf(nodeKey: Bytes): PoolSeat | null
  /** Whether a report of this rank would be among the k that count. */
  lacksReport(hex: string, place: ReportPlace): boolean
  lacksVerdict(hex: string, word: Word, nodeKey: Bytes): boolean
  /** What brakes do to a release; they run from receipt (S104). */
  brakes(hex: string, nowMs: number): Brakes
  /** What builders say about one artifact, by its place in the release (S54, S55, S56). */
  attestations(hex: string, artifactIndex: number, nowMs: number): Attestations
  /** How old the newest word of the beacons is (S37, S38). */
  freshness(nowMs: number): Freshness
  /** What fresh beacons name and this node never had (S39, S40). */
  claim(nowMs: number): Claim | null
}

export interface PoolOptions {
  /** Stands in for the check of evidence signatures, in a simulated fleet that signs nothing. */
  readonly verify?: (evidence: Evidence) => boolean
  /** Stands in for memberships: the seat of a reporting key by its hex, or null. */
  readonly seatOf?: (hex: string) => PoolSeat | null
}

/** Reports of keys whose certificate is not here yet, kept until it comes. */
const parkedMax = 256

/**
 * All evidence a node holds: a set that grows by union, so that the same statements give the same
 * pool whatever their order, repetition or way. Cheapest checks first; the signature comes last.
 */
export class Pool implements EvidencePool, PoolView {
  readonly #options: PoolOptions
  #believed: Believed
  readonly #memberships: MembershipBook
  readonly #census: CensusBook
  readonly #acts: Acts
  #rooms = new Map<string, Room>()
  #bySubject = new Map<string, Room>()
  #parked: Evidence[] = []

  constructor(believed: Believed, options: PoolOptions = {}) {
    this.#believed = believed
    this.#options = options
    this.#memberships = new MembershipBook(believed)
    this.#census = new CensusBook(believed.network)
    this.#acts = new Acts({ believed, verify: (evidence) => this.#verify(evidence) })
    this.#openRooms()
  }

  /**
   * To be called whenever belief changes: rollouts open and close, slots die with their revoke,
   * brakes, beacons and attestations with their key. `hadDigest` tells digests that were believed
   * before, also before a restart; once given it stays.
   */
  setContext(context: { readonly believed: Believed; readonly hadDigest?: HadDigest }): void {
    const { believed, hadDigest } = context
    this.#acts.setContext(believed, hadDigest)
    if (believed === this.#believed) return
    this.#believed = believed
    this.#memberships.setBelieved(believed)
    this.#openRooms()
    this.#keepSeated()
  }

  offer(item: Bytes, nowMs: number): Offer {
    try {
      if (item[0] === 0x75) return this.#offerMembership(item, nowMs)
      return this.add(decodeEvidence(item, this.#believed.network), nowMs)
    } catch (error) {
      // what cannot be read is the neighbour's fault, unless it is only newer than this node
      if (!isOtaError(error)) throw error
      return isOtaError(error, 'UNSUPPORTED') ? ignored : rejected
    }
  }

  /** Takes in evidence that is decoded already: one's own, or a simulated node's. */
  add(evidence: Evidence, nowMs: number): Offer {
    const { tag } = evidence.body
    if (tag === 'brake' || tag === 'beacon' || tag === 'attest') {
      return this.#acts.add(evidence, nowMs)
    }
    if (evidence.tsS * 1_000 > nowMs + skewMs) return ignored
    const hex = toHex(evidence.signer)
    const seat = this.#seat(hex, evidence.signer)
    if (seat === null) {
      this.#park(evidence)
      return ignored
    }
    if (tag === 'enrol' || tag === 'outcome') return this.#addReport(evidence, hex, seat, nowMs)
    if (tag === 'census') return this.#addCensus(evidence, seat, nowMs)
    // votes are not collected by this version
    return tag === 'verdict' ? this.#addVerdict(evidence, hex, seat) : ignored
  }

  sets(): readonly SetView[] {
    const rooms = [...this.#rooms.values()].flatMap((room) => room.views())
    const others = [...this.#census.views(), ...this.#acts.views()]
    const views = [this.#memberships.view(), ...rooms, ...others]
    return views.filter((view) => view.count > 0)
  }

  get(id: Bytes): Bytes | null {
    const membership = this.#memberships.get(toHex(id))
    if (membership !== null) return membership
    const hex = toHex(id)
    for (const view of this.sets()) {
      const wire = indexOf(view).get(hex)
      if (wire !== undefined) return wire
    }
    return null
  }

  rollout(hex: string): Rollout | null {
    return this.#rooms.get(hex)?.rollout ?? null
  }

  fold(hex: string): Fold {
    // belief may be a moment ahead of the evidence: a release not opened yet has none
    return this.#rooms.get(hex)?.fold() ?? emptyFold
  }

  reporters(hex: string): readonly Reporter[] {
    return this.#rooms.get(hex)?.reporters() ?? []
  }

  verdicts(hex: string): Reading {
    const room = this.#rooms.get(hex)
    // one voter per slot: without slots nothing bounds the voters (S60)
    if (room === undefined || this.isOpen) return { tag: 'none', voters: 0 }
    return room.reading()
  }

  members(nowMs: number): readonly Member[] {
    return this.#census.members(nowMs)
  }

  census(nowMs: number): CensusEstimate {
    return this.#census.estimate(nowMs)
  }

  get isOpen(): boolean {
    return this.#believed.trust?.body.membership !== 'enrolled'
  }

  seatOf(nodeKey: Bytes): PoolSeat | null {
    return this.#seat(toHex(nodeKey), nodeKey)
  }

  /** Slots that two keys claim; nobody speaks for them until they are revoked (S103). */
  doubledSlots(): number {
    return this.#memberships.doubled()
  }

  lacksReport(hex: string, place: ReportPlace): boolean {
    return this.#rooms.get(hex)?.lacks(place) ?? false
  }

  lacksVerdict(hex: string, word: Word, nodeKey: Bytes): boolean {
    const room = this.#rooms.get(hex)
    if (room === undefined) return false
    return room.verdicts.hasRoom(word, verdictRank(room.rollout.lottery, nodeKey), toHex(nodeKey))
  }

  brakes(hex: string, nowMs: number): Brakes {
    return this.#acts.brakes(hex, nowMs)
  }

  attestations(hex: string, artifactIndex: number, nowMs: number): Attestations {
    return this.#acts.attestations({ hex, index: artifactIndex }, nowMs)
  }

  freshness(nowMs: number): Freshness {
    return this.#acts.freshness(nowMs)
  }

  claim(nowMs: number): Claim | null {
    return this.#acts.claim(nowMs)
  }

  /**
   * What must be written durably and handed to `restore`: when brakes were heard, and how far the
   * beacons counted. The same list until something changes.
   */
  kept(): readonly Kept[] {
    return this.#acts.kept()
  }

  /** To be called before anything is offered: dates of receipt stay, numbers never fall. */
  restore(kept: readonly Kept[], nowMs: number): void {
    this.#acts.restore(kept, nowMs)
  }

  #addReport(evidence: Evidence, hex: string, seat: PoolSeat, nowMs: number): Offer {
    const room = this.#roomFor(evidence)
    if (room === null || room.rollout.excluded.has(hex)) return ignored
    if (seat.issuedMs >= room.rollout.reportersBeforeMs) return ignored
    const { body } = evidence
    if (body.tag !== 'enrol' && body.tag !== 'outcome') return ignored
    // every reader computes the arm again: who reports out of turn counts for nothing (S58)
    const arm = room.armOf(evidence, seat)
    const said = body.tag === 'enrol' ? body.enrol.arm : body.outcome.arm
    if (arm === null || arm !== said) return ignored
    if (!room.hasRoom(evidence, arm, hex)) return ignored
    const id = evidenceId(evidence)
    const ref = room.refOf(evidence, arm)
    if (room.holds(evidence, arm, hex, toHex(id))) return { ...duplicate, id, ref }
    if (!this.#verify(evidence)) return { ...rejected, id }
    const isNews = room.add({ evidence, hex, seat, id, nowMs }, arm)
    return isNews
      ? { answer: 'accepted', id, spread: 'lazy', ref }
      : { answer: 'ignored', id, spread: 'none', ref }
  }

  #addCensus(evidence: Evidence, seat: PoolSeat, nowMs: number): Offer {
    const { seq, ttlS, tsS, interval, signer } = evidence
    const staleMs = Math.min(ttlS * 1_000, censusTtlMs) + skewMs
    if (seq !== 0 || ttlS === 0 || tsS * 1_000 + staleMs < nowMs) return ignored
    const anchor = this.#anchor(evidence.subject)
    if (anchor === null || seat.issuedMs >= anchor.beforeMs) return ignored
    const place = this.#census.place(anchor.id, interval, signer, nowMs)
    const hex = toHex(signer)
    if (place === null || !place.set.hasRoom(place.ticket, hex)) return ignored
    const id = evidenceId(evidence)
    const { ref } = place.set
    if (place.set.holds(toHex(id), hex)) return { ...duplicate, id, ref }
    if (!this.#verify(evidence)) return { ...rejected, id }
    this.#census.expire(nowMs)
    const isNews = this.#census.add(evidence, id, place, anchor.id)
    return { answer: isNews ? 'accepted' : 'ignored', id, spread: isNews ? 'lazy' : 'none', ref }
  }

  #addVerdict(evidence: Evidence, hex: string, seat: PoolSeat): Offer {
    const room = this.#roomFor(evidence)
    if (room === null || evidence.body.tag !== 'verdict' || this.isOpen) return ignored
    const { rollout, verdicts } = room
    if (rollout.excluded.has(hex) || seat.issuedMs >= rollout.votersBeforeMs) return ignored
    const { word } = evidence.body.verdict
    const rank = verdictRank(rollout.lottery, evidence.signer)
    // the line is drawn with the size that was signed, so late readers draw the same one (S105)
    if (rank >= verdictLine(rollout.bands.nodes) || !verdicts.hasRoom(word, rank, hex)) {
      return ignored
    }
    const id = evidenceId(evidence)
    const ref = room.verdictRef(word)
    if (verdicts.holds(toHex(id), hex)) return { ...duplicate, id, ref }
    if (!this.#verify(evidence)) return { ...rejected, id }
    const isNews = verdicts.add(evidence, id, rank)
    return { answer: isNews ? 'accepted' : 'ignored', id, spread: isNews ? 'eager' : 'none', ref }
  }

  #offerMembership(item: Bytes, nowMs: number): Offer {
    const offer = this.#memberships.offer(item, this.#believed.network, nowMs)
    if (offer.answer !== 'accepted') return offer
    this.#keepSeated()
    const parked = this.#parked
    this.#parked = []
    for (const evidence of parked) this.add(evidence, nowMs)
    return offer
  }

  #roomFor({ subject, interval }: Evidence): Room | null {
    const room = this.#bySubject.get(toHex(subject))
    // reports of an earlier resume number are history, of a later one not known here yet
    return room !== undefined && room.rollout.resume === interval ? room : null
  }

  #anchor(subject: Bytes): { readonly id: Bytes; readonly beforeMs: number } | null {
    const { network } = this.#believed
    if (equal(subject, network.subarray(0, 16))) return { id: network, beforeMs: Infinity }
    const rollout = this.#bySubject.get(toHex(subject))?.rollout
    return rollout === undefined ? null : { id: rollout.id, beforeMs: rollout.votersBeforeMs }
  }

  #seat(hex: string, nodeKey: Bytes): PoolSeat | null {
    if (this.#options.seatOf !== undefined) return this.#options.seatOf(hex)
    if (this.isOpen) return openSeat
    return this.#memberships.seatOf(hex, nodeKey)
  }

  #verify(evidence: Evidence): boolean {
    return (this.#options.verify ?? verifyEvidence)(evidence)
  }

  #park(evidence: Evidence): void {
    this.#parked.push(evidence)
    if (this.#parked.length > parkedMax) this.#parked.shift()
  }

  /** A resume begins a new room: new reporters, E = 1. The integer sums of the old one are over. */
  #openRooms(): void {
    const rooms = new Map<string, Room>()
    for (const [hex, rollout] of rolloutsOf(this.#believed)) {
      const held = this.#rooms.get(hex)
      const same = held !== undefined && held.rollout.resume === rollout.resume
      if (same) held.rollout = rollout
      rooms.set(hex, same ? held : new Room(rollout, (node) => this.#isSeated(node)))
    }
    for (const [hex, room] of this.#rooms) {
      // A new trust may come a moment before the signatures that carry a release over to it: what
      // was heard of it must not be lost meanwhile (S91).
      if (!rooms.has(hex) && this.#believed.held.has(hex)) rooms.set(hex, room)
    }
    this.#rooms = rooms
    this.#bySubject = new Map([...rooms.values()].map((room) => [room.rollout.subject, room]))
  }

  #isSeated({ hex, key }: { readonly hex: string; readonly key: Bytes }): boolean {
    return this.#seat(hex, key) !== null
  }

  #keepSeated(): void {
    for (const room of this.#rooms.values()) room.keep()
  }
}

/** Wires of a view by id, made once per view: gossip asks for ids, not for sets. */
function indexOf(view: SetView): ReadonlyMap<string, Bytes> {
  const held = indexes.get(view)
  if (held !== undefined) return held
  const index = new Map(view.members.map(({ id, wire }) => [toHex(id), wire]))
  indexes.set(view, index)
  return index
}

const indexes = new WeakMap<SetView, ReadonlyMap<string, Bytes>>()
