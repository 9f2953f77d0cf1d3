import { OtaError, type Bytes, type Facts } from '../base/index.ts'
import { Life } from '../base/life.ts'
import { dueMs, step, type Command, type Event, type State, type Step } from '../cutover/index.ts'
import { decide, emptyMemory, type Decision, type RolloutMemory } from '../rollout/index.ts'
import { fromName, releaseOf, resumeNumber, signedDateMs, toName } from '../trust/index.ts'
import { alarmCode, changesOf } from './changes.ts'
import { judgeNow } from './guards.ts'
import { inputOf } from './input.ts'
import { ordersOf } from './orders.ts'
import type { NodeOptions, NodeParts, NodePorts } from './ports.ts'
import { Queue } from './queue.ts'
import { afterStep, notesOf, readRemembered, type Remembered } from './remembered.ts'
import { refusalOf } from './refusal.ts'
import { Sources } from './sources.ts'
import { standingOf, statusOf, whyOf, type Shown } from './status.ts'
import { Trees } from './trees.ts'
import type { StatusView, WhyView } from './views.ts'

/** Events come in bursts; one look a moment later sees all of them. */
const lookAfterMs = 20
/** A node looks again at least so often, whatever it waits for. */
const lookAtLeastMs = 60_000

/**
 * One node. Every event takes one way: `step` says what follows, the journal has it before it is
 * done, commands go to the machine, and then `decide` is asked what this node should do in the
 * fleet. A crash anywhere is a replay.
 */
export class Node extends Life {
  readonly #ports: NodePorts
  readonly #parts: NodeParts
  readonly #options: NodeOptions
  readonly #queue: Queue
  readonly #trees: Trees
  readonly #sources = new Sources()
  readonly #alarms = new Set<string>()
  readonly #listeners = new Set<(event: string, facts: Facts) => void>()
  #state: State
  #memory: RolloutMemory = emptyMemory
  #remembered: Remembered
  #decision: Decision | null = null
  #attached = false
  #cancelTimer: () => void = () => undefined
  #cancelLook: (() => void) | null = null

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
    this.#queue = new Queue(failed)
    this.#state = parts.machine.recovered.state
    this.#remembered = readRemembered(parts.machine.notes)
    this.#trees = new Trees({
      disk: ports.disk,
      log: ports.log,
      store: parts.store,
      machine: parts.machine,
      emit: (event) => this.#push(event),
      find: (name) => this.#find(name)
    })
  }

  /** Goes on from what recovery found; the app runs before any network is touched. */
  protected async start(): Promise<void> {
    const { machine } = this.#parts
    const text = machine.notes.get('rollout')
    // Our own text: the journal has checked that it is whole.
    if (text !== undefined) this.#memory = JSON.parse(text) as RolloutMemory
    this.own({
      close: async () => {
        this.#cancelTimer()
        this.#cancelLook?.()
        await this.#queue.close()
        await this.#trees.close()
      }
    })
    await this.#queue.add(async () => await this.#take(machine.recovered, this.#nowMs()))
    // Only now: what happened meanwhile, as a probe that passed, comes on top of what was
    // recovered.
    machine.onEvent((event) => this.#push(event))
  }

  /** Store and wire are open: take part in the network. */
  async attach(): Promise<void> {
    const { authority, pool, said, store, wire } = this.#parts
    this.own({ close: wire.onStream((stream) => store.replicate(stream)) })
    this.own({ close: store.onBlock(async (feed, _, bytes) => await this.#fromFeed(feed, bytes)) })
    this.own({ close: store.onAlarm(({ code, text }) => this.#alarm(code, text)) })
    this.own({ close: wire.onChange(() => this.#lookSoon()) })
    this.own({ close: authority.onChange(() => this.#queue.push(() => this.#believes())) })
    pool.setContext({ believed: authority.believed })
    for (const { wire: bytes } of said.all()) wire.publish(bytes)
    this.#attached = true
    this.#trees.open()
    await this.#queue.add(async () => await this.#believes())
    const { pointer } = this.#state
    if (pointer !== null) this.#trees.seed(pointer.release)
  }

  async status(): Promise<StatusView> {
    return statusOf(await this.#shown())
  }

  /** Why the release of this id (a prefix of six characters is enough) is not installed. */
  async why(release: string | null): Promise<WhyView> {
    const about = release === null ? null : this.#named(release)
    return whyOf(await this.#shown(), about)
  }

  /** Name of the release that `current` names, or null. */
  runs(): string | null {
    return this.#state.pointer?.release ?? null
  }

  /** Calls `fn` for every event from now on. */
  onEvent(fn: (event: string, facts: Facts) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  /** Stops or goes on taking new releases; true if that changed anything. */
  async hold(on: boolean): Promise<boolean> {
    return await this.#order({ tag: 'hold', on })
  }

  /** Back to the previous version; throws `ROLLBACK_REFUSED` where no way leads back. */
  async rollback(): Promise<ReleaseNames> {
    const { pointer } = this.#state
    const prev = pointer?.prev ?? null
    if (pointer === null || prev === null) {
      throw new OtaError('ROLLBACK_REFUSED', 'there is no previous version here to go back to')
    }
    if (!(await this.#order({ tag: 'rollback' }))) {
      throw new OtaError(
        'ROLLBACK_REFUSED',
        'an upgrade is in its hand-over, or the way is closed',
        {
          hint: 'see: ota-node status'
        }
      )
    }
    return { from: pointer.release, to: prev.release }
  }

  /**
   * The operator's yes to a release: it starts in its turn also where the level is `stage` or the
   * release asks. "" is what `why` is about. Throws `USAGE`, `NOTHING_TO_DO`, or the code of what
   * stands against it.
   */
  async apply(release: string): Promise<string> {
    const id = release === '' ? (this.#decision?.about ?? null) : this.#named(release)
    if (id === null) throw new OtaError('NOTHING_TO_DO', 'there is no release to apply')
    const name = toName(id)
    if (this.#state.pointer?.release === name) {
      throw new OtaError('NOTHING_TO_DO', 'that release runs here already')
    }
    const shown = await this.#shown()
    const refusal = refusalOf(whyOf(shown, id), standingOf(shown, id))
    if (refusal !== null) throw refusal
    await this.#queue.add(async () => {
      const applied = [...new Set([...this.#remembered.applied, name])]
      await this.#remember({ ...this.#remembered, applied })
    })
    this.#lookSoon()
    return name
  }

  #named(text: string): Bytes {
    const matches = [...this.#parts.authority.believed.held.values()].filter(
      ({ any }) => any.tag === 'release' && toName(any.known.id).startsWith(text)
    )
    const found = matches[0]
    if (text.length < 6 || found === undefined || matches.length > 1) {
      const reason = matches.length > 1 ? 'names several releases' : 'names no release known here'
      throw new OtaError('USAGE', `"${text}" ${reason}`, { hint: 'give 6 characters or more' })
    }
    return found.any.known.id
  }

  #nowMs(): number {
    // design 3, time: the machine's clock, not below the newest quorum-signed date (S47).
    return Math.max(this.#ports.clock.wallMs(), signedDateMs(this.#parts.authority.believed))
  }

  #push(event: Event): void {
    this.#queue.push(async () => {
      await this.#step(event)
    })
  }

  async #order(event: Event): Promise<boolean> {
    return await this.#queue.add(async () => await this.#step(event))
  }

  async #step(event: Event): Promise<boolean> {
    const nowMs = this.#nowMs()
    const next = step(this.#state, event, nowMs)
    if (next.ignored) {
      this.#ports.log('ignored', { event: event.tag, state: this.#state.op?.state ?? 'idle' })
      return false
    }
    await this.#take(next, nowMs)
    return true
  }

  /** Journal first, then act; acting twice equals acting once. */
  async #take(next: Step, nowMs: number): Promise<void> {
    const { machine } = this.#parts
    const { believed } = this.#parts.authority
    const resumeOf = (release: string) => resumeNumber(believed, fromName(release))
    const after = afterStep(this.#remembered, next, { ms: nowMs, resumeOf })
    // One write: a death between step and memory would leave a treated node that never reports.
    await machine.append(next.lines, next.state, notesOf(this.#remembered, after))
    this.#state = next.state
    this.#remembered = after
    for (const line of next.lines) {
      if (line.tag === 'edge') {
        this.#tell('edge', { edge: line.edge, state: line.state, release: line.release })
      }
    }
    for (const command of next.commands) {
      if (!machine.perform(command)) this.#perform(command, nowMs)
      if (command.tag === 'prepare') this.#trees.seed(command.release)
      if (command.tag === 'gc') await this.#letGo(command.keep)
    }
    this.#lookSoon()
  }

  /** Commands that are not the machine's. */
  #perform(command: Command, nowMs: number): void {
    const { tag } = command
    if (tag === 'fetch') this.#trees.fetch(command.op, command.release)
    else if (tag === 'confirm') this.#confirm(command, nowMs)
    else if (tag === 'report') {
      const { release, result, why, reason } = command
      this.#tell('report', { release, result, why, reason })
    } else if (tag === 'alarm') this.#alarm(alarmCode(command), command.what)
  }

  #confirm({ op, release }: Extract<Command, { tag: 'confirm' }>, nowMs: number): void {
    const { believed } = this.#parts.authority
    const known = releaseOf(believed, fromName(release))
    const halted = this.#decision?.halted.some((id) => toName(id) === release) ?? false
    const skewMs = this.#parts.wire.clockSkewMs()
    const judged =
      known === null
        ? ({ tag: 'withhold', why: 'it is not known here' } as const)
        : judgeNow(believed, known, { ms: nowMs, skewMs, halted })
    this.#tell('guards', { release, verdict: judged.tag, why: 'why' in judged ? judged.why : '' })
    if (judged.tag === 'confirmed') this.#push({ tag: 'confirmed', op })
    else if (judged.tag === 'withhold') this.#push({ tag: 'withhold', release })
    else this.#push({ tag: 'halted', release, why: judged.why })
  }

  async #believes(): Promise<void> {
    const { authority, pool, store } = this.#parts
    const { believed } = authority
    pool.setContext({ believed })
    await store.openFeeds(believed.trust?.body.feeds ?? [])
    this.#lookSoon()
  }

  async #fromFeed(feed: Bytes, bytes: Bytes): Promise<boolean> {
    const verdict = await this.#parts.authority.intake(bytes, 'feed')
    if (verdict.id !== null && verdict.tag !== 'refused') this.#sources.fromFeed(feed, verdict.id)
    return verdict.tag !== 'refused'
  }

  #lookSoon(): void {
    if (!this.#attached || this.#cancelLook !== null) return
    this.#cancelLook = this.#ports.clock.after(lookAfterMs, () => {
      this.#cancelLook = null
      this.#queue.push(async () => await this.#look())
    })
  }

  /** Asks what to do, remembers the answer durably, says it, and only then acts on it. */
  async #look(): Promise<void> {
    const { authority, machine, pool, said, wire } = this.#parts
    const { believed } = authority
    const steadyMs = this.#ports.clock.steadyMs()
    const nowMs = this.#nowMs()
    const runs = this.#state.pointer !== null
    const version = believed.trust?.body.version
    const peersAgree = wire.peers().filter((peer) => peer.trustVersion === version).length
    const leftMs = this.#sources.leftMs(believed, { peersAgree, runs }, steadyMs)
    const held = {
      believed,
      state: this.#state,
      memory: this.#memory,
      remembered: this.#remembered,
      trustSettled: leftMs === 0
    }
    const input = inputOf({ pool, wire }, this.#options, held, { nowMs, steadyMs })
    const decision = decide(input)
    if (decision.memory !== this.#memory) {
      await machine.note('rollout', JSON.stringify(decision.memory))
      this.#memory = decision.memory
    }
    const statements = await said.say(decision.say, Math.floor(nowMs / 1_000))
    for (const statement of statements) wire.publish(statement.wire)
    for (const { event, facts } of changesOf(this.#decision, decision)) this.#tell(event, facts)
    this.#decision = decision
    const orders = ordersOf(decision, this.#state, believed)
    for (const event of orders) await this.#step(event)
    if (statements.length > 0) this.#lookSoon()
    this.#armTimer(nowMs, leftMs)
  }

  #armTimer(nowMs: number, settleMs: number | null): void {
    this.#cancelTimer()
    const due = dueMs(this.#state)
    const until = this.#decision?.untilMs ?? null
    // 0 is settled already, and no reason to look again.
    const settled = settleMs === null || settleMs === 0 ? null : nowMs + settleMs
    const times = [due, until, settled]
    const nextMs = Math.min(nowMs + lookAtLeastMs, ...times.filter((ms) => ms !== null))
    this.#cancelTimer = this.#ports.clock.after(Math.max(1, nextMs - nowMs), () => {
      this.#queue.push(async () => await this.#wake())
    })
  }

  async #wake(): Promise<void> {
    for (let due = dueMs(this.#state); due !== null && due <= this.#nowMs();) {
      await this.#step({ tag: 'tick' })
      const next = dueMs(this.#state)
      if (next === due) break
      due = next
    }
    if (this.#attached) await this.#look()
    else this.#armTimer(this.#nowMs(), null)
  }

  async #remember(after: Remembered): Promise<void> {
    for (const [key, text] of notesOf(this.#remembered, after)) {
      await this.#parts.machine.note(key, text)
    }
    this.#remembered = after
  }

  /** Cores go with their versions; what is kept is kept for those who still need it. */
  async #letGo(keep: readonly string[]): Promise<void> {
    const { cores } = this.#remembered
    const gone = cores.filter((release) => !keep.includes(release))
    const now = [...new Set([...cores.filter((release) => keep.includes(release)), ...keep])]
    if (now.join() !== cores.join()) await this.#remember({ ...this.#remembered, cores: now })
    this.#trees.drop(gone)
  }

  #find(name: string) {
    const known = releaseOf(this.#parts.authority.believed, fromName(name))
    const artifact = known?.body.artifacts.find(
      ({ platform, component }) => platform === this.#options.platform && component === ''
    )
    return known === null || artifact === undefined ? null : { known, artifact }
  }

  #alarm(code: string, text: string): void {
    this.#alarms.add(code)
    this.#tell('alarm', { code, text })
  }

  #tell(event: string, facts: Facts): void {
    this.#ports.log(event, facts)
    for (const fn of this.#listeners) fn(event, facts)
  }

  async #shown(): Promise<Shown> {
    const { authority, machine, wire, pool } = this.#parts
    return {
      options: this.#options,
      believed: authority.believed,
      state: this.#state,
      remembered: this.#remembered,
      decision: this.#decision,
      launcher: await machine.view(),
      wire,
      member: pool.seatOf(this.#options.pair.key) !== null,
      doubled: pool.doubledSlots(),
      alarms: [...this.#alarms],
      nowMs: this.#nowMs()
    }
  }
}

/** The two ends of a rollback, as z32 names. */
export interface ReleaseNames {
  readonly from: string
  readonly to: string
}
