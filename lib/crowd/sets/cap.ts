/** Enrolled and failed nodes of one operator, in both arms of a rollout. */
export interface OperatorCount {
  readonly label: string
  readonly treated: number
  readonly treatedFailed: number
  readonly controls: number
  readonly controlsFailed: number
}

/** Failures that one operator may count for. */
export interface Cap {
  readonly treated: number
  readonly controls: number
}

/** The cap works where there are operators to compare (docs/gate.md §6). */
export const operatorsMin = 5

/**
 * How many failures each operator may count for: the share that is signed, unless the typical
 * operator sees the failures too. The median term is needed: with 1 % alone a crash of everybody
 * in a fleet of five operators counts as 5 % (S102).
 */
export function operatorCaps(
  operators: readonly OperatorCount[],
  capPpm: number
): ReadonlyMap<string, Cap> {
  const sum = (pick: (one: OperatorCount) => number) =>
    operators.reduce((all, one) => all + pick(one), 0)
  const n = sum((one) => one.treated)
  const nC = sum((one) => one.controls)
  const floor = Math.max(1, Math.floor((n * capPpm) / 1_000_000))
  const median = medianRate(operators)
  const out = new Map<string, Cap>()
  for (const { label, treated, controls } of operators) {
    const typical = (size: number) =>
      median === null ? 0 : Math.ceil((median.treatedFailed * size) / median.treated)
    out.set(label, {
      treated: Math.max(floor, typical(treated)),
      controls: Math.max(n === 0 ? 0 : Math.ceil((floor * nC) / n), typical(controls))
    })
  }
  return out
}

/** Lower median of the treated failure rates, compared crosswise; ties by label. */
function medianRate(operators: readonly OperatorCount[]): OperatorCount | null {
  const rated = operators
    .filter((one) => one.treated > 0)
    .toSorted(
      (a, b) =>
        a.treatedFailed * b.treated - b.treatedFailed * a.treated || (a.label < b.label ? -1 : 1)
    )
  return rated[Math.floor((rated.length - 1) / 2)] ?? null
}
