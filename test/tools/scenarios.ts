import { readdirSync, readFileSync } from 'node:fs'
import { strip } from './scan.ts'

export const attacksPage = 'docs/attacks.md'

/** Paths of the TypeScript files below a folder. */
export function typescript(top: string): readonly string[] {
  const names = readdirSync(top, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${top}/${name}`)
}

/**
 * Test files by the scenarios that the names of their tests say, as in `S41 an older release …`.
 */
export function shownBy(): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>()
  for (const path of typescript('test').toSorted()) {
    if (!path.endsWith('.test.ts')) continue
    const code = strip(readFileSync(path, 'utf8'), 'comments')
    const names = [...code.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs)]
    const numbers = names.flatMap((name) => [...(name[2] ?? '').matchAll(/\bS(\d+)\b/g)])
    for (const number of new Set(numbers.map((match) => Number(match[1])))) {
      found.set(number, [...(found.get(number) ?? []), path])
    }
  }
  return found
}

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
