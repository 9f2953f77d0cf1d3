import { fromText, isOtaError, journalLineBytesMax, OtaError, toText } from '../base/index.ts'
import { assert, type Bytes } from '../base/index.ts'
import { crc32 } from './crc.ts'
import { checkLine, type JournalDraft, type JournalLine } from './journal-line.ts'

/** What a journal file holds, and where its good part ends. */
export interface Journal {
  readonly lines: readonly JournalLine[]
  /** Bytes of the readable part; whatever follows is a torn tail, to be cut off before writing. */
  readonly goodBytes: number
  readonly torn: boolean
  /** Set: what follows cannot be understood, so nothing may be added and no upgrade started. */
  readonly fault: 'JOURNAL_DAMAGED' | 'JOURNAL_NEWER' | null
}

/** `<crc32> <json>\n`, at most 4 KiB; `seq` and `tsMs` are what the file gives the draft. */
export function encodeJournalLine(draft: JournalDraft, seq: number, tsMs: number): Bytes {
  const json = JSON.stringify({ v: 1, seq, ts: tsMs, ...draft })
  const bytes = fromText(`${crc32(fromText(json))} ${json}\n`)
  assert(bytes.byteLength <= journalLineBytesMax, 'a journal line fits 4 KiB')
  return bytes
}

/**
 * Reads a journal file. An unreadable line with nothing readable after it is what a power cut
 * leaves: a torn tail. Anything else unreadable, or a gap in `seq`, is damage (S67).
 */
export function decodeJournal(bytes: Bytes): Journal {
  const lines: JournalLine[] = []
  let goodBytes = 0
  let torn = false
  for (const { start, end } of rawLines(bytes)) {
    const line = readLine(bytes.subarray(start, end))
    if (line === 'newer') return { lines, goodBytes, torn: false, fault: 'JOURNAL_NEWER' }
    if (line === null) {
      torn = true
      continue
    }
    const last = lines.at(-1)
    const follows = last === undefined || line.seq === last.seq + 1
    if (torn || !follows) return { lines, goodBytes, torn: false, fault: 'JOURNAL_DAMAGED' }
    lines.push(line)
    goodBytes = end
  }
  return { lines, goodBytes, torn, fault: null }
}

/** Borders of the lines, each with its line feed; the last one may lack it. */
function* rawLines(bytes: Bytes): Generator<{ start: number; end: number }> {
  const lineFeed = 10
  for (let start = 0; start < bytes.byteLength;) {
    const found = bytes.indexOf(lineFeed, start)
    const end = found === -1 ? bytes.byteLength : found + 1
    yield { start, end }
    start = end
  }
}

function readLine(bytes: Bytes): JournalLine | 'newer' | null {
  if (bytes.byteLength > journalLineBytesMax) return null
  const [, sum = '', json = ''] = /^([0-9a-f]{8}) (\{.*\})\n$/.exec(toText(bytes)) ?? []
  if (json === '' || crc32(fromText(json)) !== sum) return null
  try {
    return checkLine(JSON.parse(json))
  } catch (error) {
    if (isOtaError(error, 'JOURNAL_NEWER')) return 'newer'
    if (error instanceof OtaError || error instanceof SyntaxError) return null
    throw error
  }
}
