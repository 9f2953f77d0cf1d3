import * as fc from 'fast-check'
import test from 'brittle'
import { Matches } from '../../lib/artifact/patch/match.ts'
import { parse } from '../../lib/artifact/patch/parse.ts'
import { suffixArray } from '../../lib/artifact/patch/suffix.ts'
import { concat, isOtaError, type Bytes } from '../../lib/base/index.ts'
import { noise } from '../artifact/trees.ts'
import { known, pairsFor } from './delta/pairs.ts'
import { table } from './delta/report.ts'
import type { Row } from './delta/rows.ts'
import { bestOther, geometricMean, judge } from './delta/targets.ts'

test('pairs are named by their id, or as two versions from a registry', (t) => {
  t.alike(
    pairsFor(['P5', '@a/b@1.0.0..1.1.0', 'deb:libssl3@3.0.1-1~u2..3.0.2-1'], false).map(
      ({ from, name, old, now }) => [from, name, old, now]
    ),
    [
      ['npm', '@rollup/rollup-linux-x64-gnu', '4.68.6', '4.68.7'],
      ['npm', '@a/b', '1.0.0', '1.1.0'],
      ['debian', 'libssl3', '3.0.1-1~u2', '3.0.2-1']
    ]
  )
  t.is(pairsFor([], false).length, 4, 'a quick set unless told')
  t.is(pairsFor([], true), known)
  for (const word of ['P99', 'a@1', 'a@1..', '1..2']) {
    try {
      pairsFor([word], false)
      t.fail(`${word} was taken`)
    } catch (error) {
      t.ok(isOtaError(error, 'USAGE'), `${word} is refused`)
    }
  }
})

/** A pair of which everything was measured, with these patch bytes. */
function row(id: string, patchBytes: number): Row {
  const pair = known.find((one) => one.id === id)
  if (pair === undefined) throw new Error(id)
  const yard = { tar: 2e6, zstd: 8e5, zstdLevel: 19, dedupe: 8e5, xdelta: null }
  const others = { patchFrom: 331_974, bsdiff: 336_501 }
  const making = { changedBytes: 1e7, changedFiles: 2, sourceBytes: 1e7, files: 3 }
  const costs = { windowBytes: 1e7, cpuS: 8, rssBytes: 2e8 }
  const speeds = { scanSpeed: 300, q5Speed: 50, q11Speed: 1 }
  const applying = { madeBytes: 2e7, applyS: 0.1, wholeS: 1, wholeCpuS: 1, rssBytes: 3e7 }
  return {
    pair,
    yard: { ...yard, ...others },
    making: { ...making, ...costs, ...speeds, patchBytes },
    applying: { ...applying, writtenBytes: 2e7 },
    published: null,
    identities: [
      { digest: 'd', key: 'k', node: 'v20' },
      { digest: 'd', key: 'k', node: 'v24' }
    ]
  }
}

const verdict = (rows: readonly Row[], id: string): boolean | null | undefined =>
  judge(rows).find((one) => one.id === id)?.isMet

test('a target is met, not met, or not measured', (t) => {
  t.is(bestOther(row('P5', 1))?.name, 'HDiffPatch')
  t.is(verdict([row('P5', 270_000)], 'T1'), true)
  t.is(verdict([row('P5', 290_000)], 'T1'), false)
  t.is(verdict([row('P5', 270_000)], 'T2'), null, 'one pair is not the mean of seven')
  const seven = ['P1', 'P3', 'P4', 'P5', 'P11', 'D1', 'D2']
  t.is(
    verdict(
      seven.map((id) => row(id, 200_000)),
      'T2'
    ),
    true
  )
  t.is(
    verdict(
      seven.map((id) => row(id, 230_000)),
      'T2'
    ),
    false
  )
  t.is(verdict([row('P5', 270_000)], 'T3'), true)
  t.is(verdict([row('P5', 320_000)], 'T3'), false, 'more than 1.10 of the best')
  t.is(verdict([row('P5', 270_000)], 'T4'), null, 'a pair of the list shows nothing of others')
  t.is(verdict([row('P5', 270_000)], 'T6'), null, 'nothing was fetched')
  const [one] = [row('P5', 270_000)]
  t.is(verdict([one], 'T13'), true)
  const other = { digest: 'd', key: 'other', node: 'v24' }
  t.is(verdict([{ ...one, identities: [...one.identities, other] }], 'T13'), false)
  t.is(judge([]).length, 17)
  t.ok(
    judge([]).every(({ isMet }) => isMet === null),
    'without a pair nothing is said'
  )
})

test('a table keeps its columns', (t) => {
  const lines = table(
    ['pair', 'bytes'],
    [
      ['P5', 271_875],
      ['P10', null]
    ]
  ).split('\n')
  t.alike(lines, ['pair    bytes', '----  -------', 'P5    271,875', 'P10         -'])
  t.is(geometricMean([2, 8]).toFixed(6), '4.000000')
})

test('of equal matches the near one is taken', (t) => {
  const [phrase, gap] = [noise(40, 3), noise(5_000, 4)]
  const source = concat([phrase, gap, phrase, gap, phrase])
  const matches = new Matches(source, phrase, suffixArray(source))
  for (const [wanted, at] of [
    [-7, 0],
    [4_000, 5_040],
    [9_999, 10_080]
  ] as const) {
    t.is(matches.nearest(0, wanted), at)
  }
})

test('the near match is a longest one, and however far ones are priced the target is made', (t) => {
  const text = fc.uint8Array({ minLength: 1, maxLength: 200, max: 3 })
  fc.assert(
    fc.property(text, text, fc.nat(220), (source, target, wanted) => {
      const matches = new Matches(source, target, suffixArray(source))
      for (const k of target.keys()) {
        const size = matches.size(k)
        const near = matches.nearest(k, wanted)
        const isFarther = Math.abs(near - wanted) > Math.abs(matches.at(k) - wanted)
        if (isFarther || !isEqual(source, near, target.subarray(k, k + size))) return false
      }
      return [0, 0.5, 2].every((perBit) => {
        const ops = parse(matches, 2, perBit)
        const made = ops.reduce((sum, { copy, extra }) => sum + copy + extra, 0)
        return made === target.length && ops.every(({ copy, extra }) => copy + extra > 0)
      })
    }),
    { numRuns: 300 }
  )
  t.pass('300 pairs of texts')
})

function isEqual(source: Bytes, at: number, part: Bytes): boolean {
  return part.every((byte, i) => source[at + i] === byte)
}
