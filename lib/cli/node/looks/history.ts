import { unreachable, type Bytes, type Code } from '../../../base/index.ts'
import { EDGES } from '../../../cutover/index.ts'
import { decodeJournal, type JournalLine } from '../../../records/index.ts'

/** One thing a node did, in words. */
export interface Deed {
  readonly atMs: number
  /** Whole z32 name, where it was about a release. */
  readonly release: string | null
  readonly what: string
  readonly text: string
}

/** A journal as people read it: notes of other rooms are left out, they are no deeds. */
export function historyOf(bytes: Bytes): {
  readonly rows: readonly Deed[]
  readonly fault: Code | null
} {
  const { lines, fault } = decodeJournal(bytes)
  return { rows: lines.flatMap((line) => deedOf(line) ?? []), fault }
}

function deedOf(line: JournalLine): Deed | null {
  const { ts: atMs } = line
  switch (line.tag) {
    case 'edge': {
      const { release, edge, state, reason } = line
      const what = Object.hasOwn(EDGES, edge) ? EDGES[edge as keyof typeof EDGES] : `edge ${edge}`
      const why = reason === null ? '' : `, ${reason}`
      const text = what === state ? what : `${what}: ${state}`
      return { atMs, release, what, text: `${text}${why}` }
    }
    case 'exec':
      return {
        atMs,
        release: line.release,
        what: 'start',
        text: `start ${line.boots} of its trial`
      }
    case 'quarantine': {
      const { release, why, code, active } = line
      if (!active) return null
      const text = `in quarantine: ${why}, ${code}`
      return { atMs, release, what: 'quarantine', text }
    }
    case 'unquarantine': {
      const { release, why, by } = line
      return { atMs, release, what: 'unquarantine', text: `quarantine ${why} ended by ${by}` }
    }
    case 'completed':
      return { atMs, release: line.release, what: line.how, text: `${line.how} in the fleet` }
    case 'hold': {
      const text = line.on ? 'held by the operator' : 'hold ended'
      return { atMs, release: null, what: 'hold', text }
    }
    case 'gc':
      return { atMs, release: line.release, what: 'gc', text: 'the version before is let go' }
    case 'base':
      return {
        atMs,
        release: line.pointer?.release ?? null,
        what: 'base',
        text: 'the journal begins here, with what was so far'
      }
    case 'note':
      return null
    default:
      return unreachable(line)
  }
}
