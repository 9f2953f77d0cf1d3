import { readdirSync, readFileSync } from 'node:fs'
import { strip } from './scan.ts'

export const attacksPage = 'docs/attacks.md'

/** Paths of the TypeScript files below a folder. */
export function typescript(top: string): readonly string[] {
  const names = readdirSync(top, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${top}/${name}`)
}

/** A test, by the file it lies in and the sentence that names it. */
export interface Named {
  readonly path: string
  readonly name: string
  /** Scenarios that the sentence says, as in `S41 an older release …`. */
  readonly scenarios: readonly number[]
}

/** Every test whose name says a scenario, in the order of the sources. */
export function namedTests(): readonly Named[] {
  const found: Named[] = []
  for (const path of typescript('test').toSorted()) {
    if (!path.endsWith('.test.ts')) continue
    const code = strip(readFileSync(path, 'utf8'), 'comments')
    for (const match of code.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs)) {
      const name = match[2] ?? ''
      const numbers = [...name.matchAll(/\bS(\d+)\b/g)].map((one) => Number(one[1]))
      if (numbers.length > 0) found.push({ path, name, scenarios: [...new Set(numbers)] })
    }
  }
  return found
}

/** Test files by the scenarios that the names of their tests say. */
export function shownBy(): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>()
  for (const { path, scenarios } of namedTests()) {
    for (const number of scenarios) {
      const paths = found.get(number) ?? []
      if (!paths.includes(path)) found.set(number, [...paths, path])
    }
  }
  return found
}

/** Numbers as people write them: `S1-S3 S7`. */
export function ranges(numbers: readonly number[]): string {
  const parts: string[] = []
  const sorted = numbers.toSorted((a, b) => a - b)
  for (let at = 0; at < sorted.length; at++) {
    const first = sorted[at]!
    while (sorted[at + 1] === sorted[at]! + 1) at++
    const last = sorted[at]!
    parts.push(first === last ? `S${first}` : `S${first}-S${last}`)
  }
  return parts.join(' ')
}

/** How many rows of the page are shown by tests now, in one line; which of `scope` are not. */
export function scenarioLine(page: string, scope: readonly number[]): string {
  const all = [...rowsOf(page).keys()]
  const tests = namedTests()
  const shown = new Set(tests.flatMap(({ scenarios }) => scenarios))
  const count = all.filter((number) => shown.has(number)).length
  const missing = scope.filter((number) => !shown.has(number))
  const rest = missing.length === 0 ? 'all shown' : `missing ${ranges(missing)}`
  return (
    `scenarios: ${count} of ${all.length} shown by ${tests.length} tests; ` +
    `${ranges(scope)}: ${rest}`
  )
}

const upTo = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

/** Scenarios of trust and authority: every one of them has its test. */
export const ofTrust: readonly number[] = [
  ...upTo(1, 48),
  ...upTo(54, 56),
  58,
  59,
  65,
  66,
  ...upTo(91, 101),
  103,
  104
]
const row = /^(\| S(\d+) *\|.*\|)([^|]*)\|$/gm

/** The rows of the page: number of the scenario and the test files it names. */
export function rowsOf(page: string): ReadonlyMap<number, readonly string[]> {
  const found = [...page.matchAll(row)].map((match) => {
    const files = [...(match[3] ?? '').matchAll(/`([^`]+)`/g)].map((name) => `test/${name[1]}`)
    return [Number(match[2]), files] as const
  })
  return new Map(found)
}

/** The page with the last column of each row as the tests are now. */
export function withTests(page: string): string {
  const shown = shownBy()
  return page.replaceAll(row, (_, start: string, number: string) => {
    const files = (shown.get(Number(number)) ?? []).map((path) => `\`${path.slice(5)}\``)
    return `${start} ${files.join(' ')} |`
  })
}
