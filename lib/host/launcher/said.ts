import { unreachable } from '../../base/assert.ts'
import type { ControlLine } from './stream.ts'

/** Where an app of level 2 says it is. */
export type AppState = 'idle' | 'synced' | 'frozen' | 'primary' | 'released' | 'drained'

/** One thing an app said, understood. Values out of range are no words of the protocol. */
export type Said =
  | { readonly tag: 'ready' | 'stopping' | 'watchdog' }
  | { readonly tag: 'status'; readonly text: string }
  | { readonly tag: 'state'; readonly state: AppState }
  /** `reason` null: well. */
  | { readonly tag: 'health' | 'params'; readonly reason: string | null }
  | { readonly tag: 'metric'; readonly name: string; readonly value: number }
  | { readonly tag: 'priority'; readonly value: number }
  | { readonly tag: 'supports'; readonly eras: readonly string[] }
  | { readonly tag: 'counter'; readonly name: string; readonly value: number }

/** All that holds of what an app said so far; a new daemon reads it here. */
export interface Word {
  readonly ready: boolean
  readonly stopping: boolean
  readonly status: string
  readonly state: AppState | null
  /** The last health it told; null: well, or never told. */
  readonly bad: string | null
  readonly metrics: Readonly<Record<string, number>>
  readonly priority: number | null
  readonly supports: readonly string[]
  readonly counters: Readonly<Record<string, number>>
  /** Answer to the last new parameters. */
  readonly params: { readonly bad: string | null } | null
}

export const silence: Word = {
  ready: false,
  stopping: false,
  status: '',
  state: null,
  bad: null,
  metrics: {},
  priority: null,
  supports: [],
  counters: {},
  params: null
}

const states: readonly AppState[] = ['idle', 'synced', 'frozen', 'primary', 'released', 'drained']
const textMax = 256
const erasMax = 16
const namesMax = 64
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** What a line means; null for keys and values that are none of the protocol's: ignored. */
export function understand({ key, value }: ControlLine): Said | null {
  switch (key) {
    case 'READY':
      return value === '1' ? { tag: 'ready' } : null
    case 'STOPPING':
      return value === '1' ? { tag: 'stopping' } : null
    case 'WATCHDOG':
      return value === '1' ? { tag: 'watchdog' } : null
    case 'STATUS':
      return { tag: 'status', text: value.slice(0, textMax) }
    case 'OTA_STATE': {
      const state = states.find((one) => one === value)
      return state === undefined ? null : { tag: 'state', state }
    }
    case 'OTA_HEALTH':
      return verdict('health', value)
    case 'OTA_PARAMS':
      return verdict('params', value)
    case 'OTA_METRIC':
    case 'OTA_COUNTER':
      return number(key, value)
    case 'OTA_PRIORITY': {
      const priority = /^\d{1,3}$/.test(value) ? Number(value) : Infinity
      return priority <= 100 ? { tag: 'priority', value: priority } : null
    }
    case 'OTA_SUPPORTS':
      return supports(value)
    default:
      return null
  }
}

/** The word as it stands after `said`. */
export function heard(word: Word, said: Said): Word {
  switch (said.tag) {
    case 'ready':
      return { ...word, ready: true }
    case 'stopping':
      return { ...word, stopping: true }
    case 'status':
      return { ...word, status: said.text }
    case 'state':
      return { ...word, state: said.state }
    case 'health':
      return { ...word, bad: said.reason }
    case 'params':
      return { ...word, params: { bad: said.reason } }
    case 'metric':
      return { ...word, metrics: noted(word.metrics, said) }
    case 'counter':
      return { ...word, counters: noted(word.counters, said) }
    case 'priority':
      return { ...word, priority: said.value }
    case 'supports':
      return { ...word, supports: said.eras }
    case 'watchdog':
      return word
    default:
      return unreachable(said)
  }
}

/** Whether it is told to the daemon at once; the rest is read when somebody asks. */
export function isNews(before: Word, said: Said): boolean {
  switch (said.tag) {
    case 'state':
    case 'health':
    case 'params':
      return true
    case 'ready':
      return !before.ready
    case 'stopping':
      return !before.stopping
    case 'counter':
    case 'metric':
    case 'priority':
    case 'status':
    case 'supports':
    case 'watchdog':
      return false
    default:
      return unreachable(said)
  }
}

function verdict(tag: 'health' | 'params', value: string): Said | null {
  if (value === 'ok') return { tag, reason: null }
  const [, reason] = /^bad(?::(.*))?$/su.exec(value) ?? [null]
  // Anything that is neither is no verdict: unknown is never well.
  if (!value.startsWith('bad')) return null
  return { tag, reason: (reason ?? '').slice(0, textMax) }
}

function number(key: 'OTA_METRIC' | 'OTA_COUNTER', text: string): Said | null {
  const cut = text.indexOf(':')
  const name = text.slice(0, cut)
  const digits = text.slice(cut + 1)
  if (cut < 1 || !namePattern.test(name)) return null
  const isCounter = key === 'OTA_COUNTER'
  const pattern = isCounter ? /^\d{1,16}$/ : /^-?\d{1,18}(?:\.\d{1,18})?(?:e[+-]?\d{1,3})?$/i
  const value = pattern.test(digits) ? Number(digits) : Number.NaN
  if (!(isCounter ? Number.isSafeInteger(value) : Number.isFinite(value))) return null
  return { tag: isCounter ? 'counter' : 'metric', name, value }
}

function supports(value: string): Said | null {
  const eras = value === '' ? [] : value.split(',')
  const valid = eras.length <= erasMax && eras.every((era) => namePattern.test(era))
  return valid ? { tag: 'supports', eras: [...new Set(eras)] } : null
}

/** At most so many names are kept: a new one beyond them is dropped. */
function noted(
  held: Readonly<Record<string, number>>,
  { name, value }: { readonly name: string; readonly value: number }
): Readonly<Record<string, number>> {
  if (!Object.hasOwn(held, name) && Object.keys(held).length >= namesMax) return held
  return { ...held, [name]: value }
}
