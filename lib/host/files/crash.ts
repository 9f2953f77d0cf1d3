import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { EDGES } from '../../cutover/index.ts'
import type { JournalDraft } from '../../records/index.ts'

/**
 * For fault injection in tests: `OTA_CRASH_AFTER_EDGE=EDGE[:COUNT][,…]` kills this process with
 * SIGKILL right after the journal line of that edge (number or name of `EDGES`) is durable, at its
 * COUNT-th time (1). Each entry strikes once per home: a marker in `run/` stays behind.
 */
export class CrashPoint {
  readonly #run: string
  readonly #entries: readonly { readonly edge: number; readonly count: number }[]
  readonly #seen = new Map<number, number>()

  constructor(run: string, wish: string | undefined) {
    this.#run = run
    this.#entries = (wish ?? '')
      .split(',')
      .filter((entry) => entry !== '')
      .map((entry) => {
        const [edge = '', count = '1'] = entry.split(':')
        return { edge: numberOf(edge), count: Number(count) }
      })
  }

  /** Call after `lines` are on disk. */
  passed(lines: readonly JournalDraft[]): void {
    if (this.#entries.length === 0) return
    for (const line of lines) {
      if (line.tag !== 'edge') continue
      const seen = (this.#seen.get(line.edge) ?? 0) + 1
      this.#seen.set(line.edge, seen)
      const entry = this.#entries.find(({ edge, count }) => edge === line.edge && count === seen)
      if (entry !== undefined && this.#mark(entry.edge, entry.count)) {
        process.kill(process.pid, 'SIGKILL')
      }
    }
  }

  #mark(edge: number, count: number): boolean {
    mkdirSync(this.#run, { recursive: true, mode: 0o700 })
    try {
      closeSync(openSync(join(this.#run, `crashed-${edge}-${count}`), 'wx', 0o600))
      return true
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
      throw error
    }
  }
}

function numberOf(edge: string): number {
  const named = Object.entries(EDGES).find(([, name]) => name === edge)
  return Number(named?.[0] ?? edge)
}
