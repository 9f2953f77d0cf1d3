import { readdirSync, readFileSync } from 'node:fs'
import test from 'brittle'
import { EXIT } from '../lib/base/index.ts'
import { strip } from './tools/scan.ts'

const codes: readonly string[] = Object.keys(EXIT)
/** Below this the guard read the wrong list. */
const codesLeast = 30

const literal = /['"`](?:[a-z]+ )?([A-Z][A-Z_]+)['"`]/g

/**
 * Codes that stand as a literal in some TypeScript file below `top`, `except` left out; a verdict's
 * tag may stand before it, as in `'refused BAD_KEY'`.
 */
function codesIn(top: string, except: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const name of readdirSync(top, { recursive: true, encoding: 'utf8' })) {
    const path = `${top}/${name}`
    if (!path.endsWith('.ts') || path === except) continue
    const code = strip(readFileSync(path, 'utf8'), 'comments')
    for (const match of code.matchAll(literal)) found.add(match[1] ?? '')
  }
  return found
}

/** Rows of the error table in the README: code and exit number. */
function readmeRows(readme: string): readonly (readonly [string, number])[] {
  const rows = readme.matchAll(/^\| `([A-Z_]+)` *\| (\d+) *\| \S.*\|$/gm)
  return [...rows].map((row) => [row[1] ?? '', Number(row[2])] as const)
}

test('every code is raised somewhere', (t) => {
  const raised = codesIn('lib', 'lib/base/codes.ts')
  const never = codes.filter((code) => !raised.has(code))
  t.comment(`checked ${codes.length} codes; never raised: ${never.join(' ') || 'none'}`)
  t.alike(never, [])
  t.ok(codes.length >= codesLeast, `${codes.length} codes, at least ${codesLeast}`)
})

test('every code is met in a test', (t) => {
  const met = codesIn('test', 'test/errors.test.ts')
  const never = codes.filter((code) => !met.has(code))
  t.comment(`checked ${codes.length} codes; in no test: ${never.join(' ') || 'none'}`)
  t.alike(never, [])
})

test('the README explains exactly these codes, with their exit numbers', (t) => {
  const rows = readmeRows(readFileSync('README.md', 'utf8'))
  const documented = new Map(rows)
  t.is(documented.size, rows.length, 'no code has two rows')
  t.alike([...documented.keys()].toSorted(), codes.toSorted(), 'the same codes')
  const wrong = Object.entries(EXIT).filter(([code, exit]) => documented.get(code) !== exit)
  t.alike(wrong, [], 'the same exit numbers')
  t.comment(`checked ${rows.length} rows of the README`)
  t.ok(rows.length >= codesLeast, 'the table was found')
})

test('the guard sees a code in code, and not one in a comment', (t) => {
  const code = strip("throw new OtaError('HELD', 'x') // 'STALE'", 'comments')
  t.ok(code.includes("'HELD'"))
  t.absent(code.includes('STALE'))
  t.alike(readmeRows('| `HELD` | 17 | held |\n| `HELD` | x | held |\n'), [['HELD', 17]])
})
