import type { Row } from './rows.ts'
import { bestOther, geometricMean, type Judged } from './targets.ts'

type Cell = string | number | null

/** Columns as wide as they need; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(textOf))
  const widths = head.map((name, i) =>
    Math.max(name.length, ...texts.map((row) => row[i]?.length ?? 0))
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...texts.map(line)].join('\n')
}

function textOf(cell: Cell): string {
  if (cell === null) return '-'
  return typeof cell === 'string' ? cell : cell.toLocaleString('en')
}

const ratio = (bytes: number, by: number | null | undefined): string =>
  by == null || by === 0 ? '-' : (bytes / by).toFixed(3)

/** Bytes of every way to the same update. */
export function bytesTable(rows: readonly Row[]): string {
  const head = [
    'pair',
    'changed',
    'zstd -19',
    'dedupe',
    'patch-from',
    'bsdiff',
    'xdelta3',
    'HDiff*'
  ]
  const body = rows.map(({ pair, yard, making, published }) => [
    pair.id,
    making.changedBytes,
    yard.zstd === null ? null : `${textOf(yard.zstd)}${yard.zstdLevel === 19 ? '' : ' (-9)'}`,
    yard.dedupe,
    yard.patchFrom,
    yard.bsdiff,
    yard.xdelta,
    pair.anchor?.hdiff ?? null,
    making.patchBytes,
    published?.update?.down ?? null
  ])
  return table([...head, 'patch', 'fetched'], body)
}

/** Ours beside each of them; below one is better. The last line has geometric means. */
export function ratioTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { pair, yard, making, published } = row
    const { patchBytes } = making
    const best = bestOther(row)
    const fetched = published?.update?.down
    return {
      name: `${pair.id} ${pair.name} ${pair.kind}`,
      values: [
        [patchBytes, yard.zstd],
        [patchBytes, yard.dedupe],
        [patchBytes, yard.patchFrom],
        [patchBytes, best?.bytes],
        [patchBytes, pair.anchor?.ours],
        ...(fetched === undefined ? [] : [[fetched, yard.patchFrom]])
      ] as const,
      best: best?.name ?? '-'
    }
  })
  const body = lines.map(({ name, values, best }) => [
    name,
    ...Array.from({ length: 6 }, (_, i) => ratio(values[i]?.[0] ?? 0, values[i]?.[1])),
    best
  ])
  const means = Array.from({ length: 6 }, (_, i) => {
    const found = lines.flatMap(({ values }) => {
      const [bytes, by] = values[i] ?? []
      return bytes == null || by == null || by === 0 ? [] : [bytes / by]
    })
    return found.length === 0 ? '-' : geometricMean(found).toFixed(3)
  })
  const head = ['patch / ...', 'zstd -19', 'dedupe', 'patch-from', 'best', 'prototype']
  const all = body.length > 1 ? [...body, ['geometric mean', ...means, '']] : body
  return table([...head, 'fetched / patch-from', 'best is'], all)
}

/** What nodes fetched over real stores: an update, the same without the patch core, a newcomer. */
export function wireTable(rows: readonly Row[]): string {
  const head = [
    'bytes on the wire',
    'update',
    'sent',
    'by',
    'without patches',
    'by',
    'newcomer',
    'by'
  ]
  const body = rows.flatMap(({ pair: { id }, published }) => {
    if (published === null) return []
    const { update, chunks, first, treeBytes } = published
    const without = [chunks.down, chunks.route]
    const patched = [update?.down ?? null, update?.up ?? null, update?.route ?? '-']
    const newcomer = [first?.down ?? null, first?.route ?? '-']
    return [[id, ...patched, ...without, ...newcomer, treeBytes]]
  })
  return table([...head, 'tree core'], body)
}

/** What making and applying cost. */
export function costTable(rows: readonly Row[]): string {
  const head = ['cost', 'make s', 'MB/core s', 'make MB', 'B/window B', 'apply MB/s', 'apply MB']
  return table(
    [...head, 'tree s', 'tree CPU s'],
    rows.map(({ pair, making, applying }) => [
      pair.id,
      making.cpuS.toFixed(1),
      (making.changedBytes / making.cpuS / 1e6).toFixed(2),
      (making.rssBytes / 1e6).toFixed(0),
      // what Node itself takes hides the share of a small window
      making.windowBytes < 5e6 ? null : (making.rssBytes / making.windowBytes).toFixed(1),
      (applying.madeBytes / applying.applyS / 1e6).toFixed(0),
      (applying.rssBytes / 1e6).toFixed(0),
      applying.wholeS.toFixed(1),
      applying.wholeCpuS.toFixed(1)
    ])
  )
}

export function targetTable(judged: readonly Judged[]): string {
  const lines = judged.map(({ id, what, isMet, figure }) => {
    const verdict = isMet === null ? '-' : isMet ? 'met' : 'NOT MET'
    return `${id.padEnd(4)} ${verdict.padEnd(8)} ${what}: ${figure}`
  })
  return lines.join('\n')
}
