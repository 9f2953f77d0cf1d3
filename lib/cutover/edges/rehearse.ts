import { HOUR, MINUTE } from '../../base/index.ts'
import type { ReleaseName } from '../../records/index.ts'
import type { Reason } from '../reasons.ts'
import type { Op, OpState, Verdicts } from '../state.ts'
import { cutOver } from './handover.ts'
import { other, type Turn } from './turn.ts'

/** Until a blocked release is looked at again: by then the machine may be able to. */
const blockedMs = HOUR

/** After a hook asked for another try; then this machine is to blame (S89). */
const hookRetriesMs = [MINUTE, 5 * MINUTE, 15 * MINUTE]

/** Edge 7. Enrolment, if any, is the caller's and comes before this. */
export function go(turn: Turn, release: ReleaseName, what: 'go' | 'shadow'): boolean {
  const { op, held, fault, slots, live, pointer } = turn.state
  if (op === null || op.release !== release || op.state !== 'waiting') return false
  if (op.turn !== 'no' || held || fault !== null || op.deadline !== null) return false
  // R9 and tableflip's lesson: no second upgrade while an old process still drains.
  const free = pointer === null ? slots[live] === null : slots[other(live)] === null
  if (!free && what === 'go') return false
  const rehearsals = op.rehearsals + 1
  turn.edge(7, { ...op, turn: what, rehearsals, reason: null, verdicts: null })
  turn.command({ tag: 'confirm', op: op.op, release })
  return true
}

/** The guards hold: the rehearsal, or behind it, or without one, the hand-over. */
export function confirmed(turn: Turn, number: number): boolean {
  const op = mine(turn, number, ['waiting', 'checked'])
  if (op === null || op.turn === 'no' || turn.state.held) return false
  if (op.state === 'checked') return op.turn === 'go' && cutOver(turn, op)
  if (needsRehearsal(op)) {
    turn.command({ tag: 'snapshot', op: op.op, release: op.release, from: op.from })
    return true
  }
  if (op.turn === 'go') return cutOver(turn, op)
  passAll(turn, { shadow: 'off', phoneHome: 'off' })
  return true
}

/** Edges 8 and 9, or on through all of them where this machine cannot copy and need not. */
export function snapped(turn: Turn, number: number): boolean {
  const op = mine(turn, number, ['waiting'])
  if (op === null || op.turn === 'no') return false
  turn.edge(8, { ...op, state: 'snapshot' })
  turn.command({ tag: 'rehearse', op: op.op, release: op.release, from: op.from })
  return true
}

export function rehearsed(turn: Turn, number: number): boolean {
  const op = mine(turn, number, ['snapshot'])
  if (op === null) return false
  turn.edge(9, { ...op, state: 'migrated', deadline: null })
  const { release, from, shadow, phoneHome } = op
  if (shadow === 'off' && phoneHome === 'off') passAll(turn, { shadow, phoneHome })
  else turn.command({ tag: 'shadow', op: op.op, release, from, shadow, phoneHome })
  return true
}

/** Unavailable is never a pass: whoever insists is blocked (27), others go on and say so. */
export function unavailable(turn: Turn, number: number, what: 'snapshot' | 'rehearse'): boolean {
  const op = mine(turn, number, [what === 'snapshot' ? 'waiting' : 'snapshot'])
  if (op === null || op.turn === 'no') return false
  const verdicts = {
    shadow: op.shadow === 'off' ? 'off' : 'unavailable',
    phoneHome: op.phoneHome === 'off' ? 'off' : 'unavailable'
  } as const
  const isRequired = op.shadow === 'require' || op.phoneHome === 'require'
  // What cannot be migrated on a copy cannot be migrated at all.
  if (isRequired || (what === 'rehearse' && op.transition)) block(turn, op, verdicts)
  else if (what === 'rehearse') rehearsed(turn, number)
  else passAll(turn, verdicts)
  return true
}

/** A hook wants another try: the rehearsal stays where it is, three times. */
export function retryLater(turn: Turn, number: number): boolean {
  const op = mine(turn, number, ['snapshot'])
  if (op === null) return false
  const delayMs = hookRetriesMs[op.tries]
  if (delayMs === undefined) return failedCheck(turn, op, 'hook-retries')
  turn.edge(8, { ...op, tries: op.tries + 1, deadline: turn.nowMs + delayMs })
  return true
}

/** Edge 10. */
export function shadowReady(turn: Turn, number: number): boolean {
  const op = mine(turn, number, ['migrated'])
  if (op === null) return false
  turn.edge(10, { ...op, state: 'shadow' })
  return true
}

/** Edge 11, or 27 where a check that is required could not be made. */
export function shadowed(turn: Turn, number: number, verdicts: Verdicts): boolean {
  const op = mine(turn, number, ['migrated', 'shadow'])
  if (op === null) return false
  const lacks = (['shadow', 'phoneHome'] as const).some(
    (look) => op[look] === 'require' && verdicts[look] !== 'pass'
  )
  if (lacks) block(turn, op, verdicts)
  else passAll(turn, verdicts)
  return true
}

/** Edge 28. In a turn that is a shadow's only, nobody was treated. */
export function failedCheck(turn: Turn, op: Op, reason: Reason): boolean {
  const inShadow = op.state === 'migrated' || op.state === 'shadow'
  const phoned = reason === 'phone-home'
  const verdicts = inShadow
    ? ({ shadow: phoned ? 'pass' : 'fail', phoneHome: phoned ? 'fail' : 'unavailable' } as const)
    : null
  turn.set({ op: { ...op, verdicts } })
  turn.drop(28, reason)
  return true
}

/** Edge 26: the enrolment stands, the rehearsal is made again on fresh state. */
export function withhold(turn: Turn, release: ReleaseName | null): boolean {
  const { op } = turn.state
  if (op === null || (release !== null && op.release !== release)) return false
  if (!isOnItsWay(op)) return false
  turn.edge(26, waitingAgain(op))
  endShadow(turn, op)
  return true
}

/** Whether an op has its turn and has not begun its hand-over. */
export function isOnItsWay({ state, turn }: Op): boolean {
  const states: readonly OpState[] = ['waiting', 'snapshot', 'migrated', 'shadow', 'checked']
  return turn !== 'no' && states.includes(state)
}

/** A hook's other try, or the end of a block, is due. */
export function rehearsalDue(turn: Turn, op: Op): void {
  turn.set({ op: { ...op, deadline: null } })
  if (op.state !== 'snapshot') return
  turn.command({ tag: 'rehearse', op: op.op, release: op.release, from: op.from })
}

/** The op as it waits for another turn; an attempt that ended in order is none against it. */
function waitingAgain(op: Op): Op {
  const rehearsals = Math.max(0, op.rehearsals - 1)
  return { ...op, state: 'waiting', turn: 'no', rehearsals, deadline: null }
}

/** Whether anything is looked at before the hand-over. */
function needsRehearsal({ transition, shadow, phoneHome }: Op): boolean {
  return transition || shadow !== 'off' || phoneHome !== 'off'
}

/** Through the edges that are left to 11, and from there to the turn that was given. */
function passAll(turn: Turn, verdicts: Verdicts): void {
  const steps = { waiting: 8, snapshot: 9, migrated: 10, shadow: 11 } as const
  const states = { 8: 'snapshot', 9: 'migrated', 10: 'shadow', 11: 'checked' } as const
  for (let { op } = turn.state; op !== null && op.state !== 'checked'; op = turn.state.op) {
    const { state } = op
    if (state !== 'waiting' && state !== 'snapshot' && state !== 'migrated' && state !== 'shadow') {
      return
    }
    const edge = steps[state]
    turn.edge(edge, { ...op, state: states[edge], verdicts: edge === 11 ? verdicts : null })
  }
  const { op } = turn.state
  if (op === null) return
  endShadow(turn, op)
  if (op.turn === 'go') {
    turn.command({ tag: 'confirm', op: op.op, release: op.release })
    return
  }
  // 12: the shadow was all it had its turn for.
  turn.edge(12, waitingAgain(op))
  turn.report(op, 'shadowed', null)
}

/** Edge 27: no vote; it is looked at again in an hour or after the next start. */
function block(turn: Turn, op: Op, verdicts: Verdicts): void {
  const deadline = turn.nowMs + blockedMs
  const blocked: Op = { ...waitingAgain(op), deadline, reason: 'unavailable', verdicts }
  turn.edge(27, blocked)
  endShadow(turn, op)
  turn.report(blocked, 'blocked', null)
}

function endShadow(turn: Turn, op: Op): void {
  if (needsRehearsal(op)) turn.command({ tag: 'end-shadow', op: op.op })
}

function mine(turn: Turn, number: number, states: readonly OpState[]): Op | null {
  const { op } = turn.state
  return op !== null && op.op === number && states.includes(op.state) ? op : null
}
