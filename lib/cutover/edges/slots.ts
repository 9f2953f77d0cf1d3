import { unreachable } from '../../base/index.ts'
import type { SlotEvent } from '../events.ts'
import { backoffMs, noteExit } from '../keepalive.ts'
import type { Slot, SlotName } from '../state.ts'
import { slotGoingBack, takenBack } from './back.ts'
import { newOneLoads, newSlot, oldOneLeaves, serveAgain } from './handover.ts'
import { newOneServes, oldOneIsWarm } from './trial.ts'
import type { Turn } from './turn.ts'

/** What a process did, for the op under way or for what simply runs. */
export function slotEvent(turn: Turn, name: SlotName, event: SlotEvent): boolean {
  const before = turn.state.slots[name]
  if (before === null) return false
  const gone = event.tag === 'ended' || event.tag === 'exited'
  // What we are ending no longer says anything about its release, but that it is gone.
  if (before.status === 'ending' && !gone) return true
  turn.slot(name, slotAfter(before, event, turn.nowMs))
  const { op, live } = turn.state
  if (op?.state === 'cutover' || op?.state === 'trial') {
    const isNew = before.release === op.release && newSlot(turn, op) === name
    if (op.state === 'cutover') (isNew ? newOneLoads : oldOneLeaves)(turn, op, event)
    else (isNew ? newOneServes : oldOneIsWarm)(turn, op, event)
  } else if (op?.state === 'back') slotGoingBack(turn, before, name, event)
  else if (name !== live) {
    if (turn.state.slots[name]?.status === 'down') turn.slot(name, null)
    // The one that serves may have its lock back.
    if (turn.state.slots[name] === null && isGivenUp(turn)) serveAgain(turn)
  } else if (op?.state === 'stuck' && isServing(event)) {
    turn.route(name)
    if (before.release === op.from?.release) takenBack(turn, name)
  } else servingSlotEvent(turn, name, event)
  return true
}

/** Nothing is being handed over: keep what the pointer names alive (edge 19). */
function servingSlotEvent(turn: Turn, name: SlotName, event: SlotEvent): void {
  const { pointer, slots } = turn.state
  const serves = isServing(event) || event.tag === 'start-timeout'
  if (serves && slots[name]?.status !== 'released') turn.route(name)
  if (pointer === null) {
    if (event.tag === 'exited' || event.tag === 'ended') turn.slot(name, null)
    return
  }
  if (event.tag === 'ended') turn.start(name, pointer, { restart: true })
  // It let go for a hand-over that did not come about, and cannot have its place back: cold.
  if (event.tag === 'takeover-timeout') turn.end(name, false)
  if (event.tag === 'released') serveAgain(turn)
  const restarts = event.tag === 'exited' && event.restarting
  const now = turn.state.slots[name]
  if (!restarts && now?.status === 'down') {
    turn.set({ restartAt: turn.nowMs + backoffMs(now.exits.length) })
  }
}

function isServing({ tag }: SlotEvent): boolean {
  return tag === 'healthy' || tag === 'primary'
}

function isGivenUp({ state }: Turn): boolean {
  return state.slots[state.live]?.status === 'released'
}

function slotAfter(slot: Slot, event: SlotEvent, nowMs: number): Slot | null {
  const { status, exits } = slot
  switch (event.tag) {
    case 'healthy':
      // Health is one question, being in charge another.
      return status === 'taking' || status === 'released' ? slot : { ...slot, status: 'healthy' }
    case 'primary':
      return { ...slot, status: 'healthy' }
    case 'released':
      return { ...slot, status: 'released' }
    case 'loaded':
    case 'release-timeout':
      return slot
    case 'unhealthy':
    case 'start-timeout':
    case 'takeover-timeout':
    case 'watchdog':
    case 'over-limit':
    case 'starved':
      return status === 'released' ? slot : { ...slot, status: 'bad' }
    case 'exited': {
      if (status === 'ending') return null
      const isAgain = event.restarting
      return { ...slot, status: isAgain ? 'starting' : 'down', exits: noteExit(exits, nowMs) }
    }
    case 'start-failed':
      return { ...slot, status: 'down', exits: noteExit(exits, nowMs) }
    case 'ended':
      return null
    default:
      return unreachable(event)
  }
}
