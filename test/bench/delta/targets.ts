import type { Row } from './rows.ts'
import { tools as otherTools } from './yardsticks.ts'

/** One target of the specification and what came of it. */
export interface Judged {
  readonly id: string
  readonly what: string
  /** Null: nothing of this run says so. */
  readonly isMet: boolean | null
  readonly figure: string
  /** Bytes that do not depend on the machine: missing such a target fails the run. */
  readonly isClaimed: boolean
}

type Found = Pick<Judged, 'isMet' | 'figure'>

const nothing: Found = { isMet: null, figure: 'not measured in this run' }
const aside = 64 * 2 ** 20
/** Making and applying less than this says nothing of a speed. */
const madeFrom = 5e6
const appliedFrom = 10e6
const overheadFrom = 1e6
const nativePairs = ['P1', 'P3', 'P4', 'P5', 'P11', 'D1', 'D2']

function claimed(id: string, what: string, found: Found): Judged {
  return { id, what, ...found, isClaimed: true }
}

function timed(id: string, what: string, found: Found): Judged {
  return { id, what, ...found, isClaimed: false }
}

/** T1 to T14, in order. */
export function judge(rows: readonly Row[]): readonly Judged[] {
  const listed = rows.filter(({ pair }) => pair.anchor !== undefined)
  const others = rows.filter(({ pair }) => pair.anchor === undefined)
  return [
    claimed('T1', 'patch of the pair before, each <= 1.05 x prototype + 64 B', prototype(listed)),
    claimed('T2', 'geometric mean of native pairs / zstd --patch-from <= 0.65', native(rows)),
    claimed('T3', 'best other tool: geometric mean <= 0.95, none > 1.10', best(listed)),
    claimed('T4', 'the same on pairs nobody tuned for', best(others)),
    claimed('T5', 'chunks from the pair before <= 1.20 x cdc64; P9 <= 1.9 MB', chunks(listed)),
    claimed(
      'T6',
      'first install, the cheaper way <= 1.00 x zstd -19 of the tar',
      firstInstall(rows)
    ),
    timed(
      'T7',
      'scan, cut and hash >= 250 MB/s',
      speed(rows, (one) => one.making.scanSpeed, 250)
    ),
    timed(
      'T8',
      'chunks at q5 >= 45 MB/s',
      speed(rows, (one) => one.making.q5Speed, 45)
    ),
    timed(
      'T8',
      'streams at q11 >= 0.7 MB/s',
      speed(rows, (one) => one.making.q11Speed, 0.7)
    ),
    timed('T9', 'making >= 0.9 MB changed per core second', making(rows)),
    timed('T9', 'making <= 26 B of memory per window byte', makingMemory(rows)),
    timed('T10', 'applying >= 80 MB/s per core', applying(rows)),
    timed('T10', 'applying in 64 MiB + 2 windows', applyingMemory(rows)),
    timed('T11', 'next from the one before in 2.5 s, 40.8 MB written', materialised(rows)),
    timed('T12', 'wire over chunks <= 1 %, over patches of 1 MB and more <= 0.2 %', overhead(rows)),
    claimed('T13', 'same identity whatever times, umask, order and Node', same(rows)),
    timed('T14', 'mutated patches', { isMet: null, figure: 'npm run test:artifact shows it' })
  ]
}

/** Smallest of all other tools: those that ran, and the fixed figure of HDiffPatch. */
export function bestOther({ pair, yard }: Row): { name: string; bytes: number } | null {
  const found = [
    { name: 'patch-from', bytes: yard.patchFrom },
    { name: 'bsdiff', bytes: yard.bsdiff },
    { name: 'xdelta3', bytes: yard.xdelta },
    { name: 'HDiffPatch', bytes: pair.anchor?.hdiff ?? null }
  ]
  return found.reduce<{ name: string; bytes: number } | null>(
    (least, { name, bytes }) =>
      bytes === null || (least !== null && least.bytes <= bytes) ? least : { name, bytes },
    null
  )
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

interface Value {
  readonly id: string
  readonly value: number
}

function valuesOf(rows: readonly Row[], pick: (row: Row) => number | null): readonly Value[] {
  return rows.flatMap((row) => {
    const value = pick(row)
    return value === null ? [] : [{ id: row.pair.id, value }]
  })
}

const said = ({ id, value }: Value, digits = 2): string => `${id} ${value.toFixed(digits)}`

function extreme(values: readonly Value[], which: 'most' | 'least'): Value | null {
  const sorted = values.toSorted((a, b) => a.value - b.value)
  return (which === 'most' ? sorted.at(-1) : sorted[0]) ?? null
}

function prototype(rows: readonly Row[]): Found {
  const ratios = valuesOf(rows, ({ pair, making: { patchBytes } }) =>
    pair.anchor === undefined ? null : (patchBytes - 64) / pair.anchor.ours
  )
  const worst = extreme(ratios, 'most')
  if (worst === null) return nothing
  return { isMet: worst.value <= 1.05, figure: `${ratios.length} pairs, most ${said(worst, 3)}` }
}

function native(rows: readonly Row[]): Found {
  const ratios = valuesOf(rows, ({ pair, making: { patchBytes }, yard: { patchFrom } }) =>
    nativePairs.includes(pair.id) && patchFrom !== null ? patchBytes / patchFrom : null
  )
  if (ratios.length === 0) return nothing
  const mean = geometricMean(ratios.map(({ value }) => value))
  // a mean of some pairs is another figure
  const isWhole = ratios.length === nativePairs.length
  const figure = `${mean.toFixed(3)} over ${isWhole ? 'all seven' : `only ${names(ratios)}`}`
  return { isMet: isWhole ? mean <= 0.65 : null, figure }
}

const names = (values: readonly Value[]): string => values.map(({ id }) => id).join(' ')

function best(rows: readonly Row[]): Found {
  const ratios = valuesOf(rows, (row) => {
    const other = bestOther(row)
    return other === null ? null : row.making.patchBytes / other.bytes
  })
  const worst = extreme(ratios, 'most')
  if (worst === null) return nothing
  const mean = geometricMean(ratios.map(({ value }) => value))
  const figure = `mean ${mean.toFixed(3)} over ${ratios.length} pairs, most ${said(worst, 3)}`
  return { isMet: mean <= 0.95 && worst.value <= 1.1, figure: `${figure}${missing()}` }
}

let missingTools: readonly string[] = []

/** Says once which tools the run does without. */
export function without(absent: readonly string[]): void {
  missingTools = absent.filter((name) => (otherTools as readonly string[]).includes(name))
}

function missing(): string {
  return missingTools.length === 0 ? '' : ` (without ${missingTools.join(', ')})`
}

function chunks(rows: readonly Row[]): Found {
  const shares = valuesOf(rows, ({ pair, published }) => {
    if (published?.chunkBytes == null) return null
    const bytes = published.chunkBytes - published.headBytes
    if (pair.id === 'P9') return bytes / 1.9e6
    return pair.anchor?.cdc === undefined ? null : bytes / pair.anchor.cdc / 1.2
  })
  const worst = extreme(shares, 'most')
  if (worst === null) return nothing
  const figure = shares.map((share) => said(share)).join(', ')
  return { isMet: worst.value <= 1, figure: `share of the limit: ${figure}` }
}

function firstInstall(rows: readonly Row[]): Found {
  const ratios = valuesOf(rows, ({ published, yard }) => {
    if (published === null || yard.zstd === null || yard.zstdLevel !== 19) return null
    return Math.min(published.treeBytes, published.solidBytes ?? Infinity) / yard.zstd
  })
  const worst = extreme(ratios, 'most')
  if (worst === null) return nothing
  return { isMet: worst.value <= 1, figure: `${ratios.length} pairs, most ${said(worst)}` }
}

function speed(rows: readonly Row[], pick: (row: Row) => number | null, least: number): Found {
  const slowest = extreme(valuesOf(rows, pick), 'least')
  if (slowest === null) return nothing
  return { isMet: slowest.value >= least, figure: `slowest ${said(slowest, 1)} MB/s` }
}

function making(rows: readonly Row[]): Found {
  return speed(
    rows.filter(({ making: { changedBytes } }) => changedBytes >= madeFrom),
    ({ making: { changedBytes, cpuS } }) => changedBytes / cpuS / 1e6,
    0.9
  )
}

function makingMemory(rows: readonly Row[]): Found {
  const most = extreme(
    valuesOf(rows, ({ making: { windowBytes, rssBytes } }) =>
      windowBytes >= madeFrom ? rssBytes / windowBytes : null
    ),
    'most'
  )
  if (most === null) return nothing
  return { isMet: most.value <= 26, figure: `most ${said(most, 1)} B above the process at rest` }
}

function applying(rows: readonly Row[]): Found {
  return speed(
    rows,
    ({ applying: { madeBytes, applyS } }) =>
      madeBytes > appliedFrom ? madeBytes / applyS / 1e6 : null,
    80
  )
}

function applyingMemory(rows: readonly Row[]): Found {
  const shares = valuesOf(rows, ({ applying: { rssBytes }, making: { windowBytes } }) =>
    windowBytes >= madeFrom ? rssBytes / (aside + 2 * windowBytes) : null
  )
  const most = extreme(shares, 'most')
  if (most === null) return nothing
  return { isMet: most.value <= 1, figure: `share of the limit: most ${said(most)}` }
}

function materialised(rows: readonly Row[]): Found {
  const row = rows.find(({ pair }) => pair.id === 'P9')
  if (row === undefined) return nothing
  const { changedBytes, files } = row.making
  const { wholeS, writtenBytes } = row.applying
  // folders and inodes are written as well
  const written = writtenBytes === null ? '' : `, ${(writtenBytes / 1e6).toFixed(1)} MB written`
  const isMet =
    wholeS <= 2.5 && (writtenBytes === null || writtenBytes <= changedBytes + 1_024 * files)
  return { isMet, figure: `${wholeS.toFixed(1)} s${written}` }
}

/** What went over the wire beyond `bytes`, in per cent of them. */
function over(wire: { readonly down: number; readonly up: number }, bytes: number): number {
  return (100 * (wire.down + wire.up - bytes)) / bytes
}

function overhead(rows: readonly Row[]): Found {
  const chunk = extreme(
    valuesOf(rows, ({ published }) => {
      const bytes = published?.chunkBytes ?? 0
      return published === null || bytes < overheadFrom ? null : over(published.chunks, bytes)
    }),
    'most'
  )
  const patch = extreme(
    valuesOf(rows, ({ published }) => {
      const bytes = published?.patchBytes ?? 0
      const update = published?.update ?? null
      return update === null || bytes < overheadFrom ? null : over(update, bytes)
    }),
    'most'
  )
  if (chunk === null && patch === null) return nothing
  const figures = [
    ...(chunk === null ? [] : [`chunks most ${said(chunk)} %`]),
    ...(patch === null ? [] : [`patches most ${said(patch)} %`])
  ]
  const isMet = (chunk?.value ?? 0) <= 1 && (patch?.value ?? 0) <= 0.2
  return { isMet, figure: figures.join(', ') }
}

function same(rows: readonly Row[]): Found {
  const some = rows.filter(({ identities }) => identities.length > 0)
  if (some.length === 0) return nothing
  const isMet = some.every(({ identities: [first, ...rest] }) =>
    rest.every(({ digest, key }) => digest === first?.digest && key === first.key)
  )
  const nodes = [...new Set(some.flatMap(({ identities }) => identities.map(({ node }) => node)))]
  return { isMet, figure: `${some.length} trees twice, on Node ${nodes.join(' and ')}` }
}
