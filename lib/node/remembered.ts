import { whyOf, type Reason, type Report, type Step, type Verdicts } from '../cutover/index.ts'
import type { Cause } from '../records/index.ts'

/** This node as a treated one: since when, and how it fares. */
export interface Treatment {
  /** z32 name. */
  readonly release: string
  readonly resume: number
  /** When the new version took charge, or failed before it could. */
  readonly startedMs: number
  readonly state: 'running' | 'failed'
  readonly cause: Cause
  /** Failed attempts so far; those the host is to blame for are none. */
  readonly tries: number
}

/** What the conductor remembers beside journal and pointer; each field is a note of the journal. */
export interface Remembered {
  readonly treatment: Treatment | null
  /** Starts of each release, the newest eight releases. */
  readonly attempts: Readonly<Record<string, number>>
  /** Releases whose cores lie in our store. */
  readonly cores: readonly string[]
  /** Releases an operator said yes to. */
  readonly applied: readonly string[]
  /** What the last rehearsal that came to an end found. */
  readonly checks: Checks | null
}

/** Answers of a rehearsal; `unavailable` is no pass: this machine could not look. */
export interface Checks extends Verdicts {
  /** z32 name. */
  readonly release: string
}

/** Edges of the upgrade machine that this page reads (docs/node.md). */
const CUTOVER = 13
const TRIAL = 15
const attemptsKept = 8

/**
 * What is remembered after a step: a new version beside the old is one more attempt, its taking
 * charge begins the treatment, and a report ends it one way or the other.
 */
export function afterStep(
  before: Remembered,
  { lines, commands, state }: Step,
  now: { readonly ms: number; readonly resumeOf: (release: string) => number }
): Remembered {
  let after = before
  for (const line of lines) {
    if (line.tag !== 'edge' || line.release === null) continue
    const { release, from } = line
    if (line.edge === CUTOVER) {
      after = { ...after, attempts: countAttempt(after.attempts, release) }
    }
    // A first install is outside the plan: there is nothing it could be compared with.
    if (line.edge === TRIAL && from !== null) {
      const tries = triesOf(after, release)
      const resume = now.resumeOf(release)
      const running = {
        release,
        resume,
        startedMs: now.ms,
        state: 'running',
        cause: 'none'
      } as const
      after = { ...after, treatment: { ...running, tries } }
    }
  }
  for (const command of commands) {
    if (command.tag === 'report') after = afterRehearsal(after, command)
    if (command.tag === 'report') after = afterReport(after, command, now)
  }
  const applied = after.applied.filter((release) => release !== state.pointer?.release)
  return applied.length === after.applied.length ? after : { ...after, applied }
}

function afterReport(
  before: Remembered,
  { release, result, reason }: Report,
  now: { readonly ms: number; readonly resumeOf: (release: string) => number }
): Remembered {
  // A shadow is no treatment, and neither is one that could not be made.
  if (result === 'committed' || result === 'shadowed' || result === 'blocked') return before
  const isOwn = result === 'failed' && reason !== null && whyOf(reason) === 'own'
  const held = before.treatment?.release === release ? before.treatment : null
  if (!isOwn) {
    if (held === null) return before
    const stays = result !== 'undone' && held.tries > 0
    return { ...before, treatment: stays ? failedBefore(held, reason) : null }
  }
  return {
    ...before,
    treatment: {
      release,
      resume: held?.resume ?? now.resumeOf(release),
      startedMs: held?.startedMs ?? now.ms,
      state: 'failed',
      cause: causeOf(reason),
      tries: triesOf(before, release) + 1
    }
  }
}

function afterRehearsal(before: Remembered, { release, verdicts }: Report): Remembered {
  return verdicts === null ? before : { ...before, checks: { release, ...verdicts } }
}

/** A retry that ended by no fault of the release: the try before it failed all the same. */
function failedBefore(held: Treatment, reason: Report['reason']): Treatment {
  if (held.state === 'failed') return held
  return { ...held, state: 'failed', cause: reason === null ? 'taken-back' : causeOf(reason) }
}

function triesOf({ treatment }: Remembered, release: string): number {
  return treatment?.release === release ? treatment.tries : 0
}

function countAttempt(attempts: Remembered['attempts'], release: string): Remembered['attempts'] {
  const count = (attempts[release] ?? 0) + 1
  const others = Object.entries(attempts).filter(([name]) => name !== release)
  return Object.fromEntries([...others, [release, count] as const].slice(-attemptsKept))
}

const CRASHES: readonly Reason[] = ['exit', 'crash-loop', 'rehearsal-loop']
const ILLNESSES: readonly Reason[] = ['health', 'start-timeout', 'watchdog', 'params', 'over-limit']
const MIGRATIONS: readonly Reason[] = ['migrate', 'check', 'kind-lost']

/** How a reason of the upgrade machine reads in an outcome. */
function causeOf(reason: Reason): Cause {
  if (CRASHES.includes(reason)) return 'crash-loop'
  if (MIGRATIONS.includes(reason)) return 'migration'
  if (reason === 'phone-home') return 'egress'
  if (reason === 'shadow-write') return 'shadow'
  return ILLNESSES.includes(reason) ? 'health' : 'taken-back'
}

/** Reads the notes back as `notesOf` wrote them; nothing of it permits anything. */
export function readRemembered(notes: ReadonlyMap<string, string>): Remembered {
  const read = <K extends keyof Remembered>(key: K, absent: Remembered[K]): Remembered[K] => {
    const text = notes.get(key)
    // Our own text: the journal has checked that it is whole.
    return text === undefined ? absent : (JSON.parse(text) as Remembered[K])
  }
  return {
    treatment: read('treatment', null),
    attempts: read('attempts', {}),
    cores: read('cores', []),
    applied: read('applied', []),
    checks: read('checks', null)
  }
}

/** The notes that changed, as key and text. */
export function notesOf(
  before: Remembered,
  after: Remembered
): readonly (readonly [string, string])[] {
  const keys = ['treatment', 'attempts', 'cores', 'applied', 'checks'] as const
  return keys
    .filter((key) => before[key] !== after[key])
    .map((key) => [key, JSON.stringify(after[key])] as const)
}
