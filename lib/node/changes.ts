import { toHex, type Bytes, type Code, type Facts } from '../base/index.ts'
import type { Command } from '../cutover/index.ts'
import type { Decision } from '../rollout/index.ts'
import { toName } from '../trust/index.ts'

/** One event for those who listen. */
export interface Told {
  readonly event: string
  readonly facts: Facts
}

/** What a decision says that the one before did not: another stage, a halt, a completion. */
export function changesOf(before: Decision | null, after: Decision): readonly Told[] {
  const told: Told[] = []
  const { phase, stage, release } = after.view
  if (before?.view.phase !== phase || before.view.stage !== stage) {
    const name = release === null ? null : toName(release)
    told.push({ event: 'rollout', facts: { release: name, phase, stage } })
  }
  for (const id of newIn(after.halted, before?.halted)) {
    told.push({ event: 'halted', facts: { release: toName(id) } })
  }
  for (const id of newIn(after.completed, before?.completed)) {
    told.push({ event: 'completed', facts: { release: toName(id) } })
  }
  return told
}

/** `stuck`: the way back failed as well. `kept`: it should go, and there is no way back. */
export function alarmCode({ what }: Extract<Command, { tag: 'alarm' }>): Code {
  return what === 'stuck' ? 'TAKE_BACK_FAILED' : 'NOTHING_PERMITTED'
}

function newIn(after: readonly Bytes[], before: readonly Bytes[] = []): readonly Bytes[] {
  const held = new Set(before.map(toHex))
  return after.filter((id) => !held.has(toHex(id)))
}
