import { assert } from '../../base/index.ts'
import type { SlotEvent } from '../events.ts'
import type { Reason } from '../reasons.ts'
import type { Op, SlotName } from '../state.ts'
import { failureOf } from './failure.ts'
import { nextSeq, other, type Turn } from './turn.ts'

/** How long the old version waits for the new one to be loaded before it lets go of its lock. */
const loadMs = 10_000

/** Slot of the release that `op` brings: beside the one that serves, or the only one. */
export function newSlot(turn: Turn, op: Op): SlotName {
  const { slots, live } = turn.state
  if (slots.a?.release === op.release) return 'a'
  if (slots.b?.release === op.release) return 'b'
  // On trial it is the one in charge, also while nothing runs there.
  return op.from === null || op.state === 'trial' ? live : other(live)
}

/** Edge 13: the new version starts beside the old one, or after it has let go. */
export function cutOver(turn: Turn, op: Op): boolean {
  const { slots, live, held } = turn.state
  if (op.gen === null || held) return false
  const status = op.from === null ? null : (slots[live]?.status ?? 'down')
  const baselineBad = status === 'bad' || status === 'down'
  const reason = baselineBad ? 'baseline-bad' : null
  const begun: Op = { ...op, state: 'cutover', reason, boots: 0, deadline: null, quiet: false }
  turn.edge(13, begun)
  if (op.from === null || op.handover === 'overlap') {
    const mode = op.from !== null && op.level === 2 ? 'wait' : 'live'
    turn.exec(newSlot(turn, op), begun, mode)
  } else if (slots[live] === null || slots[live].status === 'down') {
    turn.route(null)
    turn.slot(live, null)
    oldIsQuiet(turn)
  } else if (!bothSpeak(op)) {
    turn.route(null)
    turn.end(live, true)
  } else if (op.transition) letGo(turn)
  else {
    // The new one loads behind the old one's lock; that time is no pause.
    turn.exec(newSlot(turn, op), begun, 'wait')
    const { op: now } = turn.state
    if (now !== null) turn.set({ op: { ...now, deadline: turn.nowMs + loadMs } })
  }
  return true
}

/** Exclusive: the old version stops accepting, closes its store, and stays. */
export function letGo(turn: Turn): void {
  const { op, live } = turn.state
  assert(op?.state === 'cutover', 'the old version lets go for a hand-over')
  turn.set({ op: { ...op, deadline: null } })
  turn.route(null)
  turn.release(live)
}

/** Nobody writes the state any more. */
function oldIsQuiet(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'cutover' && op.from !== null, 'only an old version can be quiet')
  const { release, from } = op
  if (op.quiet) return
  turn.set({ op: { ...op, quiet: true } })
  if (op.transition) turn.command({ tag: 'migrate', op: op.op, release, from })
  else propose(turn)
}

/** Edge 14: write the pointer that names the new version. */
export function propose(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'cutover' && op.gen !== null, 'only a hand-over proposes a pointer')
  const { release, gen, from } = op
  const prev = from === null ? null : { ...from, back: op.back }
  const seq = nextSeq(turn.state)
  const next = { v: 1 as const, seq, op: op.op, release, gen, phase: 'trial' as const, prev }
  turn.edge(14, { ...op, next, deadline: null, quiet: false })
  turn.flip(next)
}

/** The new version before the flip. */
export function newOneLoads(turn: Turn, op: Op, event: SlotEvent): void {
  const failure = failureOf(event)
  if (op.next !== null) return
  if (failure !== null) notCutOver(turn, failure)
  else if (op.from !== null && op.handover === 'exclusive') {
    if (op.deadline !== null && (event.tag === 'loaded' || event.tag === 'healthy')) letGo(turn)
  } else if (event.tag === 'healthy') propose(turn)
}

/** The old version before the flip. */
export function oldOneLeaves(turn: Turn, op: Op, event: SlotEvent): void {
  if (op.handover !== 'exclusive' || op.next !== null) return
  const { live } = turn.state
  const isGone = event.tag === 'ended' || event.tag === 'exited'
  if (event.tag === 'release-timeout') notCutOver(turn, 'baseline-bad')
  else if (event.tag === 'released') oldIsQuiet(turn)
  else if (isGone) {
    turn.slot(live, null)
    oldIsQuiet(turn)
  }
}

/** Edge 30: the old version never stopped being the one in force. */
export function notCutOver(turn: Turn, reason: Reason): void {
  const { op, pointer } = turn.state
  assert(op?.state === 'cutover', 'only a hand-over can fail to be one')
  const slot = newSlot(turn, op)
  turn.drop(30, op.reason === 'baseline-bad' && reason !== 'held' ? 'baseline-bad' : reason)
  if (turn.state.slots[slot]?.release === op.release) turn.end(slot, false)
  if (pointer !== null) serveAgain(turn)
}

/** What the pointer names serves: it is started, put in charge again, or simply goes on. */
export function serveAgain(turn: Turn): void {
  const { pointer, live, slots } = turn.state
  if (pointer === null) return
  const old = slots[live]
  if (old === null || old.status === 'down') turn.start(live, pointer, { restart: true })
  else if (old.status === 'healthy') turn.route(live)
  // Two never hold one lock: the other one is gone first.
  else if (old.status === 'released' && slots[other(live)] === null) turn.resume(live)
}

/** Both versions can be told to let go and to take over. */
export function bothSpeak({ level, fromLevel }: Op): boolean {
  return level === 2 && fromLevel === 2
}
