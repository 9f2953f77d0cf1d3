import {
  alloc,
  concat,
  isOtaError,
  journalBytesMax,
  type Bytes,
  type Disk
} from '../../base/index.ts'
import { decodeJournal, encodeJournalLine, type JournalDraft } from '../../records/index.ts'
import type { State } from '../../cutover/index.ts'

/** Deleted when the disk is full, so that a take-back can still be journaled (S75). */
const reserveBytes = 1_048_576
const notePartBytes = 2_000

/** Texts of other rooms by key. */
export type Notes = readonly (readonly [key: string, text: string])[]

/**
 * The file `journal`: appended at its known end and fsynced before anything follows from a line.
 */
export class JournalFile {
  readonly #disk: Disk
  readonly #folder: string
  readonly #nowMs: () => number
  readonly #notes = new Map<string, string>()
  #lines: readonly JournalDraft[]
  #seq: number
  #bytes: number
  readonly fault: State['fault']

  private constructor(
    at: { readonly disk: Disk; readonly folder: string; readonly nowMs: () => number },
    found: ReturnType<typeof decodeJournal>
  ) {
    this.#disk = at.disk
    this.#folder = at.folder
    this.#nowMs = at.nowMs
    this.#lines = found.lines
    this.#seq = found.lines.at(-1)?.seq ?? 0
    this.#bytes = found.goodBytes
    this.fault = found.fault
    for (const [key, text] of readNotes(found.lines)) this.#notes.set(key, text)
  }

  /** Reads `folder/journal`, cuts off a torn tail and sees that the reserve is there. */
  static async open(disk: Disk, folder: string, nowMs: () => number): Promise<JournalFile> {
    await disk.remove(`${folder}/journal.tmp`)
    const bytes = (await disk.read(`${folder}/journal`)) ?? alloc(0)
    const found = decodeJournal(bytes)
    if (found.torn) await disk.truncate(`${folder}/journal`, found.goodBytes)
    const file = new JournalFile({ disk, folder, nowMs }, found)
    await file.#keepReserve()
    return file
  }

  /** What the file held when it was opened. */
  get lines(): readonly JournalDraft[] {
    return this.#lines
  }

  get notes(): ReadonlyMap<string, string> {
    return this.#notes
  }

  get isLong(): boolean {
    return this.#bytes > journalBytesMax
  }

  /**
   * Makes lines durable, and the notes that go with them, all in one write; `NO_SPACE` after the
   * reserve is spent too.
   */
  async append(lines: readonly JournalDraft[], notes: Notes = []): Promise<void> {
    const news = notes.filter(([key, text]) => this.#notes.get(key) !== text)
    const drafts = [...lines, ...news.flatMap(([key, text]) => noteLines(key, text))]
    if (drafts.length === 0) return
    const bytes = this.#encode(drafts)
    const path = `${this.#folder}/journal`
    try {
      await this.#disk.append(path, bytes)
    } catch (error) {
      await this.#cutBack(path)
      if (!isOtaError(error, 'NO_SPACE')) throw error
      await this.#disk.remove(`${this.#folder}/reserve`)
      await this.#disk.append(path, bytes)
    }
    this.#seq += drafts.length
    this.#bytes += bytes.byteLength
    for (const [key, text] of news) this.#notes.set(key, text)
  }

  /** Keeps `text` under `key` for another room, in the journal; nothing is written twice. */
  async note(key: string, text: string): Promise<void> {
    await this.append([], [[key, text]])
  }

  /** Replaces the file by what `drafts` say, and the notes. */
  async compact(drafts: readonly JournalDraft[]): Promise<void> {
    const notes = [...this.#notes].flatMap(([key, text]) => noteLines(key, text))
    const all = [...drafts, ...notes]
    const bytes = this.#encode(all)
    await this.#disk.writeDurable(`${this.#folder}/journal`, bytes)
    this.#seq += all.length
    this.#bytes = bytes.byteLength
    await this.#keepReserve()
  }

  #encode(drafts: readonly JournalDraft[]): Bytes {
    const nowMs = Math.max(0, Math.floor(this.#nowMs()))
    return concat(drafts.map((draft, i) => encodeJournalLine(draft, this.#seq + 1 + i, nowMs)))
  }

  async #cutBack(path: string): Promise<void> {
    const found = await this.#disk.stat(path)
    if (found !== null && found.size > this.#bytes) await this.#disk.truncate(path, this.#bytes)
  }

  async #keepReserve(): Promise<void> {
    const path = `${this.#folder}/reserve`
    if ((await this.#disk.stat(path)) !== null) return
    try {
      await this.#disk.create(path, alloc(reserveBytes), 0o600)
    } catch (error) {
      // A disk that is full already has no room for a reserve; the next start tries again.
      if (!isOtaError(error, 'NO_SPACE')) throw error
      await this.#disk.remove(path)
    }
  }
}

function noteLines(key: string, text: string): readonly JournalDraft[] {
  const parts = Math.max(1, Math.ceil(text.length / notePartBytes))
  return Array.from({ length: parts }, (_, part) => ({
    tag: 'note',
    key,
    part,
    parts,
    text: text.slice(part * notePartBytes, (part + 1) * notePartBytes)
  }))
}

/** The newest whole text of each key; a set of parts that was cut off leaves the one before. */
function readNotes(lines: readonly JournalDraft[]): ReadonlyMap<string, string> {
  const whole = new Map<string, string>()
  let begun = { key: '', parts: 0, next: 0, text: '' }
  for (const line of lines) {
    if (line.tag !== 'note') continue
    const { key, part, parts, text } = line
    const follows = key === begun.key && parts === begun.parts && part === begun.next
    begun =
      part === 0
        ? { key, parts, next: 1, text }
        : { key, parts, next: follows ? part + 1 : -1, text: begun.text + text }
    if (begun.next === parts) whole.set(key, begun.text)
  }
  return whole
}
