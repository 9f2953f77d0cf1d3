import { applyLine, dueMs, emptyState, plainPlan, recover, step } from '../../lib/cutover/index.ts'
import type { Command, Event, Found, Slot, SlotName, State } from '../../lib/cutover/index.ts'
import { decodeJournal, encodeJournalLine } from '../../lib/records/index.ts'
import type { JournalDraft, Pointer } from '../../lib/records/index.ts'
import { concat, unreachable } from '../../lib/base/index.ts'
import type { Bytes } from '../../lib/base/index.ts'

export const releaseA = 'a'.repeat(52)
export const releaseB = 'b'.repeat(52)
export const releaseC = 'c'.repeat(52)

export interface Rules {
  /** Answer to a start of this release: default healthy. */
  readonly start?: Readonly<Record<string, 'healthy' | 'exit' | 'timeout'>>
  readonly handover?: 'overlap' | 'exclusive'
}

/** Thrown by the world when its daemon is killed. */
export class Killed extends Error {}

/**
 * One machine on paper: a journal that survives, a pointer that survives, processes that survive
 * the daemon but not the machine. The daemon is killed after `killAfter` journal writes.
 */
export class World {
  state: State = emptyState
  nowMs = 1_000_000
  journal: Bytes = new Uint8Array()
  pointer: Pointer | null = null
  readonly slots: Record<SlotName, Slot | null> = { a: null, b: null }
  routed: SlotName | null = null
  readonly placed = new Set<string>()
  readonly done: Command[] = []
  readonly edges: number[] = []
  readonly states: State[] = []
  ignored: Event[] = []
  writes = 0
  killAfter = Infinity
  rules: Rules
  #queue: Event[] = []
  #seq = 0

  constructor(rules: Rules = {}) {
    this.rules = rules
  }

  /** Feeds one event and everything that follows from it at once. */
  tell(event: Event): void {
    this.#queue.push(event)
    this.#drain()
  }

  /** Lets time pass, with a tick whenever something is due. */
  pass(ms: number): void {
    const end = this.nowMs + ms
    for (let guard = 0; guard < 1_000; guard++) {
      const due = dueMs(this.state)
      if (due === null || due > end) break
      this.nowMs = Math.max(this.nowMs, due)
      this.tell({ tag: 'tick' })
    }
    this.nowMs = end
  }

  /** The daemon starts again; `alive`: only it had died. */
  restart(alive: boolean): void {
    this.#queue = []
    if (!alive) {
      this.slots.a = null
      this.slots.b = null
      this.routed = null
    }
    const { lines, fault } = decodeJournal(this.journal)
    const slots = { a: this.slots.a, b: this.slots.b }
    const found: Found = { lines, fault, pointer: this.pointer, slots, routed: this.routed, alive }
    this.#take(recover(found, this.nowMs))
    for (const name of ['a', 'b'] as const) {
      if (this.slots[name]?.status === 'healthy') this.#queue.push({ tag: 'healthy', slot: name })
    }
    this.#drain()
  }

  exit(slot: SlotName, restarting = false): void {
    this.slots[slot] = null
    this.tell({ tag: 'exited', slot, restarting })
  }

  /** The release that new connections reach. */
  get serving(): string | null {
    return this.routed === null ? null : (this.slots[this.routed]?.release ?? null)
  }

  commands(tag: Command['tag']): readonly Command[] {
    return this.done.filter((command) => command.tag === tag)
  }

  #drain(): void {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      const result = step(this.state, event, this.nowMs)
      if (result.ignored) this.ignored.push(event)
      this.#take(result)
    }
  }

  #take(result: ReturnType<typeof step>): void {
    if (result.lines.length > 0) {
      this.#append(result.lines)
      if (++this.writes >= this.killAfter) throw new Killed()
    }
    this.state = result.state
    this.states.push(result.state)
    for (const command of result.commands) {
      this.done.push(command)
      this.#perform(command)
    }
  }

  #append(lines: readonly JournalDraft[]): void {
    const bytes = lines.map((line) => encodeJournalLine(line, ++this.#seq, this.nowMs))
    this.journal = concat([this.journal, ...bytes])
    for (const line of lines) if (line.tag === 'edge') this.edges.push(line.edge)
  }

  #perform(command: Command): void {
    const say = (event: Event): void => void this.#queue.push(event)
    switch (command.tag) {
      case 'preflight':
        return say({ tag: 'preflighted', op: command.op })
      case 'fetch':
        return say({ tag: 'fetched', op: command.op })
      case 'verify':
        return say({ tag: 'verified', op: command.op })
      case 'place':
        this.placed.add(command.release)
        return say({ tag: 'placed', op: command.op })
      case 'prepare': {
        const gen = command.from?.gen ?? '0-1'
        const handover = this.rules.handover ?? 'overlap'
        const plan = { ...plainPlan, gen, handover, warmMs: 60_000, observeMs: 600_000 }
        return say({ tag: 'prepared', op: command.op, plan })
      }
      case 'confirm':
        return say({ tag: 'confirmed', op: command.op })
      case 'start':
        return this.#start(command.slot, command.release, say)
      case 'end':
        this.slots[command.slot] = null
        return say({ tag: 'ended', slot: command.slot })
      case 'route':
        this.routed = command.slot
        return
      case 'flip':
        this.pointer = command.pointer
        return say({ tag: 'flipped', seq: command.pointer.seq })
      case 'keep':
      case 'arm':
      case 'disarm':
      case 'report':
      case 'gc':
      case 'discard':
      case 'alarm':
      case 'snapshot':
      case 'rehearse':
      case 'shadow':
      case 'end-shadow':
      case 'migrate':
      case 'down':
      case 'release':
      case 'takeover':
      case 'resume':
        return
      default:
        return unreachable(command)
    }
  }

  #start(slot: SlotName, release: string, say: (event: Event) => void): void {
    if (this.slots[slot] !== null) throw new Error(`slot ${slot} is in use`)
    if (!this.placed.has(release)) throw new Error(`${release} is not in its folder`)
    const how = this.rules.start?.[release] ?? 'healthy'
    if (how === 'exit') return say({ tag: 'exited', slot, restarting: false })
    const status = how === 'healthy' ? 'healthy' : 'bad'
    this.slots[slot] = { release, status, exits: [] }
    say({ tag: how === 'healthy' ? 'healthy' : 'start-timeout', slot })
  }
}

/** A world in which `release` was installed first and is committed. */
export function installed(release: string, rules: Rules = {}): World {
  const world = new World()
  upgrade(world, release)
  world.pass(700_000)
  world.rules = rules
  world.done.length = 0
  world.edges.length = 0
  world.writes = 0
  return world
}

/** Wants `release` and gives it its turn. */
export function upgrade(world: World, release: string): void {
  world.tell({ tag: 'want', release, kind: 'code' })
  world.tell({ tag: 'go', release })
}

/** What a replay of the journal says; must equal the state where it is persistent. */
export function replay(world: World): State {
  return decodeJournal(world.journal).lines.reduce(applyLine, emptyState)
}
