import type { Event, State } from '../cutover/index.ts'
import type { Act, Decision } from '../rollout/index.ts'
import {
  compareOrder,
  fromName,
  refusals,
  releaseOf,
  toName,
  type Believed
} from '../trust/index.ts'

/**
 * What the upgrade machine is told after a decision, in order. Nothing is told that it knows: an
 * event without effect would be a line in the log at every look.
 */
export function ordersOf(decision: Decision, state: State, believed: Believed): readonly Event[] {
  // A journal that cannot be read takes nothing new.
  if (state.fault !== null) return floorOrders(state, believed)
  return [
    ...floorOrders(state, believed),
    ...haltOrders(decision, state, believed),
    ...endOrders(decision, state, believed),
    ...actOrders(decision.act, state, believed)
  ]
}

/** The version one would go back to may lie below a floor by now (S102). */
function floorOrders(state: State, believed: Believed): readonly Event[] {
  const prev = state.pointer?.prev?.release
  const said = prev === undefined ? null : refusals(believed, fromName(prev))
  const barred = prev !== undefined && said !== null && said.floor !== null ? [prev] : []
  // Aborted as well: not even a version that does not stay up leads back to it.
  const dead = said !== null && said.aborted.length > 0 ? barred : []
  const isKnown = barred.join() === state.barred.join() && dead.join() === state.dead.join()
  return isKnown ? [] : [{ tag: 'floor', barred, dead }]
}

function haltOrders({ halted }: Decision, state: State, believed: Believed): readonly Event[] {
  const events: Event[] = []
  const names = halted.map((id) => toName(id))
  for (const id of halted) {
    const release = toName(id)
    const why = refusals(believed, id).aborted.length > 0 ? 'aborted' : 'halted'
    const isOp = state.op?.release === release
    const isNoted = state.quarantine.some(
      (entry) => entry.active && entry.why === 'fleet' && entry.release === release
    )
    const isNews = isOp ? isStoppable(state) : !isNoted && state.pointer?.release !== release
    if (isNews) {
      events.push({ tag: 'halted', release, why })
    }
  }
  for (const { release, why, active } of state.quarantine) {
    // Lifted by a quorum: what was seen here stays, what the fleet said goes (S78).
    const isLifted = active && why === 'fleet' && !names.includes(release)
    if (isLifted) events.push({ tag: 'resume', release, by: 'quorum' })
  }
  const { undo } = state
  if (undo !== null && undo.why !== 'operator' && !names.includes(undo.release)) {
    events.push({ tag: 'resume', release: undo.release, by: 'quorum' })
  }
  return events
}

function endOrders({ completed }: Decision, state: State, believed: Believed): readonly Event[] {
  const events: Event[] = []
  for (const id of completed) {
    const release = toName(id)
    const isRunning = state.pointer?.release === release && state.lastGood !== release
    const mayRetry = state.quarantine.some(
      (entry) =>
        entry.active &&
        entry.why === 'own' &&
        entry.release === release &&
        entry.code !== 'operator' &&
        entry.tries < 2
    )
    if (isRunning || mayRetry) events.push({ tag: 'completed', release })
  }
  for (const release of endedBy(believed)) {
    const isOp = state.op?.release === release && isEarly(state)
    const isPrevious = state.pointer?.release === release && state.pointer.prev !== null
    if (isOp || (isPrevious && state.gcAt === null)) events.push({ tag: 'superseded', release })
  }
  return events
}

/** Releases that a newer one supersedes or fixes, each once. */
function endedBy(believed: Believed): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { body } of believed.releases) {
    const ended = body.supersedes ?? body.fixes
    const known = ended === null ? null : releaseOf(believed, ended)
    if (known !== null && compareOrder(body, known.body) > 0) names.add(toName(known.id))
  }
  return names
}

function actOrders(act: Act, state: State, believed: Believed): readonly Event[] {
  switch (act.tag) {
    case 'wait':
      return []
    case 'fetch':
      return wantOrders(toName(act.release), state, believed)
    case 'upgrade': {
      const release = toName(act.release)
      const { op } = state
      const isReady = op?.release === release && op.state === 'waiting' && op.turn === 'no'
      // Blocked: the machine is looked at again at the op's own time.
      if (isReady && op.deadline !== null) return []
      return isReady ? [{ tag: 'go', release }] : wantOrders(release, state, believed)
    }
    case 'undo': {
      const release = toName(act.release)
      const isKnown = state.undo?.release === release || state.pointer?.release !== release
      const isGoing = state.op?.state === 'back' || state.op?.state === 'stuck'
      return isKnown || isGoing ? [] : [{ tag: 'undo', release, atMs: act.atMs, why: act.why }]
    }
    default:
      return []
  }
}

function wantOrders(release: string, state: State, believed: Believed): readonly Event[] {
  const { op, pointer, quarantine } = state
  if (pointer?.release === release || op?.release === release) return []
  if (op !== null && op.state !== 'stuck' && !isEarly(state)) return []
  const known = releaseOf(believed, fromName(release))
  if (known === null) return []
  const events: Event[] = []
  // The one retry of a plan whose first failure waits for it (docs/gate.md, small).
  const isOwn = quarantine.some(
    (entry) => entry.active && entry.why === 'own' && entry.release === release
  )
  if (isOwn) events.push({ tag: 'retry', release })
  // An older release that was fetched and never had its turn makes room.
  if (op !== null && op.state !== 'stuck') events.push({ tag: 'superseded', release: op.release })
  return [...events, { tag: 'want', release, kind: known.body.kind }]
}

/** Nothing of the op under way has been flipped. */
function isStoppable(state: State): boolean {
  return isEarly(state) || (state.op?.state === 'cutover' && state.op.next === null)
}

/** The op under way has not begun its hand-over. */
function isEarly({ op }: State): boolean {
  const later = ['cutover', 'trial', 'committed', 'back', 'stuck']
  return op !== null && !later.includes(op.state)
}
