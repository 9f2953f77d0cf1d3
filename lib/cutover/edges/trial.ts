import { assert, MINUTE, SECOND } from '../../base/index.ts'
import type { SlotEvent } from '../events.ts'
import { backoffMs, isCrashLoop } from '../keepalive.ts'
import type { Op, SlotName } from '../state.ts'
import { takeBack } from './back.ts'
import { failureOf } from './failure.ts'
import { newSlot } from './handover.ts'
import { isUp, keptVersions, nextSeq, other, type Turn } from './turn.ts'

/** Starts of a release on trial, the first included. */
const bootsMax = 3

/** Edge 15: the flip is durable, the new version is in charge; from here only forward or back. */
export function beginTrial(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'cutover' && op.next !== null, 'a trial begins with a flip')
  const slot = newSlot(turn, op)
  turn.set({ pointer: op.next, live: slot, gcAt: null })
  if (turn.state.undo !== null) turn.set({ undo: null })
  const old = turn.state.slots[other(slot)]
  const warm = staysWarm(op, old?.status)
  const stays = warm ? op.warmMs : op.warmMs + op.observeMs
  turn.edge(15, { ...op, state: 'trial', next: null, warm, deadline: turn.nowMs + stays })
  if (warm) {
    turn.command({ tag: 'keep', slot: other(slot), restart: false })
    if (op.gen === op.from?.gen) turn.command({ tag: 'arm', on: slot, to: other(slot) })
  } else if (op.from !== null) turn.end(other(slot), true)
  takeCharge(turn, slot)
}

/** Whether what ran before goes on beside the new version, to have its place back at once. */
export function staysWarm(op: Op, status: string | undefined): boolean {
  // A way back that is closed needs nobody to wait on it.
  if (op.from === null || op.back === 'none' || !isUp(status)) return false
  if (op.handover === 'exclusive') return status === 'released'
  // Two of level 1 accept on one socket: only if the release allows it.
  return op.fromLevel !== 1 || op.split
}

/** The new version serves: its process is told so, or started only now. */
function takeCharge(turn: Turn, slot: SlotName): void {
  const { op, slots } = turn.state
  assert(op?.state === 'trial', 'only a trial puts a new version in charge')
  const status = slots[slot]?.status
  if (op.from !== null && op.handover === 'exclusive' && status === undefined) startOnTrial(turn)
  else if (status === 'down' || status === undefined) exitedOnTrial(turn)
  else if (status === 'bad') takeBack(turn, 31, 'health')
  else if (op.from !== null && op.level === 2) turn.takeOver(slot)
  else turn.route(slot)
}

/** What the process of the new version does after the flip. */
export function newOneServes(turn: Turn, op: Op, event: SlotEvent): void {
  const failure = failureOf(event)
  // Nobody waits for its place, and the machine may have memory again: it is started again.
  if (event.tag === 'starved' && !op.warm) return
  if (event.tag === 'exited') exitedOnTrial(turn)
  else if (failure !== null) takeBack(turn, 31, failure)
  else if (event.tag === 'primary') primaryOnTrial(turn, op)
  else if (event.tag === 'healthy') servesOnTrial(turn)
}

/** The old version while the new one is being tried. */
export function oldOneIsWarm(turn: Turn, op: Op, event: SlotEvent): void {
  if (event.tag === 'exited' || event.tag === 'ended') {
    turn.slot(other(newSlot(turn, op)), null)
  } else if (event.tag !== 'release-timeout') return
  // "If A dies while warm, B goes on without a warm copy."
  if (op.warm) warmOver(turn)
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
  const status = slots[newSlot(turn, op)]?.status
  // Not in charge yet, whatever the warm time says: the old version may be needed in a moment.
  if (op.warm && status === 'taking') turn.set({ op: { ...op, deadline: turn.nowMs + SECOND } })
  else if (op.warm) warmOver(turn)
  else if (status === 'healthy') commit(turn, 17)
  // Not healthy now: what comes next, healthy or not, decides.
  else turn.set({ op: { ...op, deadline: null } })
}

/** A start of the release on trial after it ended by itself; the fourth goes back. */
export function startOnTrial(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'trial' && op.gen !== null, 'only a trial counts boots')
  if (op.boots + 1 > bootsMax) takeBack(turn, 31, 'crash-loop')
  else turn.exec(newSlot(turn, op), op, 'live')
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

/** In charge by its own word: only now the old one lets go. */
function primaryOnTrial(turn: Turn, op: Op): void {
  const old = other(newSlot(turn, op))
  const status = turn.state.slots[old]?.status
  servesOnTrial(turn)
  const isOver = turn.state.op?.state !== 'trial'
  const speaks = op.warm && op.handover === 'overlap' && op.fromLevel === 2
  if (!isOver && speaks && status !== 'released' && isUp(status)) turn.release(old)
}

function servesOnTrial(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'trial', 'healthy on trial')
  const slot = newSlot(turn, op)
  if (turn.state.slots[slot]?.status !== 'healthy') return
  turn.route(slot)
  if (op.deadline === null) commit(turn, 17)
}
