import { OtaError } from '../base/index.ts'
import { asCount, asRecord, checkPair, checkPointer, isReleaseName } from './pointer.ts'
import type { Pair, Pointer, ReleaseName } from './pointer.ts'

/** States of an upgrade, named for what is durable. */
const OP_STATES = [
  'idle',
  'admitted',
  'fetched',
  'verified',
  'unpacked',
  'built',
  'waiting',
  'snapshot',
  'migrated',
  'shadow',
  'checked',
  'cutover',
  'trial',
  'committed',
  'back',
  'stuck'
] as const
export type OpStateName = (typeof OP_STATES)[number]

/** A step of the state machine: everything that must survive about the upgrade under way. */
export interface EdgeLine {
  readonly tag: 'edge'
  /** Number of the edge; 0 is recovery after a crash. */
  readonly edge: number
  readonly op: number
  readonly state: OpStateName
  readonly release: ReleaseName | null
  readonly gen: string | null
  /** What ran before; null at a first install. */
  readonly from: Pair | null
  readonly handover: 'overlap' | 'exclusive' | null
  readonly warmMs: number
  readonly observeMs: number
  /** Fields from here to `loss`: an earlier version wrote none of them and is read by defaults. */
  readonly level: 0 | 1 | 2
  readonly fromLevel: 0 | 1 | 2
  readonly split: boolean
  readonly back: 'code' | 'snapshot' | 'none'
  readonly transition: boolean
  readonly shadow: 'off' | 'prefer' | 'require'
  readonly phoneHome: 'off' | 'prefer' | 'require'
  readonly verdicts: VerdictsLine | null
  readonly loss: boolean
  /** In trial: whether the old version is still warm. */
  readonly warm: boolean
  readonly boots: number
  readonly rehearsals: number
  readonly tries: number
  readonly turn: 'no' | 'shadow' | 'go'
  /** Absolute, so that timers survive. */
  readonly deadline: number | null
  readonly reason: string | null
  /** Pointer about to be written. */
  readonly next: Pointer | null
  readonly undo: ReleaseName | null
  readonly undoAt: number | null
  readonly undoWhy: string | null
}

/** What a rehearsal found. */
export interface VerdictsLine {
  readonly shadow: (typeof VERDICTS)[number]
  readonly phoneHome: (typeof VERDICTS)[number]
}

/** One start of a release on trial, counted before it happens. */
export interface ExecLine {
  readonly tag: 'exec'
  readonly op: number
  readonly release: ReleaseName
  readonly boots: number
}

export type QuarantineWhy = 'host' | 'own' | 'fleet'

export interface QuarantineLine {
  readonly tag: 'quarantine'
  readonly release: ReleaseName
  readonly why: QuarantineWhy
  readonly code: string
  readonly tries: number
  /** When it is tried again by itself; null: not by itself. */
  readonly next: number | null
  readonly by: string | null
  /** False in a compacted journal only: the tries of an ended quarantine. */
  readonly active: boolean
}

export interface UnquarantineLine {
  readonly tag: 'unquarantine'
  readonly release: ReleaseName
  readonly why: QuarantineWhy
  readonly by: string
}

/** The fleet completed or superseded the release; `gcAt` is when its predecessor may go. */
export interface CompletedLine {
  readonly tag: 'completed'
  readonly release: ReleaseName
  readonly how: 'completed' | 'superseded'
  readonly gcAt: number | null
}

export interface HoldLine {
  readonly tag: 'hold'
  readonly on: boolean
}

/** The predecessor went: there is no way back any more. */
export interface GcLine {
  readonly tag: 'gc'
  readonly release: ReleaseName | null
}

/** First line of a compacted journal; quarantine, note and edge lines follow it. */
export interface BaseLine {
  readonly tag: 'base'
  readonly lastOp: number
  readonly pointer: Pointer | null
  readonly lastGood: ReleaseName | null
  readonly gcAt: number | null
  readonly held: boolean
  /** Hand-over class of what the pointer names. */
  readonly handover: 'overlap' | 'exclusive'
  /** Levels of what the pointer names and of what ran before; 0 in an earlier journal. */
  readonly level: 0 | 1 | 2
  readonly prevLevel: 0 | 1 | 2
}

/** A piece of what another room remembers under `key`; valid once all `parts` are there. */
export interface NoteLine {
  readonly tag: 'note'
  readonly key: string
  readonly part: number
  readonly parts: number
  readonly text: string
}

export type JournalDraft =
  | EdgeLine
  | ExecLine
  | QuarantineLine
  | UnquarantineLine
  | CompletedLine
  | HoldLine
  | GcLine
  | BaseLine
  | NoteLine

export type JournalLine = JournalDraft & {
  readonly v: 1
  readonly seq: number
  /** When it was written, for people; nothing follows from it. */
  readonly ts: number
}

/**
 * A line out of parsed JSON, every field checked. Throws `JOURNAL_NEWER` for a higher `v`,
 * `JOURNAL_DAMAGED` for anything else this version did not write.
 */
export function checkLine(value: unknown): JournalLine {
  const fields = asRecord(value)
  const version = asCount(fields['v'])
  if (version > 1) {
    throw new OtaError('JOURNAL_NEWER', `the journal has format ${version}, known is 1`)
  }
  if (version !== 1) throw bad('v')
  return {
    v: 1,
    seq: asCount(fields['seq']),
    ts: asCount(fields['ts']),
    ...checkDraft(new Fields(fields))
  }
}

function checkDraft(at: Fields): JournalDraft {
  const tag = at.text('tag')
  switch (tag) {
    case 'edge':
      return checkEdge(at)
    case 'exec':
      return { tag, op: at.count('op'), release: at.release('release'), boots: at.count('boots') }
    case 'quarantine':
      return {
        tag,
        release: at.release('release'),
        why: at.oneOf('why', WHYS),
        code: at.text('code'),
        tries: at.count('tries'),
        next: at.orNull('next', (key) => at.count(key)),
        by: at.orNull('by', (key) => at.text(key)),
        active: at.flag('active')
      }
    case 'unquarantine':
      return {
        tag,
        release: at.release('release'),
        why: at.oneOf('why', WHYS),
        by: at.text('by')
      }
    case 'completed':
      return {
        tag,
        release: at.release('release'),
        how: at.oneOf('how', ['completed', 'superseded']),
        gcAt: at.orNull('gcAt', (key) => at.count(key))
      }
    case 'hold':
      return { tag, on: at.flag('on') }
    case 'gc':
      return { tag, release: at.orNull('release', (key) => at.release(key)) }
    case 'base':
      return {
        tag,
        lastOp: at.count('lastOp'),
        pointer: at.orNull('pointer', (key) => checkPointer(at.raw(key))),
        lastGood: at.orNull('lastGood', (key) => at.release(key)),
        gcAt: at.orNull('gcAt', (key) => at.count(key)),
        held: at.flag('held'),
        handover: at.oneOf('handover', HANDOVERS),
        level: at.level('level'),
        prevLevel: at.level('prevLevel')
      }
    case 'note':
      return {
        tag,
        key: at.text('key'),
        part: at.count('part'),
        parts: at.count('parts'),
        text: at.text('text')
      }
    default:
      throw bad('tag')
  }
}

function checkEdge(at: Fields): EdgeLine {
  return {
    tag: 'edge',
    edge: at.count('edge'),
    op: at.count('op'),
    state: at.oneOf('state', OP_STATES),
    release: at.orNull('release', (key) => at.release(key)),
    gen: at.orNull('gen', (key) => at.text(key)),
    from: at.orNull('from', (key) => checkPair(at.raw(key))),
    handover: at.orNull('handover', (key) => at.oneOf(key, HANDOVERS)),
    warmMs: at.count('warmMs'),
    observeMs: at.count('observeMs'),
    level: at.level('level'),
    fromLevel: at.level('fromLevel'),
    split: at.since('split', false, (key) => at.flag(key)),
    back: at.since('back', 'code', (key) => at.oneOf(key, BACKS)),
    transition: at.since('transition', false, (key) => at.flag(key)),
    shadow: at.since('shadow', 'off', (key) => at.oneOf(key, INSISTENCES)),
    phoneHome: at.since('phoneHome', 'off', (key) => at.oneOf(key, INSISTENCES)),
    verdicts: at.since('verdicts', null, (key) => at.orNull(key, () => checkVerdicts(at.raw(key)))),
    loss: at.since('loss', false, (key) => at.flag(key)),
    warm: at.flag('warm'),
    boots: at.count('boots'),
    rehearsals: at.count('rehearsals'),
    tries: at.count('tries'),
    turn: at.oneOf('turn', ['no', 'shadow', 'go']),
    deadline: at.orNull('deadline', (key) => at.count(key)),
    reason: at.orNull('reason', (key) => at.text(key)),
    next: at.orNull('next', (key) => checkPointer(at.raw(key))),
    undo: at.orNull('undo', (key) => at.release(key)),
    undoAt: at.orNull('undoAt', (key) => at.count(key)),
    undoWhy: at.orNull('undoWhy', (key) => at.text(key))
  }
}

function checkVerdicts(value: unknown): VerdictsLine {
  const at = new Fields(asRecord(value))
  return { shadow: at.oneOf('shadow', VERDICTS), phoneHome: at.oneOf('phoneHome', VERDICTS) }
}

const WHYS = ['host', 'own', 'fleet'] as const
const HANDOVERS = ['overlap', 'exclusive'] as const
const BACKS = ['code', 'snapshot', 'none'] as const
const INSISTENCES = ['off', 'prefer', 'require'] as const
const VERDICTS = ['off', 'unavailable', 'pass', 'fail'] as const

/** Fields of one JSON object, each read by the type it must have. */
class Fields {
  readonly #fields: Readonly<Record<string, unknown>>

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields
  }

  raw(key: string): unknown {
    return this.#fields[key]
  }

  count(key: string): number {
    return asCount(this.#fields[key])
  }

  flag(key: string): boolean {
    const value = this.#fields[key]
    if (typeof value !== 'boolean') throw bad(key)
    return value
  }

  text(key: string): string {
    const value = this.#fields[key]
    if (typeof value !== 'string') throw bad(key)
    return value
  }

  release(key: string): ReleaseName {
    const value = this.#fields[key]
    if (!isReleaseName(value)) throw bad(key)
    return value
  }

  oneOf<const T extends readonly string[]>(key: string, words: T): T[number] {
    const found = words.find((word) => word === this.#fields[key])
    if (found === undefined) throw bad(key)
    return found
  }

  /** 0, 1 or 2; 0 where an earlier version wrote none. */
  level(key: string): 0 | 1 | 2 {
    const value = this.#fields[key] ?? 0
    if (value !== 0 && value !== 1 && value !== 2) throw bad(key)
    return value
  }

  /** A field that earlier versions did not write. */
  since<T>(key: string, absent: T, read: (key: string) => T): T {
    return this.#fields[key] === undefined ? absent : read(key)
  }

  orNull<T>(key: string, read: (key: string) => T): T | null {
    return this.#fields[key] === null ? null : read(key)
  }
}

function bad(field: string): OtaError {
  return new OtaError('JOURNAL_DAMAGED', `the journal line has no valid field "${field}"`)
}
