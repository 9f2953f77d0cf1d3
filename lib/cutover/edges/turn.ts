import { assert } from '../../base/index.ts'
import type { JournalDraft, Pair, Pointer, ReleaseName } from '../../records/index.ts'
import type { Edge } from './names.ts'
import { applyLine, edgeLine } from '../fold.ts'
import { quarantineLine } from '../quarantine.ts'
import { whyOf, type Reason } from '../reasons.ts'
import type { Command, Report } from '../commands.ts'
import type { Op, Slot, SlotName, State } from '../state.ts'

/** What a step amounts to: lines first (durable), then the commands. */
export interface Step {
  readonly state: State
  readonly lines: readonly JournalDraft[]
  readonly commands: readonly Command[]
  /** The event met no edge; it changes nothing and is logged. */
  readonly ignored: boolean
}

export function other(slot: SlotName): SlotName {
  return slot === 'a' ? 'b' : 'a'
}

interface StartHow {
  readonly restart?: boolean
  readonly mode?: 'live' | 'wait'
}

/** One step while it is being worked out. Lives for one call of `step` only. */
export class Turn {
  readonly nowMs: number
  state: State
  readonly #lines: JournalDraft[] = []
  readonly #commands: Command[] = []

  constructor(state: State, nowMs: number) {
    this.state = state
    this.nowMs = nowMs
  }

  result(ignored: boolean): Step {
    return { state: this.state, lines: this.#lines, commands: this.#commands, ignored }
  }

  command(command: Command): void {
    this.#commands.push(command)
  }

  line(line: JournalDraft): void {
    this.#lines.push(line)
    this.state = applyLine(this.state, line)
  }

  lines(lines: readonly JournalDraft[]): void {
    for (const line of lines) this.line(line)
  }

  /** Takes an edge: `op` is the op from now on, `null` ends the present one. */
  edge(edge: Edge, op: Op | null): void {
    const ended = op === null ? this.state.op : null
    this.line(edgeLine({ ...this.state, op }, edge, ended))
  }

  /** A change that need not survive. */
  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change }
  }

  slot(name: SlotName, slot: Slot | null): void {
    this.set({ slots: { ...this.state.slots, [name]: slot } })
  }

  route(slot: SlotName | null): void {
    if (this.state.routed === slot) return
    this.set({ routed: slot })
    this.command({ tag: 'route', slot })
  }

  /** Starts `pair` in `slot`, which must be free. */
  start(slot: SlotName, pair: Pair, { restart = false, mode = 'live' }: StartHow = {}): void {
    const exits = this.state.slots[slot]?.exits ?? []
    this.slot(slot, { release: pair.release, status: 'starting', exits })
    this.set({ restartAt: null })
    const { release, gen } = pair
    this.command({ tag: 'start', slot, release, gen, restart, mode })
  }

  /** Counts a start of the release on trial before it happens, then starts it. */
  exec(slot: SlotName, op: Op, mode: 'live' | 'wait'): void {
    const { release, gen } = op
    assert(gen !== null, 'a start has a generation')
    this.line({ tag: 'exec', op: op.op, release, boots: op.boots + 1 })
    this.start(slot, { release, gen }, { mode })
  }

  /** Tells a process that waits, or that let go, to be the one in charge. */
  takeOver(slot: SlotName): void {
    this.#become(slot, 'taking')
    this.command({ tag: 'takeover', slot })
  }

  /** As `takeOver`, for what was in charge before. */
  resume(slot: SlotName): void {
    this.#become(slot, 'taking')
    this.command({ tag: 'resume', slot })
    this.route(slot)
  }

  /** From the moment it is asked it may have let go: only a `resume` makes sure of it again. */
  release(slot: SlotName): void {
    this.#become(slot, 'released')
    this.command({ tag: 'release', slot })
  }

  #become(slot: SlotName, status: 'taking' | 'released'): void {
    const held = this.state.slots[slot]
    if (held !== null) this.slot(slot, { ...held, status })
  }

  /** Ends what runs in `slot`, unless that is under way. */
  end(slot: SlotName, drain: boolean): void {
    const held = this.state.slots[slot]
    if (held === null) return
    if (held.status === 'down') {
      this.slot(slot, null)
      return
    }
    if (held.status === 'ending' && drain) return
    this.slot(slot, { ...held, status: 'ending' })
    this.command({ tag: 'end', slot, drain })
  }

  flip(pointer: Pointer): void {
    this.command({ tag: 'flip', pointer })
  }

  /** Ends the op with a reason, which says what it is quarantined for, if at all. */
  drop(edge: Edge, reason: Reason): void {
    const { op } = this.state
    if (op === null) return
    this.edge(edge, null)
    this.quarantine(op.release, reason)
    if (isRehearsing(op)) this.command({ tag: 'end-shadow', op: op.op })
    this.command({ tag: 'discard', op: op.op })
    const isOwn = whyOf(reason) === 'own'
    // Who had a turn for a shadow only was never treated.
    const result = op.turn === 'shadow' ? 'shadowed' : isOwn ? 'failed' : 'dropped'
    this.report(op, result, reason)
  }

  quarantine(release: ReleaseName, reason: Reason): boolean {
    const why = whyOf(reason)
    if (why === null) return false
    const line = quarantineLine(this.state, release, { why, code: reason }, this.nowMs)
    if (line === null) return false
    this.line(line)
    return true
  }

  report(op: Op, result: Report['result'], reason: Reason | null): void {
    const why = reason === null ? null : whyOf(reason)
    const { release, verdicts } = op
    this.command({ tag: 'report', op: op.op, release, result, why, reason, verdicts })
  }
}

/** Whether something of a rehearsal may be there. */
function isRehearsing({ turn, state, transition, shadow, phoneHome }: Op): boolean {
  const looks = transition || shadow !== 'off' || phoneHome !== 'off'
  return looks && turn !== 'no' && state !== 'cutover'
}

/** Whether a process is there that was not given up. */
export function isUp(status: string | undefined): boolean {
  return status !== undefined && status !== 'down' && status !== 'ending'
}

/** The number of the next pointer to be written. */
export function nextSeq({ pointer, pending, op }: State): number {
  return Math.max(pointer?.seq ?? 0, pending?.seq ?? 0, op?.next?.seq ?? 0) + 1
}

/** Versions that clean-up must spare: a directory in use is never removed. */
export function keptVersions({ pointer, lastGood, op, slots }: State): readonly ReleaseName[] {
  const named = [pointer?.release, pointer?.prev?.release, lastGood, op?.release, op?.from?.release]
  const running = [slots.a?.release, slots.b?.release]
  return [...new Set([...named, ...running])].filter((name) => typeof name === 'string')
}
