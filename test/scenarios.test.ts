import { readFileSync } from 'node:fs'
import test from 'brittle'
import {
  attacksPage,
  namedTests,
  ofTrust,
  ranges,
  rowsOf,
  scenarioLine
} from './tools/scenarios.ts'

const page = readFileSync(attacksPage, 'utf8')

test('every scenario of trust has a test that carries its number', (t) => {
  const shown = new Set(namedTests().flatMap(({ scenarios }) => scenarios))
  const missing = ofTrust.filter((number) => !shown.has(number))
  t.is(ranges(missing), '')
  t.comment(scenarioLine(page, ofTrust))
})

test('the line that counts scenarios counts the rows of the page and the names of tests', (t) => {
  const line = scenarioLine(page, ofTrust)
  const [, count, all, tests] = /^scenarios: (\d+) of (\d+) shown by (\d+) tests; /.exec(line) ?? []
  const rows = rowsOf(page)
  t.is(Number(all), rows.size)
  t.is(Number(count), [...rows.values()].filter((files) => files.length > 0).length)
  t.is(Number(tests), namedTests().length)
  t.ok(Number(tests) > Number(count), 'some scenarios have several tests')
  t.ok(line.endsWith(': all shown'), line)
})

test('numbers are told as ranges', (t) => {
  t.is(ranges([1, 2, 3, 7, 9, 10]), 'S1-S3 S7 S9-S10')
  t.is(ranges([]), '')
  t.is(scenarioLine(page, [1, 2_000]).split('; ')[1], 'S1 S2000: missing S2000')
})
