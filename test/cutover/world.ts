import { applyLine, dueMs, emptyState, plainPlan, recover, step } from '../../lib/cutover/index.ts'
import type { Command, Event, Found, Reason, Slot, State } from '../../lib/cutover/index.ts'
import type { HandoverPlan, SlotName, Verdict } from '../../lib/cutover/index.ts'
import { decodeJournal, encodeJournalLine } from '../../lib/records/index.ts'
import type { JournalDraft, Pair, Pointer } from '../../lib/records/index.ts'
import { concat, unreachable } from '../../lib/base/index.ts'
import type { Bytes } from '../../lib/base/index.ts'

export const releaseA = 'a'.repeat(52)
export const releaseB = 'b'.repeat(52)
export const releaseC = 'c'.repeat(52)

/** How this machine and the releases on it behave; what is left out goes well. */
export interface Rules {
  /** Answer to a start of this release: default healthy. */
  readonly start?: Readonly<Record<string, 'healthy' | 'exit' | 'timeout'>>
  /** Of the release that comes; all else as a plain program asks for it. */
  readonly plan?: Partial<HandoverPlan>
  readonly snapshot?: 'snapped' | 'unavailable' | Reason
  readonly rehearse?: 'rehearsed' | 'unavailable' | 'retry-later' | Reason
  /** `silent`: it goes on until it is ended. */
  readonly shadow?: Verdict | 'silent' | Reason
  readonly migrate?: 'sealed' | Reason
  /** `same`: no program leads back, and its loss is declared. */
  readonly down?: 'sealed' | 'same' | Reason
  readonly release?: 'released' | 'release-timeout'
  readonly takeover?: 'primary' | 'takeover-timeout'
  readonly resume?: 'primary' | 'takeover-timeout'
}

/** Thrown by the world when its daemon is killed. */
export class Killed extends Error {}

/** A process: it lives on when the daemon dies, and its `down` is remembered by the launcher. */
interface Proc {
  readonly release: string
  readonly gen: string
  readonly role: 'waiting' | 'primary' | 'released' | 'down'
}

/**
 * One machine on paper: journal, pointer and generations survive, processes survive the daemon but
 * not the machine. The daemon is killed after `killAfter` points: each journal write and each
 * command is one. What must never be is looked for at every point.
 */
export class World {
  state: State = emptyState
  nowMs = 1_000_000
  #journal: readonly Bytes[] = []
  pointer: Pointer | null = null
  readonly procs: Record<SlotName, Proc | null> = { a: null, b: null }
  routed: SlotName | null = null
  readonly placed = new Set<string>()
  readonly gens = new Map<string, { sealed: boolean; op: number; rejected: boolean }>()
  readonly snapshots = new Set<number>()
  readonly done: Command[] = []
  readonly edges: number[] = []
  readonly states: State[] = []
  ignored: Event[] = []
  /** Journal writes. */
  writes = 0
  /** Journal writes and commands. */
  points = 0
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
      this.procs.a = null
      this.procs.b = null
      this.routed = null
    }
    const { lines, fault } = decodeJournal(this.journal)
    // A start sweeps copies, and state that is not sealed.
    for (const [gen, { sealed }] of this.gens) if (!sealed) this.gens.delete(gen)
    this.snapshots.clear()
    const { pointer, routed, slots } = this
    const found: Found = { lines, fault, pointer, slots, routed, alive }
    this.#take(recover(found, this.nowMs))
    for (const name of ['a', 'b'] as const) this.#look(name, (event) => this.#queue.push(event))
    this.#drain()
  }

  exit(slot: SlotName, restarting = false): void {
    this.kill(slot)
    this.tell({ tag: 'exited', slot, restarting })
  }

  /** It is gone, and nobody has said so yet. */
  kill(slot: SlotName): void {
    const proc = this.procs[slot]
    if (proc !== null) this.procs[slot] = { ...proc, role: 'down' }
  }

  get journal(): Bytes {
    return concat(this.#journal)
  }

  set journal(bytes: Bytes) {
    this.#journal = [bytes]
  }

  /** Slots as a daemon finds them. */
  get slots(): Record<SlotName, Slot | null> {
    return { a: slotOf(this.procs.a), b: slotOf(this.procs.b) }
  }

  /** The release that new connections reach. */
  get serving(): string | null {
    const proc = this.routed === null ? null : this.procs[this.routed]
    return proc?.role === 'primary' ? proc.release : null
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
      this.writes++
      this.#point()
    }
    this.state = result.state
    this.states.push(result.state)
    for (const command of result.commands) {
      this.done.push(command)
      this.#perform(command, (event) => void this.#queue.push(event))
      this.#point()
    }
  }

  #point(): void {
    const { pointer } = this
    if (pointer !== null && !this.placed.has(pointer.release)) throw new Error('half a tree')
    if (pointer !== null && this.gens.get(pointer.gen)?.sealed !== true) {
      throw new Error(`half a generation: ${pointer.gen}`)
    }
    if (++this.points >= this.killAfter) throw new Killed()
  }

  #append(lines: readonly JournalDraft[]): void {
    const bytes = lines.map((line) => encodeJournalLine(line, ++this.#seq, this.nowMs))
    this.#journal = [...this.#journal, ...bytes]
    for (const line of lines) if (line.tag === 'edge') this.edges.push(line.edge)
  }

  #perform(command: Command, say: (event: Event) => void): void {
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
      case 'prepare':
        return say({ tag: 'prepared', op: command.op, plan: this.#plan(command) })
      case 'confirm':
        return say({ tag: 'confirmed', op: command.op })
      case 'snapshot':
      case 'rehearse':
      case 'shadow':
      case 'end-shadow':
        return this.#rehearse(command, say)
      case 'migrate':
      case 'down':
        return this.#makeState(command, say)
      case 'start':
      case 'end':
      case 'release':
      case 'takeover':
      case 'resume':
        return this.#process(command, say)
      case 'route':
        this.routed = command.slot
        return
      case 'flip':
        return this.#flip(command.pointer, say)
      case 'discard':
        for (const [gen, { op }] of this.gens) {
          const isUsed = gen === this.pointer?.gen || gen === this.pointer?.prev?.gen
          if (op === command.op && !isUsed) this.gens.delete(gen)
        }
        return
      case 'keep':
      case 'arm':
      case 'disarm':
      case 'report':
      case 'gc':
      case 'alarm':
        return
      default:
        return unreachable(command)
    }
  }

  #plan({ from }: Command & { tag: 'prepare' }): HandoverPlan {
    const gen = from?.gen ?? '1-1'
    if (from === null) this.gens.set(gen, { sealed: true, op: 0, rejected: false })
    const times = { warmMs: 60_000, observeMs: 600_000 }
    return { ...plainPlan, handover: 'overlap', ...times, ...this.rules.plan, gen }
  }

  #rehearse(
    command: Command & { tag: 'snapshot' | 'rehearse' | 'shadow' | 'end-shadow' },
    say: (event: Event) => void
  ): void {
    const { tag, op } = command
    const { snapshot = 'snapped', rehearse = 'rehearsed', shadow = 'pass' } = this.rules
    if (tag === 'end-shadow') {
      this.snapshots.delete(op)
      // What it ends says nothing any more.
      const mute = ['snapped', 'rehearsed', 'retry-later', 'unavailable', 'shadowed', 'failed']
      this.#queue = this.#queue.filter((event) => !mute.includes(event.tag))
    } else if (tag === 'snapshot') {
      if (snapshot === 'snapped') this.snapshots.add(op)
      if (snapshot === 'snapped') say({ tag: 'snapped', op })
      else if (snapshot === 'unavailable') say({ tag: 'unavailable', op, what: 'snapshot' })
      else say({ tag: 'failed', op, reason: snapshot })
    } else if (tag === 'rehearse') {
      if (rehearse === 'rehearsed' || rehearse === 'retry-later') say({ tag: rehearse, op })
      else if (rehearse === 'unavailable') say({ tag: 'unavailable', op, what: 'rehearse' })
      else say({ tag: 'failed', op, reason: rehearse })
    } else {
      say({ tag: 'shadow-ready', op })
      if (shadow === 'silent') return
      const isVerdict = shadow === 'pass' || shadow === 'unavailable' || shadow === 'off'
      if (isVerdict) say({ tag: 'shadowed', op, shadow, phoneHome: shadow })
      else say({ tag: 'failed', op, reason: shadow === 'fail' ? 'health' : shadow })
    }
  }

  /** Nobody may write while state is made of what was written. */
  #makeState(command: Command & { tag: 'migrate' | 'down' }, say: (event: Event) => void): void {
    const { tag, op, from } = command
    for (const proc of [this.procs.a, this.procs.b]) {
      if (proc?.role === 'primary') throw new Error(`${tag} beside a writer`)
    }
    const how = this.rules[tag] ?? 'sealed'
    if (how === 'same') return say({ tag: 'sealed', op, gen: (command as { to: Pair }).to.gen })
    if (how !== 'sealed') return say({ tag: 'failed', op, reason: how })
    const gen = `${tag === 'migrate' ? 2 : 1}-${this.gens.size + 10 * op}`
    this.gens.set(gen, { sealed: false, op, rejected: false })
    // A kill lies between, as in life.
    if (this.points + 1 >= this.killAfter) return
    this.gens.set(gen, { sealed: true, op, rejected: false })
    say({ tag: 'sealed', op, gen })
    if (this.gens.get(from.gen)?.sealed !== true) throw new Error('made of half a generation')
  }

  #process(
    command: Command & { tag: 'start' | 'end' | 'release' | 'takeover' | 'resume' },
    say: (event: Event) => void
  ): void {
    const { slot } = command
    const proc = this.procs[slot]
    if (command.tag === 'start') return this.#start(command, say)
    if (proc === null || proc.role === 'down') {
      if (command.tag === 'end') this.procs[slot] = null
      return command.tag === 'end' ? say({ tag: 'ended', slot }) : undefined
    }
    switch (command.tag) {
      case 'end':
        this.procs[slot] = null
        return say({ tag: 'ended', slot })
      case 'release': {
        const { release = 'released' } = this.rules
        if (release === 'released') this.procs[slot] = { ...proc, role: 'released' }
        return say({ tag: release, slot })
      }
      case 'takeover':
      case 'resume': {
        const answer = this.rules[command.tag] ?? 'primary'
        if (answer === 'primary') this.#become(slot, proc)
        return say({ tag: answer, slot })
      }
      default:
        return unreachable(command)
    }
  }

  #start(command: Command & { tag: 'start' }, say: (event: Event) => void): void {
    const { slot, release, gen, mode } = command
    const held = this.procs[slot]
    if (held !== null && held.role !== 'down') throw new Error(`slot ${slot} is in use`)
    if (!this.placed.has(release)) throw new Error(`${release} is not in its folder`)
    if (this.gens.get(gen)?.sealed !== true) throw new Error(`starts on half of ${gen}`)
    const proc: Proc = { release, gen, role: 'waiting' }
    if ((this.rules.start?.[release] ?? 'healthy') === 'exit') {
      this.procs[slot] = { ...proc, role: 'down' }
      return say({ tag: 'exited', slot, restarting: false })
    }
    this.procs[slot] = proc
    if (mode === 'live') this.#become(slot, proc)
    this.#look(slot, say)
  }

  /** What a prober finds. */
  #look(slot: SlotName, say: (event: Event) => void): void {
    const proc = this.procs[slot]
    if (proc === null || proc.role === 'down' || proc.role === 'released') return
    const how = this.rules.start?.[proc.release] ?? 'healthy'
    const waits = proc.role === 'waiting' && this.rules.plan?.handover === 'exclusive'
    if (how !== 'healthy') say({ tag: 'start-timeout', slot })
    else say({ tag: waits ? 'loaded' : 'healthy', slot })
  }

  /** The lock of an exclusive app is held once; a generation is written only if it is named. */
  #become(slot: SlotName, proc: Proc): void {
    const others = this.procs[slot === 'a' ? 'b' : 'a']
    const isExclusive = this.rules.plan?.handover === 'exclusive'
    if (isExclusive && others?.role === 'primary') throw new Error('two writers')
    if (this.pointer !== null && this.pointer.gen !== proc.gen) {
      throw new Error(`writes ${proc.gen} while ${this.pointer.gen} is named`)
    }
    this.procs[slot] = { ...proc, role: 'primary' }
  }

  #flip(pointer: Pointer, say: (event: Event) => void): void {
    const before = this.pointer
    if (before !== null && before.gen !== pointer.gen && pointer.prev === null) {
      const left = this.gens.get(before.gen)
      if (left !== undefined) left.rejected = true
    }
    this.pointer = pointer
    say({ tag: 'flipped', seq: pointer.seq })
  }
}

function slotOf(proc: Proc | null): Slot | null {
  if (proc === null) return null
  const { release, role } = proc
  const status = role === 'down' || role === 'released' ? role : 'starting'
  return { release, status, exits: [] }
}

/** A world in which `release` was installed first and is committed. */
export function installed(release: string, rules: Rules = {}): World {
  const level = rules.plan?.level ?? 0
  const world = new World({ plan: { level } })
  upgrade(world, release)
  world.pass(700_000)
  world.rules = rules
  world.done.length = 0
  world.edges.length = 0
  world.writes = 0
  world.points = 0
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
