import { PPM } from '../../base/index.ts'
import type { Point, Story } from '../../sim/index.ts'
import { formatDuration } from '../frame/index.ts'

const columns = 60
const rows = 10
const bars = ' ▁▂▃▄▅▆▇█'

/** The share of the fleet on the new release over time, as a picture of characters. */
export function curvePicture({ curve, nodes, restedMs }: Story): readonly string[] {
  if (curve.length === 0 || restedMs <= 0) return []
  const shares = Array.from({ length: columns }, (_, i) => {
    const point = pointAt(curve, (restedMs * (i + 1)) / columns)
    return point === undefined ? 0 : point.upgraded / nodes
  })
  const most = scaleOf(Math.max(...shares))
  const lines = Array.from({ length: rows }, (_, row) => {
    const from = rows - 1 - row
    const cells = shares.map((share) => {
      const eighths = Math.round(((share / most) * rows - from) * 8)
      return bars[Math.max(0, Math.min(8, eighths))] ?? ' '
    })
    const label = row === 0 ? percent(most) : row === rows - 1 ? percent(0) : ''
    return `${label.padStart(7)} |${cells.join('')}`.trimEnd()
  })
  const end = formatDuration(restedMs)
  const axis = `${' '.repeat(8)}+${'-'.repeat(columns)}`
  const under = `${' '.repeat(9)}0${end.padStart(columns - 1)}`
  return ['share of the fleet on the new release', ...lines, axis, under]
}

/** How far and how long many plays went, one bar per decile of the fleet or of the time. */
export function spreadPicture(stories: readonly Story[]): readonly string[] {
  const halted = stories.filter(({ ending }) => ending === 'halted')
  const exposure = halted.map(({ exposed, nodes }) => exposed / nodes)
  const times = stories.map(({ endedMs }) => endedMs)
  const longest = Math.max(...times, 1)
  const ended = histogram(times.map((ms) => ms / longest))
  const out = [`time to the end      0 |${ended}| ${formatDuration(longest)}`]
  if (halted.length === 0) return out
  return [`exposed at the halt  0 |${histogram(exposure)}| 100 %`, ...out]
}

function histogram(shares: readonly number[]): string {
  const counts = Array.from({ length: 40 }, () => 0)
  for (const share of shares) {
    const at = Math.min(39, Math.floor(share * 40))
    counts[at] = (counts[at] ?? 0) + 1
  }
  const most = Math.max(...counts, 1)
  return counts.map((count) => bars[count === 0 ? 0 : Math.ceil((8 * count) / most)]).join('')
}

/** The last point at or before a time. */
function pointAt(curve: readonly Point[], atMs: number): Point | undefined {
  return curve.findLast((point) => point.atMs <= atMs) ?? curve[0]
}

/** The scale ends at the next round share. */
function scaleOf(share: number): number {
  return [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1].find((end) => share <= end) ?? 1
}

function percent(share: number): string {
  return `${Math.round((share * PPM) / 100) / 100} %`
}
