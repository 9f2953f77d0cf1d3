import type { StateRules } from './types.ts'

/** What is known of the state a release would meet. */
export interface StateBefore {
  readonly schema: number
  /** Null where nothing but the schema is known any more. */
  readonly rules: StateRules | null
}

/**
 * Why a release may not follow on this state, in words; empty: it may. A new kind of data is free;
 * one that goes must be named in `retired`, and another schema in `from`.
 */
export function stateFaults(before: StateBefore, after: StateRules): readonly string[] {
  const faults: string[] = []
  const { schema } = before
  if (after.class !== 'none' && schema !== after.schema && !after.from.includes(schema)) {
    const from = after.from.length === 0 ? 'none' : after.from.join(', ')
    faults.push(`state schema ${schema} is not among those it goes on from (${from})`)
  }
  for (const [name, { is }] of before.rules?.kinds ?? []) {
    if (is === 'ephemeral' || after.retired.includes(name)) continue
    const kept = after.kinds.get(name)
    if (kept === undefined) faults.push(`kind "${name}" of the state is neither kept nor retired`)
    else if (kept.is === 'ephemeral') faults.push(`kind "${name}" of the state becomes ephemeral`)
  }
  return faults
}
