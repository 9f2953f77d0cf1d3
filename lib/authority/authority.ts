import {
  equal,
  isOtaError,
  OtaError,
  toHex,
  type Bytes,
  type Disk,
  type Facts,
  type Log
} from '../base/index.ts'
import { decodeStatement, type AuthId, type Statement } from '../records/index.ts'
import {
  admit,
  authorityDigest,
  compareOrder,
  parseJoin,
  restore,
  statementId,
  toName,
  type Believed,
  type Held,
  type Join,
  type Stored,
  type Told,
  type Verdict
} from '../trust/index.ts'
import { Files, placeOf, writeOrder, type Filed, type Height } from './files.ts'
import { isEarly, Parked } from './parked.ts'
import { offeredBytes, offeredIds, Wants } from './wants.ts'

export interface AuthorityOptions {
  /** Folder of this node's statements; nobody else writes there. */
  readonly folder: string
  /** `network[@version:trustId]`, or what it says. */
  readonly join: string | Join
  /** The clock of alarms: unix ms. It decides nothing that is believed. */
  readonly nowMs: () => number
}

/**
 * The one intake for statements, wherever they come from. One at a time is judged, written durably
 * and only then heard of; what the files say at start is all that is believed.
 */
export class Authority {
  readonly #files: Files
  readonly #log: Log
  readonly #nowMs: () => number
  readonly #wants = new Wants()
  readonly #parked = new Parked()
  readonly #listeners = new Set<(believed: Believed) => void>()
  readonly #heights: Map<string, Height>
  readonly #said = new Set<string>()
  #digests: readonly string[]
  #believed: Believed
  #last: Promise<unknown> = Promise.resolve()

  private constructor(files: Files, log: Log, state: State) {
    this.#files = files
    this.#log = log
    this.#nowMs = state.nowMs
    this.#believed = state.believed
    this.#heights = new Map(state.heights)
    this.#digests = state.digests
  }

  /**
   * Reads back what this node believes. Throws `USAGE` for a bad join string, `BOOTSTRAP_MISMATCH`
   * for a folder of another network or a damaged first trust (S25), `BELOW_CHECKPOINT` for one that
   * stands beside the join string's checkpoint (S93), and what the disk throws.
   */
  static async open(disk: Disk, log: Log, options: AuthorityOptions): Promise<Authority> {
    const { join: told } = options
    const { network, checkpoint } = typeof told === 'string' ? parseJoin(told) : told
    const files = new Files(disk, log, { folder: options.folder, network })
    const { join, heights } = await files.readSeen()
    const adopted = join?.checkpoint ?? null
    const filed = await files.read()
    const stored = [...filed.values()].map(({ statement, place }) => ({
      statement,
      settled: place === 'trusted'
    }))
    const believed = readBack({ network, checkpoint, adopted }, stored, files)
    checkBeside(believed, { network, checkpoint })
    const digests = await files.readDigests()
    const state = { believed, heights, digests, nowMs: options.nowMs }
    const authority = new Authority(files, log, state)
    await authority.#tidy(filed)
    return authority
  }

  /** What this node believes now; a value, replaced at each change. */
  get believed(): Believed {
    return this.#believed
  }

  /**
   * Whether this node believed just this once, among its last 64 beliefs and across restarts: a
   * beacon that names it is behind, not ahead (S40).
   */
  hadDigest(digest: Bytes): boolean {
    return this.#digests.includes(toHex(digest))
  }

  /** The highest (epoch, seq) that was ever admitted here in a channel; it never falls. */
  height(channel: string): Height | null {
    return this.#heights.get(channel) ?? null
  }

  /**
   * Judges the bytes of one statement; `from` names the carrier in the log. Bad bytes are a
   * verdict. Rejects only with what the disk throws, and then nothing has changed.
   */
  intake(bytes: Bytes, from: string): Promise<Verdict> {
    const verdict = this.#last.then(() => this.#take(bytes, from))
    this.#last = verdict.then(ignore, ignore)
    return verdict
  }

  /** Calls `listener` after each change, with files already safe; the result ends that. */
  onChange(listener: (believed: Believed) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** What this node can give, for AUTH_IDS. */
  list(): readonly AuthId[] {
    return offeredIds(this.#believed)
  }

  /** A statement that may be given, with its signatures; null for all others. */
  read(id: Bytes): Bytes | null {
    return offeredBytes(this.#believed, id)
  }

  /** What to ask a peer for, of what it lists; most urgent first. */
  wants(ids: readonly AuthId[]): readonly Bytes[] {
    return this.#wants.list(this.#believed, ids)
  }

  async #take(bytes: Bytes, from: string): Promise<Verdict> {
    const before = this.#believed.trust
    const verdict = await this.#takeOne(bytes, from)
    // A new trust may be what others were waiting for, and one of those a trust again.
    for (let trust = before; trust !== this.#believed.trust;) {
      trust = this.#believed.trust
      for (const arrival of this.#parked.take()) await this.#takeOne(arrival.bytes, arrival.from)
    }
    return verdict
  }

  async #takeOne(bytes: Bytes, from: string): Promise<Verdict> {
    let statement: Statement
    try {
      statement = decodeStatement(bytes)
    } catch (error) {
      if (!isOtaError(error)) throw error
      const { code, message } = error
      const refused: Verdict = { tag: 'refused', code, message, id: null }
      this.#say(refused, from)
      return refused
    }
    const verdict = admit(this.#believed, statement, this.#nowMs())
    const { id } = verdict
    if (id !== null) this.#wants.note(this.#believed, id, statement.entries.length)
    const isNew = verdict.tag !== 'refused' && verdict.tag !== 'known' && verdict.believed !== null
    if (isNew) await this.#believe(verdict.believed, from)
    this.#say(verdict, from)
    const isWaiting = isNew && verdict.tag === 'pending'
    const earlier = isWaiting ? this.#parked.takeOf(verdict.id) : []
    if (id !== null && isEarly(verdict, statement, this.#believed)) {
      this.#parked.add({ id, bytes, from })
    }
    return this.#complete(verdict, earlier)
  }

  /** Unites what is pending now with what came too early to be kept; the best verdict of them. */
  async #complete(verdict: Verdict, earlier: ReturnType<Parked['takeOf']>): Promise<Verdict> {
    let best = verdict
    for (const arrival of earlier) {
      const next = await this.#takeOne(arrival.bytes, arrival.from)
      if (next.tag === 'admitted' || next.tag === 'kept') best = next
    }
    return best
  }

  /** Files first, then the belief, then whoever listens. */
  async #believe(after: Believed, from: string): Promise<void> {
    const before = this.#believed
    const changed = [...after.held].filter(([hex, held]) => {
      const was = before.held.get(hex)
      return was?.any !== held.any || was.settled !== held.settled
    })
    await this.#write(
      changed.map(([, held]) => held),
      before.held
    )
    for (const [hex, held] of before.held) {
      if (!after.held.has(hex)) await this.#files.remove(placeOf(held), held.any.known.id)
    }
    const hasRisen = this.#raise(after)
    if (hasRisen || !sameAdopted(before, after)) {
      await this.#files.writeSeen(after, this.#heights)
    }
    await this.#noteDigest(after)
    this.#believed = after
    this.#announce(before, from)
    for (const listener of this.#listeners) listener(after)
  }

  async #write(changed: readonly Held[], before: Believed['held']): Promise<void> {
    for (const held of changed.toSorted((a, b) => writeOrder(a.any, b.any))) {
      const { id } = held.any.known
      await this.#files.write(placeOf(held), held)
      const was = before.get(toHex(id))
      if (was !== undefined && placeOf(was) !== placeOf(held)) {
        await this.#files.remove(placeOf(was), id)
      }
    }
  }

  /** Brings the files in line with what came of them. */
  async #tidy(filed: ReadonlyMap<string, Filed>): Promise<void> {
    for (const [hex, held] of this.#believed.held) {
      const lay = filed.get(hex)?.place ?? 'pending'
      if (lay === placeOf(held)) continue
      await this.#files.write(placeOf(held), held)
    }
    for (const [hex, { statement, place }] of filed) {
      const held = this.#believed.held.get(hex)
      if (held !== undefined && placeOf(held) === place) continue
      await this.#files.remove(place, statementId(statement.canonical))
    }
    if (this.#raise(this.#believed)) await this.#files.writeSeen(this.#believed, this.#heights)
    await this.#noteDigest(this.#believed)
  }

  /** The newest last; one that comes again moves there. */
  async #noteDigest(believed: Believed): Promise<void> {
    const digest = toHex(authorityDigest(believed))
    if (this.#digests.at(-1) === digest) return
    const others = this.#digests.filter((one) => one !== digest)
    const digests = [...others, digest].slice(-digestsKept)
    await this.#files.writeDigests(digests)
    this.#digests = digests
  }

  #raise({ releases }: Believed): boolean {
    let hasRisen = false
    for (const { body } of releases) {
      const held = this.#heights.get(body.channel)
      if (held !== undefined && compareOrder(body, held) <= 0) continue
      this.#heights.set(body.channel, { epoch: body.epoch, seq: body.seq })
      hasRisen = true
    }
    return hasRisen
  }

  /** One event for each statement that comes into force, whatever made it whole (S36). */
  #announce(before: Believed, from: string): void {
    for (const [hex, { any, standing }] of this.#believed.held) {
      const was = before.held.get(hex)?.standing.tag
      if (standing.tag === was) continue
      const facts: Facts = { id: hex, type: any.tag, from }
      if (standing.tag === 'admitted') this.#log('authority.admitted', facts)
      else if (was === 'admitted') this.#log('authority.lapsed', { ...facts, code: standing.code })
    }
    if (this.#believed.fork.length > 0 && before.fork.length === 0) {
      this.#log('authority.alarm', { code: 'TRUST_FORK', from })
    }
  }

  #say(verdict: Verdict, from: string): void {
    if (verdict.tag === 'admitted' && verdict.alarm !== null) {
      this.#log('authority.alarm', { id: toHex(verdict.id), code: verdict.alarm, from })
    }
    if (verdict.tag === 'improved' || verdict.tag === 'known' || verdict.tag === 'admitted') return
    if (verdict.tag === 'pending' && verdict.believed === null) return
    const id = verdict.id === null ? null : toHex(verdict.id)
    if (this.#isSaid(`${id ?? from} ${verdict.code}`)) return
    this.#log(`authority.${verdict.tag}`, { id, code: verdict.code, why: verdict.message, from })
  }

  /** A refusal is written down once, however often it comes (S99). */
  #isSaid(what: string): boolean {
    if (this.#said.has(what)) return true
    if (this.#said.size >= saidMax) this.#said.clear()
    this.#said.add(what)
    return false
  }
}

/** Own beliefs remembered; a beacon is at most a day old, and a day has fewer changes. */
const digestsKept = 64

/** Refusals remembered as said; then all are forgotten, which only costs saying them again. */
const saidMax = 1_024

function readBack(given: Told, stored: readonly Stored[], files: Files): Believed {
  try {
    return restore(given, stored).believed
  } catch (error) {
    if (!isOtaError(error, 'BOOTSTRAP_MISMATCH')) throw error
    throw files.mismatch(`trusted/${toName(given.network)}`, 'is damaged', error)
  }
}

interface State {
  readonly believed: Believed
  readonly heights: ReadonlyMap<string, Height>
  readonly digests: readonly string[]
  readonly nowMs: () => number
}

function sameAdopted({ adopted: a }: Believed, { adopted: b }: Believed): boolean {
  return a === b || (a !== null && b !== null && equal(a.id, b.id))
}

/** What was believed under one join string is not carried over to another's branch (S93). */
function checkBeside({ trusts, adopted }: Believed, { checkpoint }: Join): void {
  if (checkpoint === null || adopted === null || adopted.version < checkpoint.version) return
  const there = trusts.filter(({ body }) => body.version === checkpoint.version)
  const isBeside =
    there.length > 0
      ? !there.some(({ id }) => equal(id, checkpoint.id))
      : adopted.version === checkpoint.version && !equal(adopted.id, checkpoint.id)
  if (!isBeside) return
  throw new OtaError('BELOW_CHECKPOINT', `the stored trust ${checkpoint.version} is another one`, {
    hint: 'the join string names another branch of this network; start with an empty home'
  })
}

function ignore(): void {
  // The caller of `intake` hears of it; the next statement is judged all the same.
}
