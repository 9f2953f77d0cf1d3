import { HOUR } from '../../base/index.ts'
import type { Story, Summary } from '../../sim/index.ts'
import { formatDuration, formatShare } from '../frame/index.ts'

const width = 640
const height = 220
const left = 50
const below = 30

/** A page with plots that needs nothing else: no script, no font, no picture from elsewhere. */
export function rehearsalPage(title: string, stories: readonly Story[], summary: Summary): string {
  const longest = Math.max(...stories.map(({ restedMs }) => restedMs), HOUR)
  const halted = stories.filter(({ ending }) => ending === 'halted')
  const exposed = halted.map((story) => story.exposed / story.nodes)
  const times = stories.map(({ endedMs }) => endedMs)
  const { endings, exposedPpm } = summary
  const rows = [
    ['runs', String(summary.runs)],
    ...Object.entries(endings).map(([ending, count]) => [ending, String(count)]),
    ['exposed at the halt, median', exposedPpm === null ? 'none' : formatShare(exposedPpm)],
    ['time to the end, median', formatDuration(summary.endedMs)],
    ['nodes that failed, median', String(summary.failed)]
  ]
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8">',
    `<title>${escape(title)}</title>`,
    `<style>${style}</style>`,
    `<h1>${escape(title)}</h1>`,
    '<table>',
    ...rows.map(([name = '', value = '']) => `<tr><th>${name}<td>${escape(value)}`),
    '</table>',
    '<h2>Share upgraded over time</h2>',
    curves(stories, longest),
    '<h2>Exposed when halted</h2>',
    halted.length === 0
      ? '<p>No run was halted.</p>'
      : histogram(exposed, (share) => `${Math.round(share * 100)} %`, 1),
    '<h2>Time to the end</h2>',
    histogram(times, formatDuration, Math.max(...times, HOUR)),
    '</html>',
    ''
  ].join('\n')
}

const style =
  'body{font:15px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}' +
  'h1{font-size:1.2rem}h2{font-size:1rem;margin-top:2rem}th{text-align:left;font-weight:400;' +
  'padding-right:2rem}svg{width:100%;height:auto}text{font-size:11px;fill:#555}'

function curves(stories: readonly Story[], longestMs: number): string {
  const lines = stories.map(({ curve, nodes, ending }) => {
    const points = curve.map(
      ({ atMs, upgraded }) => `${x(atMs / longestMs)},${y(upgraded / nodes)}`
    )
    const colour = ending === 'halted' ? '#c33' : ending === 'completed' ? '#283' : '#b80'
    const look = `fill="none" stroke="${colour}" stroke-opacity=".5"`
    return `<polyline ${look} points="${points.join(' ')}"/>`
  })
  const marks = [0, 0.25, 0.5, 0.75, 1]
  const shares = marks.map((at) => label(left - 6, y(at) + 4, `${at * 100} %`, 'end'))
  const times = marks.map((at) =>
    label(x(at), height - 8, formatDuration(longestMs * at), 'middle')
  )
  return svg([...lines, ...shares, ...times, axes()])
}

function histogram(
  values: readonly number[],
  say: (value: number) => string,
  most: number
): string {
  const bins = 40
  const counts = Array.from({ length: bins }, () => 0)
  for (const value of values) {
    const at = Math.min(bins - 1, Math.floor((value / most) * bins))
    counts[at] = (counts[at] ?? 0) + 1
  }
  const top = Math.max(...counts, 1)
  const wide = (width - left) / bins
  const bars = counts.map((count, i) => {
    const from = y(count / top)
    const tall = y(0) - from
    const size = `width="${(wide - 1).toFixed(1)}" height="${tall.toFixed(1)}"`
    return `<rect x="${x(i / bins)}" y="${from}" ${size} fill="#357"/>`
  })
  const marks = [0, 0.25, 0.5, 0.75, 1].map((at) =>
    label(x(at), height - 8, say(most * at), at === 1 ? 'end' : 'middle')
  )
  return svg([...bars, ...marks, label(left - 6, y(1) + 4, String(top), 'end'), axes()])
}

function svg(parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width + 20} ${height}">${parts.join('')}</svg>`
}

function axes(): string {
  return `<path d="M${left} 10V${y(0)}H${width}" fill="none" stroke="#888"/>`
}

function label(atX: number | string, atY: number | string, text: string, anchor: string): string {
  return `<text x="${atX}" y="${atY}" text-anchor="${anchor}">${escape(text)}</text>`
}

function x(share: number): number {
  return Math.round(10 * (left + share * (width - left))) / 10
}

function y(share: number): number {
  return Math.round(10 * (height - below - share * (height - below - 10))) / 10
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
