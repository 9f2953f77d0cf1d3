import { OtaError } from '../../base/index.ts'

const BLANK = /[ \t]/

/**
 * Splits a command as written into its words, without a shell: blanks part words, '…' keeps all as
 * it is, "…" and the bare text know `\` before any character. Nothing is expanded. `USAGE` for an
 * open quote, a `\` at the end, or no word at all.
 */
export function splitCommand(text: string): readonly string[] {
  const words: string[] = []
  let word: string | null = null
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (BLANK.test(char)) {
      if (word !== null) words.push(word)
      word = null
      continue
    }
    const [part, next] = char === "'" || char === '"' ? quoted(text, at) : bare(text, at)
    word = (word ?? '') + part
    at = next
  }
  if (word !== null) words.push(word)
  if ((words[0] ?? '') !== '') return words
  throw new OtaError('USAGE', '--sign-with names no program', {
    hint: 'write it as --sign-with "PROGRAM ARG...", or --sign-with ssh-agent'
  })
}

/** What stands in quotes from `start`, and where they end. */
function quoted(text: string, start: number): readonly [string, number] {
  const quote = text.charAt(start)
  let part = ''
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === quote) return [part, at]
    if (char !== '\\' || quote === "'") {
      part += char
      continue
    }
    const [escaped, next] = bare(text, at)
    part += escaped
    at = next
  }
  throw new OtaError('USAGE', `--sign-with: a quote ${quote} is not closed`)
}

/** One character outside of quotes, or the one behind a `\`. */
function bare(text: string, at: number): readonly [string, number] {
  if (text.charAt(at) !== '\\') return [text.charAt(at), at]
  if (at + 1 < text.length) return [text.charAt(at + 1), at + 1]
  throw new OtaError('USAGE', '--sign-with ends in a \\ with nothing behind it')
}
