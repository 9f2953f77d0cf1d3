import type { JournalDraft, Pointer } from '../records/index.ts'
import { empty, takeBack } from './edges/back.ts'
import { applyLine, emptyState, pointerIn } from './fold.ts'
import { bothSpeak, serveAgain } from './edges/handover.ts'
import { isBefore, rehearsalsMax } from './edges/op.ts'
import { committed, staysWarm, startOnTrial } from './edges/trial.ts'
import type { Op, Slot, SlotName, State } from './state.ts'
import { isUp, other, Turn, type Step } from './edges/turn.ts'

/** What a daemon finds when it starts. */
export interface Found {
  readonly lines: readonly JournalDraft[]
  readonly fault: State['fault']
  /** Content of `current`: null if there is none, `damaged` if it cannot be read. */
  readonly pointer: Pointer | null | 'damaged'
  /** Slots that the launcher holds now; both null after the machine or the launcher restarted. */
  readonly slots: State['slots']
  readonly routed: SlotName | null
  /** The launcher lived on while the daemon was away. */
  readonly alive: boolean
}

/**
 * The state to go on from after a crash at any point, and what to do first. The pointer is the
 * truth: a flip that happened is never undone, one that did not happen is never assumed. No
 * signature stands between it and the app.
 */
export function recover(found: Found, nowMs: number): Step {
  const folded = found.lines.reduce(applyLine, emptyState)
  const turn = new Turn({ ...folded, fault: found.fault, ...processes(found) }, nowMs)
  const pointer = found.pointer === 'damaged' ? pointerIn(found.lines) : found.pointer
  turn.set({ pointer, live: liveSlot(found.slots, pointer, found.routed) })
  if (found.pointer === 'damaged' && pointer !== null) turn.flip(pointer)
  if (found.fault !== null) turn.set({ op: null, undo: null })
  const { op } = turn.state
  if (op !== null) recoverOp(turn, op, found.alive)
  keepRunning(turn)
  return turn.result(false)
}

function processes({ slots, routed }: Found): Pick<State, 'slots' | 'routed'> {
  return { slots, routed }
}

function liveSlot(
  slots: State['slots'],
  pointer: Pointer | null,
  routed: SlotName | null
): SlotName {
  if (pointer !== null && slots.a?.release === pointer.release) return 'a'
  if (pointer !== null && slots.b?.release === pointer.release) return 'b'
  return routed ?? (slots.a === null ? 'a' : slots.b === null ? 'b' : 'a')
}

function recoverOp(turn: Turn, op: Op, alive: boolean): void {
  const { release } = op
  switch (op.state) {
    case 'admitted':
      turn.set({ op: { ...op, deadline: null } })
      turn.command({ tag: 'preflight', op: op.op, release })
      break
    case 'fetched':
      turn.command({ tag: 'verify', op: op.op, release })
      break
    case 'verified':
      turn.command({ tag: 'place', op: op.op, release })
      break
    case 'unpacked':
    case 'built':
      turn.command({ tag: 'prepare', op: op.op, release, from: op.from })
      break
    case 'waiting':
      if (op.turn !== 'no') backToWaiting(turn, op, alive)
      // Another start of this program may be able to look.
      else turn.set({ op: { ...op, deadline: null, reason: null } })
      break
    case 'snapshot':
    case 'migrated':
    case 'shadow':
    case 'checked':
      backToWaiting(turn, op, alive)
      break
    case 'cutover':
      if (turn.state.pointer?.op === op.op) goForward(turn, op)
      else backToWaiting(turn, op, alive)
      break
    case 'trial':
      resumeTrial(turn, op)
      break
    case 'committed':
      recoverCommit(turn, op)
      break
    case 'back':
      recoverBack(turn, op)
      break
    case 'stuck':
      break
  }
}

/** Nothing was flipped: what ran goes on running, and the turn must come again. */
function backToWaiting(turn: Turn, op: Op, alive: boolean): void {
  for (const name of ['a', 'b'] as const) {
    const slot = turn.state.slots[name]
    if (slot?.release === op.release) turn.end(name, false)
  }
  const { live, slots } = turn.state
  const mayHaveLetGo = op.state === 'cutover' && op.handover === 'exclusive' && bothSpeak(op)
  if (mayHaveLetGo && isUp(slots[live]?.status)) letGo(turn, live)
  // A daemon that died alone is not the release's doing; a machine that died may be.
  const rehearsals = alive ? Math.max(0, op.rehearsals - 1) : op.rehearsals
  const gen = op.transition ? (op.from?.gen ?? op.gen) : op.gen
  const waiting = {
    state: 'waiting',
    turn: 'no',
    next: null,
    reason: null,
    deadline: null
  } as const
  turn.edge(0, { ...op, ...waiting, rehearsals, gen })
  turn.command({ tag: 'end-shadow', op: op.op })
  // A generation that nothing names is garbage.
  if (op.state === 'cutover') turn.command({ tag: 'discard', op: op.op })
  if (rehearsals >= rehearsalsMax) turn.drop(29, 'rehearsal-loop')
}

/** A process of which nobody knows whether it still is the one in charge. */
function letGo(turn: Turn, name: SlotName): void {
  const slot = turn.state.slots[name]
  if (slot !== null) turn.slot(name, { ...slot, status: 'released' })
}

/** The flip is the point of no return: write `trial` and go forward. */
function goForward(turn: Turn, op: Op): void {
  const { live } = turn.state
  const old = turn.state.slots[other(live)]
  if (op.handover === 'exclusive' && bothSpeak(op) && isUp(old?.status)) letGo(turn, other(live))
  const status = turn.state.slots[other(live)]?.status
  const warm = old?.release === op.from?.release && staysWarm(op, status)
  const stays = warm ? op.warmMs : op.warmMs + op.observeMs
  const trial: Op = { ...op, state: 'trial', next: null, warm, deadline: turn.nowMs + stays }
  turn.set({ undo: null, gcAt: null })
  turn.edge(15, trial)
  resumeTrial(turn, trial)
}

function resumeTrial(turn: Turn, op: Op): void {
  const { live, slots } = turn.state
  const mine = slots[live]
  const warm = isWarm(turn, op)
  if (op.warm && !warm) turn.edge(16, { ...op, warm: false })
  if (mine === null || mine.release !== op.release || mine.status === 'down') {
    const isOver = mine !== null && mine.release === op.release
    // Its start was journaled and never came: it had no chance to serve.
    const isFirst = op.handover === 'exclusive' && !isOver
    if (warm && !isFirst) takeBack(turn, 31, 'exit')
    else startOnTrial(turn)
    return
  }
  // Told again it is the same: a crash may have come before it was told at all.
  if (op.from !== null && op.level === 2 && mine.status === 'starting') turn.takeOver(live)
  else turn.route(live)
  if (!warm) {
    turn.end(other(live), true)
    return
  }
  turn.command({ tag: 'keep', slot: other(live), restart: false })
  if (op.gen === op.from?.gen) turn.command({ tag: 'arm', on: live, to: other(live) })
}

function recoverCommit(turn: Turn, op: Op): void {
  const { pointer } = turn.state
  if (op.next === null || pointer === null) return
  if (pointer.phase === 'committed' && pointer.seq >= op.next.seq) {
    turn.set({ op: { ...op, next: pointer } })
    committed(turn)
  } else turn.flip(op.next)
}

/** Redo from the top: write the pointer again, then go on with what runs. */
function recoverBack(turn: Turn, op: Op): void {
  const { from, next } = op
  if (from === null) return
  if (next === null) {
    empty(turn)
    return
  }
  const goal = slotHolding(turn, from.release)
  const speaks = goal !== null && op.fromLevel === 2 && isUp(turn.state.slots[goal]?.status)
  if (goal !== null && speaks) letGo(turn, goal)
  if (goal !== null && turn.state.slots[goal]?.status === 'healthy') {
    turn.set({ live: goal })
    turn.route(goal)
  }
  turn.flip(next)
}

/** Starts what the pointer names, if it should run and does not. */
function keepRunning(turn: Turn): void {
  const { op, pointer, live, slots, fault } = turn.state
  endStrangers(turn)
  if (pointer === null || op?.state === 'trial' || op?.state === 'back') return
  const slot = slots[live]
  serveAgain(turn)
  if (slot !== null && slot.status !== 'down') {
    if (fault === null) turn.command({ tag: 'keep', slot: live, restart: true })
  }
}

/** A process of a release that the pointer or a hand-over does not speak of has no place here. */
function endStrangers(turn: Turn): void {
  const { op, pointer, slots } = turn.state
  // A recovery that died before it ended the new version left it running beside a waiting op.
  const handing = op !== null && !isBefore(op.state, 'cutover')
  const known = [pointer?.release, op?.from?.release, handing ? op.release : undefined]
  for (const name of ['a', 'b'] as const) {
    const slot = slots[name]
    if (slot !== null && !known.includes(slot.release)) turn.end(name, true)
  }
  const extra = slots[other(turn.state.live)]
  if (op === null && extra !== null) turn.end(other(turn.state.live), true)
}

function isWarm(turn: Turn, op: Op): boolean {
  const old = turn.state.slots[other(turn.state.live)]
  return op.warm && isUp(old?.status) && old?.release === op.from?.release
}

function slotHolding(turn: Turn, release: string): SlotName | null {
  const held = (slot: Slot | null): boolean => slot?.release === release
  return held(turn.state.slots.a) ? 'a' : held(turn.state.slots.b) ? 'b' : null
}
