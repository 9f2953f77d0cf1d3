import type { Bytes } from '../base/index.ts'
import { dueMs } from '../cutover/index.ts'
import {
  decide,
  emptyMemory,
  wishAgainst,
  type Condition,
  type Decision,
  type RolloutMemory
} from '../rollout/index.ts'
import { toName } from '../trust/index.ts'
import { changesOf } from './changes.ts'
import type { Hands } from './hands.ts'
import { inputOf, type Holdings } from './input.ts'
import { ordersOf } from './orders.ts'
import type { Outlook } from './outlook.ts'
import type { NodeOptions, NodeParts, NodePorts } from './ports.ts'
import type { Queue } from './queue.ts'
import { Sources } from './sources.ts'
import type { Teller } from './teller.ts'
import type { Operator } from './operator.ts'

/** Events come in bursts; one look a moment later sees all of them. */
const lookAfterMs = 20
/** A node looks again at least so often, whatever it waits for. */
const lookAtLeastMs = 60_000

export interface MindParts {
  readonly ports: NodePorts
  readonly parts: NodeParts
  readonly options: NodeOptions
  readonly queue: Queue
  readonly hands: Hands
  readonly teller: Teller
  readonly outlook: Outlook
  readonly operator: Operator
  readonly nowMs: () => number
  /** Writes down what the evidence must not forget. */
  readonly keep: () => Promise<void>
}

/**
 * What this node should do in the fleet: asked after every event and at the latest each minute. The
 * answer is remembered durably, then said, and only then acted on.
 */
export class Mind {
  readonly #given: MindParts
  readonly #sources = new Sources()
  #memory: RolloutMemory = emptyMemory
  #decision: Decision | null = null
  #isOpen = false
  #cancelTimer: () => void = () => undefined
  #cancelLook: (() => void) | null = null

  constructor(given: MindParts) {
    this.#given = given
    const text = given.parts.machine.notes.get('rollout')
    // Our own text: the journal has checked that it is whole.
    if (text !== undefined) this.#memory = JSON.parse(text) as RolloutMemory
  }

  get decision(): Decision | null {
    return this.#decision
  }

  /** The fleet has halted the release, or a quorum aborted it, as far as was decided here. */
  isHalted(release: Bytes): boolean {
    const name = toName(release)
    return this.#decision?.halted.some((id) => toName(id) === name) ?? false
  }

  /** What the operator wants that stands against a release now, or null. */
  wishAgainst(release: Bytes): Condition | null {
    const { ports, parts, options, nowMs } = this.#given
    const at = { nowMs: nowMs(), steadyMs: ports.clock.steadyMs() }
    return wishAgainst(inputOf(parts, options, this.#holdings(true), at), release)
  }

  /** The network is there: from now on its events are looked at. */
  open(): void {
    this.#isOpen = true
  }

  close(): void {
    this.#cancelTimer()
    this.#cancelLook?.()
  }

  /** A feed brought the statement of this id. */
  heardFrom(feed: Bytes, id: Bytes): void {
    this.#sources.fromFeed(feed, id)
  }

  lookSoon(): void {
    const { ports, queue } = this.#given
    if (!this.#isOpen || this.#cancelLook !== null) return
    this.#cancelLook = ports.clock.after(lookAfterMs, () => {
      this.#cancelLook = null
      queue.push(async () => await this.#look())
    })
  }

  async #look(): Promise<void> {
    const { ports, parts, hands, teller, outlook, nowMs: now } = this.#given
    const { believed } = parts.authority
    const steadyMs = ports.clock.steadyMs()
    const nowMs = now()
    const leftMs = this.#settleMs(steadyMs)
    const { pointer } = hands.state
    const runs = { running: pointer?.release ?? null, previous: pointer?.prev?.release ?? null }
    outlook.look(believed, nowMs, runs)
    await this.#given.operator.look(nowMs)
    await this.#given.keep()
    const decision = this.#decide({ nowMs, steadyMs, trustSettled: leftMs === 0 })
    if (decision.memory !== this.#memory) {
      await parts.machine.note('rollout', JSON.stringify(decision.memory))
      this.#memory = decision.memory
    }
    const statements = await parts.said.say(decision.say, Math.floor(nowMs / 1_000))
    for (const statement of statements) parts.wire.publish(statement.wire)
    for (const { event, facts } of changesOf(this.#decision, decision)) teller.tell(event, facts)
    this.#decision = decision
    const orders = ordersOf(decision, hands.state, believed)
    for (const event of orders) await hands.step(event)
    if (statements.length > 0) this.lookSoon()
    this.#armTimer(nowMs, leftMs)
  }

  #decide(at: {
    readonly nowMs: number
    readonly steadyMs: number
    readonly trustSettled: boolean
  }): Decision {
    const { parts, options } = this.#given
    return decide(inputOf(parts, options, this.#holdings(at.trustSettled), at))
  }

  #holdings(trustSettled: boolean): Holdings {
    const { parts, hands, operator } = this.#given
    return {
      believed: parts.authority.believed,
      state: hands.state,
      memory: this.#memory,
      remembered: hands.remembered,
      trustSettled,
      words: operator.words,
      unfit: operator.unfit
    }
  }

  /** Time until the newest trust may be built upon; 0 now, null not in sight. */
  #settleMs(steadyMs: number): number | null {
    const { parts, hands } = this.#given
    const { believed } = parts.authority
    const version = believed.trust?.body.version
    const peersAgree = parts.wire.peers().filter((peer) => peer.trustVersion === version).length
    const runs = hands.state.pointer !== null
    return this.#sources.leftMs(believed, { peersAgree, runs }, steadyMs)
  }

  #armTimer(nowMs: number, settleMs: number | null): void {
    const { ports, queue, hands } = this.#given
    this.#cancelTimer()
    const due = dueMs(hands.state)
    const until = this.#decision?.untilMs ?? null
    // 0 is settled already, and no reason to look again.
    const settled = settleMs === null || settleMs === 0 ? null : nowMs + settleMs
    const times = [due, until, settled, this.#given.operator.holdEndMs]
    const nextMs = Math.min(nowMs + lookAtLeastMs, ...times.filter((ms) => ms !== null))
    this.#cancelTimer = ports.clock.after(Math.max(1, nextMs - nowMs), () => {
      queue.push(async () => await this.#wake())
    })
  }

  async #wake(): Promise<void> {
    const { hands, nowMs } = this.#given
    for (let due = dueMs(hands.state); due !== null && due <= nowMs();) {
      await hands.step({ tag: 'tick' })
      const next = dueMs(hands.state)
      if (next === due) break
      due = next
    }
    if (this.#isOpen) await this.#look()
    else this.#armTimer(nowMs(), null)
  }
}
