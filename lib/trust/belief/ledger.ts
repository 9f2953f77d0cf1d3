import { compare, equal, toHex, type Bytes } from '../../base/index.ts'
import type { Believed, Held } from './believed.ts'
import type { Checkpoint } from './chain.ts'
import { judge } from './judge.ts'
import type {
  AnyKnown,
  KnownControl,
  KnownEra,
  KnownRelease,
  KnownRevoke,
  KnownTrust
} from './known.ts'
import { withoutReuse } from './reuse.ts'
import { insert, remove } from './sorted.ts'
import { baseOf, byChannel, judged, settle } from './settle.ts'
import type { Item, Scene } from './standing.ts'

/**
 * A belief that is being changed: takes statements in and lets go of them one at a time, and draws
 * only the consequences that each has. What comes of it is what `settle` makes of all of them. A
 * trust touches everything and is settled anew; of the rest only a widen depends on another
 * statement (its release), and a release on those that name its draw number.
 */
export class Ledger implements Believed {
  readonly network: Bytes
  readonly checkpoint: Checkpoint | null
  #adopted: Checkpoint | null = null
  #trust: KnownTrust | null = null
  #trusts: readonly KnownTrust[] = []
  #fork: readonly KnownTrust[] = []
  #held = new Map<string, Held>()
  #releases: KnownRelease[] = []
  #controls: KnownControl[] = []
  #eras: KnownEra[] = []
  #revokes: KnownRevoke[] = []
  #lifted: ReadonlySet<string> = new Set()
  readonly #waiting = new Set<string>()
  readonly #widens = new Set<string>()
  #bytes = 0
  #start: Believed | null

  constructor(start: Believed) {
    this.network = start.network
    this.checkpoint = start.checkpoint
    this.#start = start
    this.#copy(start)
  }

  /** The ledger of a belief: the one it came of, if that has not moved on since; else a new one. */
  static of(start: Believed): Ledger {
    const last = ledgers.get(start)
    ledgers.delete(start)
    return last ?? new Ledger(start)
  }

  get adopted(): Checkpoint | null {
    return this.#adopted
  }

  get trust(): KnownTrust | null {
    return this.#trust
  }

  get trusts(): readonly KnownTrust[] {
    return this.#trusts
  }

  get fork(): readonly KnownTrust[] {
    return this.#fork
  }

  get held(): ReadonlyMap<string, Held> {
    return this.#held
  }

  get releases(): readonly KnownRelease[] {
    return this.#releases
  }

  get controls(): readonly KnownControl[] {
    return this.#controls
  }

  get eras(): readonly KnownEra[] {
    return this.#eras
  }

  get revokes(): readonly KnownRevoke[] {
    return this.#revokes
  }

  get lifted(): ReadonlySet<string> {
    return this.#lifted
  }

  /** Those short of their quorum, which had it never. */
  get waiting(): ReadonlySet<string> {
    return this.#waiting
  }

  /** The statements that had their quorum here, with their signatures. */
  get settledCount(): number {
    return this.#held.size - this.#waiting.size
  }

  /** Their bytes as they lie on disk, but for some lengths. */
  get settledBytes(): number {
    return this.#bytes
  }

  /** What is believed now, as a value; the one it began with as long as nothing changed. */
  believed(): Believed {
    if (this.#start !== null) return this.#start
    const { network, checkpoint, adopted, trust, trusts, fork, lifted } = this
    this.#start = {
      network,
      checkpoint,
      adopted,
      trust,
      trusts,
      fork,
      lifted,
      releases: [...this.#releases],
      controls: [...this.#controls],
      eras: [...this.#eras],
      revokes: [...this.#revokes],
      held: new Map(this.#held)
    }
    return this.#start
  }

  /** Ends the work: what is believed now, and who goes on from there goes on with this ledger. */
  close(): Believed {
    const believed = this.believed()
    ledgers.set(believed, this)
    return believed
  }

  /** Holds this form of a statement, under the hex of its id, and says where it stands. */
  put(hex: string, any: AnyKnown): Held {
    const before = this.#held.get(hex)
    const item = { any, settled: before?.settled ?? false }
    if (any.tag === 'trust') {
      const items = new Map<string, Item>(this.#held)
      this.#reset(settle({ ...baseOf(this), items: items.set(hex, item) }))
      return this.#held.get(hex) ?? judged(item, this.#scene())
    }
    this.#set(hex, judged(item, this.#scene()))
    if (any.tag === 'release') this.#judgeAround(any.known, before === undefined)
    return this.#held.get(hex) ?? judged(item, this.#scene())
  }

  /** Lets go of these, by the hex of their ids. */
  drop(hexes: Iterable<string>): void {
    const trusts: string[] = []
    for (const hex of hexes) {
      const held = this.#held.get(hex)
      if (held === undefined) continue
      if (held.any.tag === 'trust') trusts.push(hex)
      this.#unset(hex)
      if (held.any.tag === 'release') this.#judgeAround(held.any.known, true)
    }
    if (trusts.length > 0) this.#reset(settle({ ...baseOf(this), items: this.#held }))
  }

  /** Where a statement would stand that is not held. */
  look(any: AnyKnown): Held {
    const item = { any, settled: false }
    return { ...item, standing: judge(item, this.#scene()) }
  }

  #scene(): Scene {
    const chain = { current: this.#trust, path: this.#trusts, fork: this.#fork }
    return { network: this.network, checkpoint: this.checkpoint, chain, items: this.#held }
  }

  /** What a release's coming, going or new signatures mean for others. */
  #judgeAround({ id, body }: KnownRelease, isTurn: boolean): void {
    if (body.drawNumber !== null) this.#judgeDraws(body.drawNumber)
    if (!isTurn) return
    const widens = [...this.#widens].flatMap((hex) => {
      const held = this.#held.get(hex)
      const isOf = held?.any.tag === 'control' && equal(held.any.known.body.release, id)
      return isOf ? [[hex, held] as const] : []
    })
    for (const [hex, held] of widens) this.#set(hex, judged(held, this.#scene()))
  }

  #judgeDraws(drawNumber: number): void {
    const scene = this.#scene()
    const group: [string, Held][] = []
    for (const [hex, held] of this.#held) {
      if (held.any.tag !== 'release' || held.any.known.body.drawNumber !== drawNumber) continue
      group.push([hex, judged(held, scene)])
    }
    for (const [hex, held] of withoutReuse(group, scene)) this.#set(hex, held)
  }

  #set(hex: string, held: Held): void {
    this.#unset(hex)
    this.#start = null
    this.#held.set(hex, held)
    this.#count(hex, held)
    if (held.standing.tag === 'admitted') this.#enter(held.any)
  }

  #unset(hex: string): void {
    const held = this.#held.get(hex)
    if (held === undefined) return
    this.#start = null
    this.#held.delete(hex)
    this.#widens.delete(hex)
    if (!this.#waiting.delete(hex)) this.#bytes -= sizeOf(held.any)
    if (held.standing.tag === 'admitted') this.#leave(held.any)
  }

  #enter(any: AnyKnown): void {
    if (any.tag === 'release') insert(this.#releases, any.known, byChannel)
    if (any.tag === 'era') insert(this.#eras, any.known, byId)
    if (any.tag === 'revoke') insert(this.#revokes, any.known, byId)
    if (any.tag !== 'control') return
    insert(this.#controls, any.known, byId)
    const { action, lifts } = any.known.body
    if (action === 'resume') this.#lifted = new Set([...this.#lifted, ...lifts.map(toHex)])
  }

  #leave(any: AnyKnown): void {
    if (any.tag === 'release') remove(this.#releases, any.known, byChannel)
    if (any.tag === 'era') remove(this.#eras, any.known, byId)
    if (any.tag === 'revoke') remove(this.#revokes, any.known, byId)
    if (any.tag !== 'control') return
    remove(this.#controls, any.known, byId)
    if (any.known.body.action === 'resume') this.#lifted = liftedBy(this.#controls)
  }

  /** A chain that is as it was stays the same value: who waits for another one asks no more. */
  #reset(all: Believed): void {
    const before = this.#trusts
    this.#copy(all)
    if (before.length === all.trusts.length && before.every((one, at) => one === all.trusts[at])) {
      this.#trusts = before
    }
    this.#start = { ...all, trusts: this.#trusts }
  }

  #copy(from: Believed): void {
    this.#adopted = from.adopted
    this.#trust = from.trust
    this.#trusts = from.trusts
    this.#fork = from.fork
    this.#lifted = from.lifted
    this.#held = new Map(from.held)
    this.#releases = [...from.releases]
    this.#controls = [...from.controls]
    this.#eras = [...from.eras]
    this.#revokes = [...from.revokes]
    this.#waiting.clear()
    this.#widens.clear()
    this.#bytes = 0
    this.#held.forEach((held, hex) => this.#count(hex, held))
  }

  #count(hex: string, held: Held): void {
    const { any } = held
    if (isWaiting(held)) this.#waiting.add(hex)
    else this.#bytes += sizeOf(any)
    if (any.tag === 'control' && any.known.body.action === 'widen') this.#widens.add(hex)
  }
}

const ledgers = new WeakMap<Believed, Ledger>()

/** Ids, in hex, that the resumes among these lift. */
function liftedBy(controls: readonly KnownControl[]): ReadonlySet<string> {
  const resumes = controls.filter(({ body }) => body.action === 'resume')
  return new Set(resumes.flatMap(({ body }) => body.lifts.map(toHex)))
}

function isWaiting({ settled, standing }: Held): boolean {
  return !settled && standing.tag !== 'admitted' && standing.tag !== 'kept'
}

function sizeOf({ known }: AnyKnown): number {
  const { canonical, entries } = known.statement
  let size = canonical.byteLength
  for (const { bytes } of entries) size += bytes.byteLength
  return size
}

interface Numbered {
  readonly id: Bytes
}

function byId(a: Numbered, b: Numbered): number {
  return compare(a.id, b.id)
}
