import { OtaError, fromText, toText, type Bytes } from '../../base/index.ts'
import { toName } from '../../trust/index.ts'

/** What is shown of a foreign text at most. */
const SHOWN_BYTES = 4_096
const PREFIX_LEAST = 6

/**
 * Foreign text for a terminal: control, format (bidirectional and zero-width) and separator
 * characters are written as `\u{…}`, line ends as `\n`, and it is cut to 4 KiB, so that notes and
 * labels cannot repaint what a signer reads.
 */
export function escapeText(text: string): string {
  const bytes = fromText(text)
  const cut = bytes.byteLength > SHOWN_BYTES
  const shown = cut ? toText(bytes.subarray(0, SHOWN_BYTES)) : text
  const safe = shown.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}\\]/gu, (char) => {
    if (char === '\n') return '\\n'
    if (char === '\\') return '\\\\'
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
  })
  return cut ? `${safe}… (${bytes.byteLength} bytes)` : safe
}

/**
 * The one candidate whose z32 name begins with `text`; a prefix needs six characters. Throws
 * `USAGE` when none or several match, and names `what` (for example "release").
 */
export function findByName(text: string, candidates: readonly Bytes[], what: string): Bytes {
  const names = new Map(candidates.map((bytes) => [toName(bytes), bytes] as const))
  const exact = names.get(text)
  if (exact !== undefined) return exact
  if (text.length < PREFIX_LEAST) {
    throw new OtaError('USAGE', `"${text}" is too short for the id of a ${what}`, {
      hint: `give at least ${PREFIX_LEAST} characters`
    })
  }
  const matches = [...names].filter(([name]) => name.startsWith(text))
  const first = matches[0]
  if (first === undefined) throw new OtaError('USAGE', `no ${what} "${escapeText(text)}" is known`)
  if (matches.length > 1) {
    throw new OtaError('USAGE', `"${text}" names ${matches.length} of a ${what}`, {
      hint: 'give more characters of the id'
    })
  }
  return first[1]
}

/** Rows as columns, two spaces apart; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length)
    }
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
  )
}

/** `one file`, `3 files`: an amount and its noun. */
export function amount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}

/** A time for people, local and with its zone, to the second. */
export function formatTime(ms: number): string {
  const at = new Date(ms)
  const zone = -at.getTimezoneOffset()
  const minutes = Math.abs(zone)
  const sign = zone < 0 ? '-' : '+'
  const offset = `${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${offset}`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
