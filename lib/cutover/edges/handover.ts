import { assert, MINUTE, unreachable } from '../../base/index.ts'
import { takeBack } from './back.ts'
import { backoffMs, isCrashLoop } from '../keepalive.ts'
import type { Reason } from '../reasons.ts'
import type { SlotEvent } from '../events.ts'
import type { Op, SlotName } from '../state.ts'
import { keptVersions, nextSeq, other, type Turn } from './turn.ts'

/** Starts of a release on trial, the first included. */
const bootsMax = 3

/** Slot of the release that `op` brings: beside the one that serves, or the only one. */
export function newSlot(turn: Turn, op: Op): SlotName {
  const { slots, live } = turn.state
  if (slots.a?.release === op.release) return 'a'
  if (slots.b?.release === op.release) return 'b'
  // On trial it is the one in charge, also while nothing runs there.
  return op.from === null || op.state === 'trial' ? live : other(live)
}

/** Edge 13: the new version starts beside the old one, or after it has stopped. */
export function cutOver(turn: Turn, number: number): boolean {
  const { op, slots, live, held } = turn.state
  if (op === null || op.op !== number || op.state !== 'waiting' || op.turn !== 'go') return false
  if (op.gen === null || held) return false
  const status = op.from === null ? null : (slots[live]?.status ?? 'down')
  const baselineBad = status === 'bad' || status === 'down'
  const reason = baselineBad ? 'baseline-bad' : null
  const begun: Op = { ...op, state: 'cutover', reason, boots: 0 }
  turn.edge(13, begun)
  if (op.from === null || op.handover === 'overlap') {
    turn.exec(newSlot(turn, op), begun, op.gen)
    return true
  }
  turn.route(null)
  if (slots[live] === null || slots[live].status === 'down') {
    turn.slot(live, null)
    propose(turn)
  } else turn.end(live, true)
  return true
}

/** Edge 14: write the pointer that names the new version. */
function propose(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'cutover' && op.gen !== null, 'only a hand-over proposes a pointer')
  const { release, gen, from } = op
  const prev = from === null ? null : { ...from, back: 'code' as const }
  const seq = nextSeq(turn.state)
  const next = { v: 1 as const, seq, op: op.op, release, gen, phase: 'trial' as const, prev }
  turn.edge(14, { ...op, next })
  turn.flip(next)
}

/** Edge 15: the flip is durable, the new version is in charge; from here only forward or back. */
export function beginTrial(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'cutover' && op.next !== null, 'a trial begins with a flip')
  const slot = newSlot(turn, op)
  const pointer = op.next
  const old = turn.state.slots[other(slot)]
  const warm = op.from !== null && op.handover === 'overlap' && isUp(old?.status)
  const stays = warm ? op.warmMs : op.warmMs + op.observeMs
  turn.set({ pointer, live: slot, gcAt: null })
  if (turn.state.undo !== null) turn.set({ undo: null })
  turn.edge(15, { ...op, state: 'trial', next: null, warm, deadline: turn.nowMs + stays })
  if (op.from !== null && op.handover === 'exclusive') {
    startOnTrial(turn)
    return
  }
  if (warm) {
    turn.command({ tag: 'keep', slot: other(slot), restart: false })
    turn.command({ tag: 'arm', on: slot, to: other(slot) })
  }
  turn.route(slot)
  const status = turn.state.slots[slot]?.status
  if (status === 'down' || status === undefined) exitedOnTrial(turn)
  else if (status === 'bad') takeBack(turn, 31, 'health')
}

/** What the process of the new version does before and after the flip. */
export function newSlotEvent(turn: Turn, event: SlotEvent): boolean {
  const { op } = turn.state
  if (op === null) return false
  const failure = failureOf(event)
  if (op.state === 'cutover') {
    if (op.next !== null) return true
    if (event.tag === 'healthy') propose(turn)
    else if (failure !== null) notCutOver(turn, failure)
    return true
  }
  if (event.tag === 'exited') exitedOnTrial(turn)
  else if (event.tag === 'healthy') servesOnTrial(turn)
  else if (failure !== null) takeBack(turn, 31, failure)
  return true
}

/** The old version while the new one is being tried. */
export function oldSlotEvent(turn: Turn, event: SlotEvent): boolean {
  const { op, live } = turn.state
  if (op === null) return false
  if (op.state === 'cutover') {
    const stopped = event.tag === 'ended' || event.tag === 'exited'
    if (op.handover === 'exclusive' && op.next === null && stopped) {
      turn.slot(live, null)
      propose(turn)
    }
    return true
  }
  if (event.tag !== 'exited' && event.tag !== 'ended') return true
  turn.slot(other(newSlot(turn, op)), null)
  // "If A dies while warm, B goes on without a warm copy."
  if (op.state === 'trial' && op.warm) warmOver(turn)
  return true
}

/** Edge 30: the old version never stopped being the one in force. */
export function notCutOver(turn: Turn, reason: Reason): void {
  const { op, live, pointer } = turn.state
  assert(op?.state === 'cutover', 'only a hand-over can fail to be one')
  const slot = newSlot(turn, op)
  turn.drop(30, op.reason === 'baseline-bad' && reason !== 'held' ? 'baseline-bad' : reason)
  if (turn.state.slots[slot]?.release === op.release) turn.end(slot, false)
  if (pointer === null) return
  const old = turn.state.slots[live]
  if (old === null || old.status === 'down') turn.start(live, pointer, true)
  else if (old.status === 'healthy') turn.route(live)
}

/** Edge 16: the old version drains and ends. */
function warmOver(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'trial', 'warmth ends in a trial')
  const deadline = turn.nowMs + op.observeMs
  turn.edge(16, { ...op, warm: false, deadline })
  turn.command({ tag: 'disarm' })
  turn.end(other(newSlot(turn, op)), true)
}

/** Edge 17, or 35 by an operator's `keep`. */
export function commit(turn: Turn, edge: 17 | 35): void {
  const { op, pointer } = turn.state
  assert(op !== null && pointer !== null, 'a commit has something to commit')
  const next = { ...pointer, seq: nextSeq(turn.state), phase: 'committed' as const }
  turn.edge(edge, { ...op, state: 'committed', next, deadline: null, reason: null })
  turn.flip(next)
}

/** Edge 18: it stays. */
export function committed(turn: Turn): void {
  const { op, live } = turn.state
  assert(op?.state === 'committed' && op.next !== null, 'a commit ends with a flip')
  turn.set({ pointer: op.next })
  turn.edge(18, null)
  turn.command({ tag: 'keep', slot: live, restart: true })
  turn.report(op, 'committed', null)
  turn.command({ tag: 'gc', keep: keptVersions(turn.state) })
}

/** The end of warmth or of observation is due. */
export function trialDue(turn: Turn): void {
  const { op, slots } = turn.state
  assert(op?.state === 'trial', 'only a trial is timed')
  if (op.warm) warmOver(turn)
  else if (slots[newSlot(turn, op)]?.status === 'healthy') commit(turn, 17)
  // Not healthy now: what comes next, healthy or not, decides.
  else turn.set({ op: { ...op, deadline: null } })
}

/** A start of the release on trial after it ended by itself; the fourth goes back. */
export function startOnTrial(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'trial' && op.gen !== null, 'only a trial counts boots')
  if (op.boots + 1 > bootsMax) takeBack(turn, 31, 'crash-loop')
  else turn.exec(newSlot(turn, op), op, op.gen)
}

/** A pointer that could not be written is tried again in a minute. */
export function flipLater(turn: Turn): void {
  const { op } = turn.state
  if (op !== null) turn.set({ op: { ...op, deadline: turn.nowMs + MINUTE } })
}

function exitedOnTrial(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'trial', 'an exit on trial')
  const exits = turn.state.slots[newSlot(turn, op)]?.exits ?? []
  // While the old version is warm, waiting buys nothing: the first exit decides (S70).
  if (op.warm) takeBack(turn, 31, 'exit')
  else if (isCrashLoop(exits)) takeBack(turn, 31, 'crash-loop')
  else turn.set({ restartAt: turn.nowMs + backoffMs(Math.max(1, exits.length)) })
}

function servesOnTrial(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'trial', 'healthy on trial')
  turn.route(newSlot(turn, op))
  if (op.deadline === null) commit(turn, 17)
}

function isUp(status: string | undefined): boolean {
  return status === 'healthy' || status === 'bad' || status === 'starting'
}

function failureOf(event: SlotEvent): Reason | null {
  switch (event.tag) {
    case 'exited':
    case 'ended':
      return 'exit'
    case 'unhealthy':
      return 'health'
    case 'start-timeout':
      return 'start-timeout'
    case 'start-failed':
      return event.reason
    case 'watchdog':
      return 'watchdog'
    case 'takeover-timeout':
      return 'start-timeout'
    case 'healthy':
    case 'primary':
    case 'released':
    case 'release-timeout':
      return null
    default:
      return unreachable(event)
  }
}
