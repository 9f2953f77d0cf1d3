import type { CheckResult, StateRules } from '../../records/index.ts'

/** One side of a transition: what its version declares and what its check counted. */
export interface Side {
  readonly rules: StateRules
  /** Null where that version has no check. */
  readonly found: CheckResult | null
}

/** Why a check does not count, in words; null: it does. */
export function resultFault({ rules, found }: Side): string | null {
  if (found === null) return null
  if (found.schema !== rules.schema) {
    return `the check found schema ${found.schema}, the version has ${rules.schema}`
  }
  for (const name of found.kinds.keys()) {
    if (!rules.kinds.has(name)) return `the check found kind "${name}", which nobody declares`
  }
  for (const [name, { is }] of rules.kinds) {
    if (is === 'durable' && !found.kinds.has(name)) return `the check did not count kind "${name}"`
  }
  return null
}

/**
 * What was lost between an old state and the new one, in words; null: every durable kind is
 * accounted for. The version that declares the new state says how its counts may change; a kind
 * that only the other knows may go where `mayGo` says so.
 */
export function lostKind(
  before: Side,
  after: Side,
  mayGo: (name: string) => boolean
): string | null {
  for (const [name, old] of before.rules.kinds) {
    if (old.is !== 'durable' || mayGo(name)) continue
    const rule = after.rules.kinds.get(name)
    if (rule === undefined) return `kind "${name}" is neither kept nor retired`
    if (rule.is === 'inPlace') continue
    const now = after.found?.kinds.get(name)
    if (now === undefined) return `kind "${name}" is gone`
    const was = before.found?.kinds.get(name)
    if (was === undefined || rule.count === 'any') continue
    const isFewer = now.count < was.count
    if (isFewer || (rule.count === 'same' && now.count !== was.count)) {
      return `kind "${name}" counted ${was.count} before and ${now.count} after`
    }
    const isOther = rule.count === 'same' && was.hash !== null && now.hash !== null
    if (isOther && was.hash !== now.hash) return `kind "${name}" is not what it was`
  }
  return null
}
