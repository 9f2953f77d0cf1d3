import { OtaError, type Bytes, type Facts } from '../base/index.ts'
import { Life } from '../base/life.ts'
import type { Moment } from '../rollout/index.ts'
import { fromName, signedDateMs, toName, type KnownRelease } from '../trust/index.ts'
import { judgeNow, type Guarded } from './guards.ts'
import { Hands } from './hands.ts'
import { KeptFile } from './kept.ts'
import { Mind } from './mind.ts'
import { Operator } from './operator.ts'
import { Outlook } from './outlook.ts'
import type { NodeOptions, NodeParts, NodePorts } from './ports.ts'
import { Queue } from './queue.ts'
import { refusalOf, waitsFor } from './refusal.ts'
import { tellsOnly, type Shown } from './shown.ts'
import { statusOf } from './status.ts'
import { Teller } from './teller.ts'
import type { StatusView, WhyView } from './views.ts'
import { whyOf } from './why.ts'
import { releaseNamed } from './words.ts'

/** First byte of evidence on the wire; a statement has another. */
const evidenceByte = 0x01

/**
 * One node. Its hands do what the upgrade machine says and its mind asks what to do in the fleet;
 * here both are put together, and what comes in from feeds, from beliefs and from the operator is
 * handed to them.
 */
export class Node extends Life {
  readonly #ports: NodePorts
  readonly #parts: NodeParts
  readonly #options: NodeOptions
  readonly #queue: Queue
  readonly #teller: Teller
  readonly #outlook: Outlook
  readonly #hands: Hands
  readonly #mind: Mind
  readonly #operator: Operator
  #kept: KeptFile | null = null

  /** `failed` hears of an error after which this process cannot go on: its next start recovers. */
  constructor(
    ports: NodePorts,
    parts: NodeParts,
    options: NodeOptions,
    failed: (error: unknown) => void
  ) {
    super()
    this.#ports = ports
    this.#parts = parts
    this.#options = options
    const queue = (this.#queue = new Queue(failed))
    const teller = (this.#teller = new Teller(ports.log))
    const { pool, wire } = parts
    const { platform } = options
    const nowMs = () => this.#nowMs()
    this.#outlook = new Outlook({ pool, wire, teller, platform })
    const hands = (this.#hands = new Hands({
      ports,
      parts,
      options,
      queue,
      teller,
      nowMs,
      judge: (known) => this.#judge(known),
      changed: () => this.#mind.lookSoon()
    }))
    const { machine, unfitText = noText } = parts
    const changed = () => this.#mind.lookSoon()
    const operator = new Operator({ machine, queue, hands, teller, unfitText, changed })
    this.#operator = operator
    const outlook = this.#outlook
    const keep = async () => await this.#kept?.write()
    const given = { ports, parts, options, queue, hands, teller, outlook, operator }
    this.#mind = new Mind({ ...given, nowMs, keep })
  }

  /** Goes on from what recovery found; the app runs before any network is touched. */
  protected async start(): Promise<void> {
    const { disk, log } = this.#ports
    const { authority, machine, pool } = this.#parts
    this.own({
      close: async () => {
        this.#mind.close()
        await this.#queue.close()
        await this.#hands.close()
      }
    })
    // First of all: a brake must not be forgotten by a hand-over that recovery goes on with.
    const path = `${machine.home.path}/evidence`
    this.#kept = await KeptFile.open(disk, log, { path, pool, nowMs: this.#nowMs() })
    authority.protect(() => this.#inUse())
    const hadDigest = (digest: Bytes) => authority.hadDigest(digest)
    pool.setContext({ believed: authority.believed, hadDigest })
    await this.#hands.recover()
  }

  /** Store and wire are open: take part in the network. */
  async attach(): Promise<void> {
    const { authority, pool, said, store, wire } = this.#parts
    this.own({ close: wire.onStream((stream) => store.replicate(stream)) })
    this.own({ close: store.onBlock(async (feed, _, bytes) => await this.#fromFeed(feed, bytes)) })
    this.own({ close: store.onAlarm(({ code, text }) => this.#teller.alarm(code, text)) })
    this.own({ close: wire.onChange(() => this.#mind.lookSoon()) })
    this.own({ close: authority.onChange(() => this.#queue.push(() => this.#believes())) })
    pool.setContext({ believed: authority.believed })
    for (const { wire: bytes } of said.all()) wire.publish(bytes)
    this.#mind.open()
    await this.#queue.add(async () => await this.#believes())
    this.#hands.open()
  }

  async status(): Promise<StatusView> {
    return statusOf(await this.#shown())
  }

  /** Why the release of this id (a prefix of six characters is enough) is not installed. */
  async why(release: string | null): Promise<WhyView> {
    const about = release === null ? null : this.#named(release)
    return whyOf(await this.#shown(), about)
  }

  /** What runs, what could come back, what is under way: their statements are never forgotten. */
  #inUse(): readonly Bytes[] {
    const { op, pointer } = this.#hands.state
    const names = [pointer?.release, pointer?.prev?.release, op?.release]
    return names.filter((name) => name !== undefined).map((name) => fromName(name))
  }

  /** Name of the release that `current` names, or null. */
  runs(): string | null {
    return this.#hands.state.pointer?.release ?? null
  }

  /** Calls `fn` for every event from now on. */
  onEvent(fn: (event: string, facts: Facts) => void): () => void {
    return this.#teller.onEvent(fn)
  }

  /**
   * Takes no new release until the time given, or until `unhold`; true if that changed anything.
   * Throws `USAGE` for a time that is over.
   */
  async hold({ untilMs = null, reason = '' }: Partial<HoldWords> = {}): Promise<boolean> {
    if (untilMs !== null && untilMs <= this.#nowMs()) {
      throw new OtaError('USAGE', 'a hold cannot end before it begins')
    }
    return await this.#operator.hold({ untilMs, reason })
  }

  async unhold(): Promise<boolean> {
    return await this.#operator.unhold()
  }

  /** Takes no other release than this one; null: any. The name, and whether that is new. */
  async pin(release: string | null): Promise<Changed> {
    const name = release === null ? null : toName(this.#named(release))
    return { release: name, changed: await this.#operator.pin(name) }
  }

  /** Passes exactly this release over, or takes that back. */
  async skip(release: string, on: boolean): Promise<Changed> {
    const name = toName(this.#named(release))
    return { release: name, changed: await this.#operator.skip(name, on) }
  }

  /** Sets labels of this node, an empty value takes one away; all that there are then. */
  async label(given: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
    return await this.#operator.label(given)
  }

  /**
   * Back to the previous version. Throws `ROLLBACK_REFUSED` where no way leads back: none is kept,
   * `to` is another one, a floor lies between, or state written since would stay behind and
   * `acceptLoss` is not said.
   */
  async rollback({ to = null, acceptLoss = false }: RollbackHow = {}): Promise<WentBack> {
    const { pointer, barred } = this.#hands.state
    const prev = pointer?.prev ?? null
    if (pointer === null || prev === null) {
      throw new OtaError('ROLLBACK_REFUSED', 'there is no previous version here to go back to')
    }
    if (to !== null && (to.length < 6 || !prev.release.startsWith(to))) {
      const text = `"${to}" is not the previous version, and no other is kept with its state`
      const hint = `the previous one is ${prev.release.slice(0, 8)}`
      throw new OtaError('ROLLBACK_REFUSED', text, { hint })
    }
    if (barred.includes(prev.release)) {
      throw new OtaError('ROLLBACK_REFUSED', 'the previous version lies below a floor')
    }
    if (prev.back === 'none' && !acceptLoss) {
      const text = `the previous version cannot read the state of generation ${pointer.gen}`
      const stays = `what was written since stays in ${pointer.gen}`
      const hint = `go back to that of ${prev.gen} with --accept-loss: ${stays}`
      throw new OtaError('ROLLBACK_REFUSED', text, { hint })
    }
    if (!(await this.#hands.order({ tag: 'rollback', acceptLoss }))) {
      const text = 'an upgrade is in its hand-over, or the way is closed'
      throw new OtaError('ROLLBACK_REFUSED', text, { hint: 'see: ota-node status' })
    }
    const leaves = prev.gen === pointer.gen ? null : pointer.gen
    return { from: pointer.release, to: prev.release, leaves }
  }

  /** Stays on what runs, where an upgrade is stuck. Throws `NOTHING_TO_DO` where none is. */
  async keep(): Promise<string> {
    const release = this.runs()
    if (release !== null && (await this.#hands.order({ tag: 'keep' }))) return release
    throw new OtaError('NOTHING_TO_DO', 'no upgrade is stuck here')
  }

  /** Ends the quarantine of a release, whatever its reason. Throws `NOTHING_TO_DO`. */
  async clear(release: string): Promise<string> {
    const found = this.#hands.state.quarantine.filter(
      ({ active, release: name }) => active && release.length >= 6 && name.startsWith(release)
    )
    const names = [...new Set(found.map((entry) => entry.release))]
    const [name] = names
    if (name === undefined || names.length > 1) {
      throw new OtaError('NOTHING_TO_DO', `"${release}" names no release in quarantine here`, {
        hint: 'see: ota-node quarantine ls'
      })
    }
    await this.#hands.order({ tag: 'clear', release: name })
    this.#mind.lookSoon()
    return name
  }

  /**
   * The operator's yes to a release: it starts in its turn also where the level is `stage` or the
   * release asks; with `now` out of its turn, and with `skipWindow` outside of a window. "" is what
   * `why` is about. Throws `USAGE`, `NOTHING_TO_DO`, or the code of what stands against it.
   */
  async apply(release: string, how: ApplyHow = atItsTurn): Promise<Applied> {
    const id = release === '' ? (this.#mind.decision?.about ?? null) : this.#named(release)
    if (id === null) throw new OtaError('NOTHING_TO_DO', 'there is no release to apply')
    const name = toName(id)
    if (this.runs() === name) {
      throw new OtaError('NOTHING_TO_DO', 'that release runs here already')
    }
    // A yes is what a release waits for that this machine was to blame for three times (S78).
    const isLifted = await this.#hands.order({ tag: 'apply', release: name })
    const shown = await this.#shown()
    const seen = whyOf(shown, id)
    const left = seen.conditions.filter((one) => !isLifted || one.id !== 'quarantine')
    const why = { ...seen, conditions: left }
    const refusal = refusalOf(why, { tellsOnly: tellsOnly(shown, id) })
    if (refusal !== null) throw refusal
    await this.#queue.add(async () => {
      const { remembered } = this.#hands
      const applied = [...new Set([...remembered.applied, name])]
      await this.#hands.remember({ ...remembered, applied })
    })
    await this.#operator.applied(name, how)
    this.#mind.lookSoon()
    return { release: name, waits: waitsFor(why, how) }
  }

  /**
   * The bytes of these releases (z32 names) are here now: who waits to ask peers again need
   * not wait, and everything is looked at anew.
   */
  async cameByFile(releases: readonly string[]): Promise<void> {
    const { op } = this.#hands.state
    const isWaiting = op?.state === 'admitted' && op.tries > 0 && releases.includes(op.release)
    if (isWaiting) await this.#hands.order({ tag: 'superseded', release: op.release })
    this.#mind.lookSoon()
  }

  #named(text: string): Bytes {
    return releaseNamed(this.#parts.authority.believed, text)
  }

  #nowMs(): number {
    // design 3, time: the machine's clock, not below the newest quorum-signed date (S47).
    return Math.max(this.#ports.clock.wallMs(), signedDateMs(this.#parts.authority.believed))
  }

  #moment(): Moment {
    const { authority, pool, wire } = this.#parts
    return {
      believed: authority.believed,
      pool,
      nowMs: this.#nowMs(),
      clockSkewMs: wire.clockSkewMs(),
      platform: this.#options.platform,
      attest: this.#options.attest ?? 0
    }
  }

  #near(release: Bytes): { readonly first: boolean; readonly halted: boolean } {
    return { first: this.#hands.state.pointer === null, halted: this.#mind.isHalted(release) }
  }

  /** What signers and fleet say, and before a hand-over once more what the operator wants. */
  #judge(known: KnownRelease): Guarded {
    const judged = judgeNow(this.#moment(), known, this.#near(known.id))
    const { op } = this.#hands.state
    const isNear = op?.turn === 'go' && op.release === toName(known.id)
    const against = isNear && judged.tag === 'confirmed' ? this.#mind.wishAgainst(known.id) : null
    if (against === null) return judged
    return { tag: 'withhold', why: against.text, code: 'HELD' }
  }

  async #believes(): Promise<void> {
    const { authority, pool, store } = this.#parts
    const { believed } = authority
    pool.setContext({ believed })
    await store.openFeeds(believed.trust?.body.feeds ?? [])
    this.#mind.lookSoon()
  }

  async #fromFeed(feed: Bytes, bytes: Bytes): Promise<boolean> {
    if (bytes[0] === evidenceByte) return this.#evidenceFromFeed(bytes)
    const verdict = await this.#parts.authority.intake(bytes, 'feed')
    if (verdict.id !== null && verdict.tag !== 'refused') this.#mind.heardFrom(feed, verdict.id)
    return verdict.tag !== 'refused'
  }

  /** Into the pool, and if it is news on to the peers: a brake in a feed acts like any other. */
  #evidenceFromFeed(bytes: Bytes): boolean {
    const { answer, code } = this.#parts.wire.publish(bytes)
    if (code !== undefined) this.#teller.tell('evidence', { answer, code })
    if (answer === 'accepted') this.#mind.lookSoon()
    return answer === 'accepted' || answer === 'duplicate'
  }

  async #shown(): Promise<Shown> {
    const { machine, wire, pool } = this.#parts
    const { state, remembered } = this.#hands
    return {
      options: this.#options,
      moment: this.#moment(),
      state,
      remembered,
      words: this.#operator.words,
      unfit: this.#operator.unfit,
      decision: this.#mind.decision,
      launcher: await machine.view(),
      wire,
      member: pool.seatOf(this.#options.pair.key) !== null,
      doubled: pool.doubledSlots(),
      alarms: [...this.#teller.alarms, ...this.#outlook.codes]
    }
  }
}

/** Which version must be the one before, and whether state written since may stay behind. */
export interface RollbackHow {
  readonly to?: string | null
  readonly acceptLoss?: boolean
}

/** The two ends of a rollback, as z32 names, and the generation of state that is left as it is. */
export interface WentBack {
  readonly from: string
  readonly to: string
  readonly leaves: string | null
}

/** How long a hold stands, and why, in the operator's words. */
export interface HoldWords {
  readonly untilMs: number | null
  readonly reason: string
}

/** A release an operator named, and whether her word was news. */
export interface Changed {
  readonly release: string | null
  readonly changed: boolean
}

export interface ApplyHow {
  readonly now: boolean
  readonly skipWindow: boolean
}

/** What an operator said yes to, and what it still waits for, in words. */
export interface Applied {
  readonly release: string
  readonly waits: string | null
}

const atItsTurn: ApplyHow = { now: false, skipWindow: false }

async function noText(): Promise<string> {
  return await Promise.resolve('')
}
