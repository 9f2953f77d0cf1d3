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
import type { AuthId } from '../records/index.ts'
import {
  authorityDigest,
  compareOrder,
  parseJoin,
  restore,
  statementId,
  toName,
  verdictOf,
  walkOn,
  type Believed,
  type Held,
  type Join,
  type Ruling,
  type Stored,
  type Told,
  type Verdict
} from '../trust/index.ts'
import { Files, placeOf, writeOrder, type Filed, type Height } from './files.ts'
import { Parked } from './parked.ts'
import { Round, type Arrival } from './round.ts'
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
  #parked = new Parked()
  readonly #listeners = new Set<(believed: Believed) => void>()
  #heights: ReadonlyMap<string, Height>
  readonly #said = new Set<string>()
  #digests: readonly string[]
  #believed: Believed
  readonly #queue: Waiting[] = []
  #isBusy = false
  #inUse: () => readonly Bytes[] = () => []

  private constructor(files: Files, log: Log, state: State) {
    this.#files = files
    this.#log = log
    this.#nowMs = state.nowMs
    this.#believed = state.believed
    this.#heights = state.heights
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

  /** Names releases in use here (running, previous, candidate): those are never forgotten. */
  protect(inUse: () => readonly Bytes[]): void {
    this.#inUse = inUse
  }

  /**
   * Judges the bytes of one statement; `from` names the carrier in the log. Bad bytes are a
   * verdict. What arrives while files are written is judged after it in one go, each in the light
   * of those before. Rejects only with what the disk throws, and then nothing has changed.
   */
  intake(bytes: Bytes, from: string): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes, from, resolve, reject })
      if (!this.#isBusy) void this.#drain()
    })
  }

  /** Calls `listener` after each change, with files already safe; the result ends that. */
  onChange(listener: (believed: Believed) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** What this node can give, for AUTH_IDS of a peer that stands on trust `peerTrust` (0: none). */
  list(peerTrust = 0): readonly AuthId[] {
    return offeredIds(this.#believed, peerTrust)
  }

  /** A statement that may be given, with its signatures; null for all others. */
  read(id: Bytes): Bytes | null {
    return offeredBytes(this.#believed, id)
  }

  /** What to ask a peer for, of what it lists; most urgent first. */
  wants(ids: readonly AuthId[]): readonly Bytes[] {
    return this.#wants.list(this.#believed, ids)
  }

  async #drain(): Promise<void> {
    this.#isBusy = true
    // What is handed in at one moment is one round.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const arrivals = this.#queue.splice(0, roundMax)
      try {
        const verdicts = await this.#takeAll(arrivals)
        for (const [index, verdict] of verdicts.entries()) arrivals[index]?.resolve(verdict)
      } catch (error) {
        for (const { reject } of arrivals) reject(error)
      }
    }
    this.#isBusy = false
  }

  async #takeAll(arrivals: readonly Arrival[]): Promise<readonly Verdict[]> {
    const parked = this.#parked.fork()
    const round = new Round({
      start: this.#believed,
      inUse: this.#inUse(),
      parked,
      wants: this.#wants,
      nowMs: this.#nowMs()
    })
    try {
      const rulings = arrivals.map((arrival) => round.take(arrival))
      const after = round.believed()
      await this.#believe(after, round)
      this.#parked = parked
      for (const { ruling, from } of round.said) this.#say(ruling, from)
      return rulings.map((ruling) => verdictOf(ruling, this.#believed))
    } catch (error) {
      this.#wants.clear()
      throw error
    }
  }

  /** Files first, then the belief, then whoever listens; a long walk goes on, cycle by cycle. */
  async #believe(after: Believed, round: Round): Promise<void> {
    const before = this.#believed
    const changes = changesOf(before, after)
    if (changes === null) return
    await this.#keep(after, changes)
    this.#believed = after
    this.#announce(before, round)
    for (const listener of this.#listeners) listener(after)
    // design 1, S20: 256 steps a cycle, each cycle durable before the next
    const next = after.trust === before.trust ? null : walkOn(after)
    if (next !== null) await this.#believe(next, round)
  }

  async #keep(after: Believed, { changed, gone }: Changes): Promise<void> {
    const before = this.#believed
    await this.#write(changed, before.held)
    for (const held of gone) await this.#files.remove(placeOf(held), held.any.known.id)
    await this.#noteSeen(after, !sameAdopted(before, after))
    await this.#noteDigest(after)
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
    await this.#noteSeen(this.#believed, false)
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

  /** The heights never fall: what is on disk is what counts, and rises before anyone hears. */
  async #noteSeen(believed: Believed, isMoved: boolean): Promise<void> {
    const heights = new Map(this.#heights)
    for (const { body } of believed.releases) {
      const held = heights.get(body.channel)
      if (held !== undefined && compareOrder(body, held) <= 0) continue
      heights.set(body.channel, { epoch: body.epoch, seq: body.seq })
    }
    const hasRisen = [...heights].some(([channel, height]) => this.#heights.get(channel) !== height)
    if (!hasRisen && !isMoved) return
    await this.#files.writeSeen(believed, heights)
    this.#heights = heights
  }

  /** One event for each statement that comes into force, whatever made it whole (S36). */
  #announce(before: Believed, round: Round): void {
    for (const [hex, { any, standing }] of this.#believed.held) {
      const was = before.held.get(hex)?.standing.tag
      if (standing.tag === was) continue
      const facts: Facts = { id: hex, type: any.tag, from: round.carrierOf(hex) ?? firstOf(round) }
      if (standing.tag === 'admitted') this.#log('authority.admitted', facts)
      else if (was === 'admitted') this.#log('authority.lapsed', { ...facts, code: standing.code })
    }
    if (this.#believed.fork.length > 0 && before.fork.length === 0) {
      this.#log('authority.alarm', { code: 'TRUST_FORK', from: firstOf(round) })
    }
  }

  #say(ruling: Ruling, from: string): void {
    if (ruling.tag === 'admitted' && ruling.alarm !== null) {
      this.#log('authority.alarm', { id: toHex(ruling.id), code: ruling.alarm, from })
    }
    if (ruling.tag === 'improved' || ruling.tag === 'known' || ruling.tag === 'admitted') return
    if (ruling.tag === 'pending' && !ruling.isNew) return
    const id = ruling.id === null ? null : toHex(ruling.id)
    if (this.#isSaid(`${id ?? from} ${ruling.code}`)) return
    this.#log(`authority.${ruling.tag}`, { id, code: ruling.code, why: ruling.message, from })
  }

  /** A refusal is written down once, however often it comes (S99). */
  #isSaid(what: string): boolean {
    if (this.#said.has(what)) return true
    if (this.#said.size >= saidMax) this.#said.clear()
    this.#said.add(what)
    return false
  }
}

/** Statements of one round: so many files are written before the first of them is heard of. */
const roundMax = 64

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

interface Changes {
  readonly changed: readonly Held[]
  readonly gone: readonly Held[]
}

/** What differs on disk; null if a round ended where it began. */
function changesOf(before: Believed, after: Believed): Changes | null {
  if (after === before) return null
  const changed = [...after.held].filter(([hex, held]) => {
    const was = before.held.get(hex)
    return was?.any !== held.any || was.settled !== held.settled
  })
  const gone = [...before.held].filter(([hex]) => !after.held.has(hex))
  if (changed.length + gone.length === 0 && sameAdopted(before, after)) return null
  return { changed: changed.map(([, held]) => held), gone: gone.map(([, held]) => held) }
}

interface Waiting extends Arrival {
  readonly resolve: (verdict: Verdict) => void
  readonly reject: (reason: unknown) => void
}

/** Who brought what set it off, for statements that had waited here. */
function firstOf({ said }: Round): string {
  return said[0]?.from ?? ''
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
