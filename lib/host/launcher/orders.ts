import type { Limits } from '../rights/limits.ts'
import type { Passing, Serving, SpawnOrder } from './config.ts'
import { plain } from './start.ts'
import type { Ending } from './slot.ts'

/** What a daemon asks for, read field by field: it may be broken, and is never believed. */

export type Request = Readonly<Record<string, unknown>>

export function slotOf(value: unknown): 'a' | 'b' {
  if (value !== 'a' && value !== 'b') throw new Error('no such slot')
  return value
}

export function textOf(request: Request, key: string): string {
  const value = request[key]
  if (typeof value !== 'string') throw new Error(`no ${key}`)
  return value
}

export function servingOf(value: unknown): Serving {
  return value === 'hold' || value === 'pass' ? value : 'relay'
}

/** A number of connections that may wait; the usual one for none. */
export function backlogOf(value: unknown): number | undefined {
  const isUsable = typeof value === 'number' && Number.isInteger(value) && value > 0
  return isUsable ? Math.min(value, 65_535) : undefined
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const

export function signalOf(value: unknown): NodeJS.Signals {
  const signals = [...SIGNALS, 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const
  const found = signals.find((name) => name === value)
  if (found === undefined) throw new Error('no such signal')
  return found
}

export function endingOf({ drain, graceMs }: Request): Ending {
  const fields = new Map<string, unknown>(Object.entries(drain ?? {}))
  const lingerMs = Number(fields.get('lingerMs') ?? 0)
  const drainMaxMs = Number(fields.get('drainMaxMs') ?? 0)
  return { drain: drain === null ? null : { lingerMs, drainMaxMs }, graceMs: Number(graceMs) }
}

export function orderOf(run: unknown): SpawnOrder {
  const fields = fieldsOf(run, 'run')
  const argv = texts(fields['argv'])
  if (argv.length === 0) throw new Error('no program')
  const env: [string, string][] = []
  for (const [key, value] of Object.entries(fields['env'] ?? {})) env.push([key, String(value)])
  return {
    release: textOf(fields, 'release'),
    gen: textOf(fields, 'gen'),
    argv,
    env: Object.fromEntries(env),
    cwd: textOf(fields, 'cwd'),
    ports: texts(fields['ports']),
    signal: SIGNALS.find((name) => name === fields['signal']) ?? 'SIGTERM',
    pass: passOf(fields['pass']),
    hold: fields['hold'] === true,
    limits: limitsIn(fields['limits'])
  }
}

const spareMax = 64

function passOf(value: unknown): Passing {
  if (value === undefined) return plain
  const { level, mode, sockets, watchdogMs } = fieldsOf(value, 'pass')
  const asked = Array.isArray(sockets) ? sockets : []
  return {
    level: ([0, 1, 2] as const).find((one) => one === level) ?? 0,
    mode: mode === 'wait' ? 'wait' : 'live',
    sockets: asked.map((one) => {
      const fields = fieldsOf(one, 'socket')
      const spares = Number(fields['spares'] ?? 0)
      if (!(Number.isInteger(spares) && spares >= 0 && spares <= spareMax)) {
        throw new Error('no number of spares')
      }
      return { name: textOf(fields, 'name'), spares }
    }),
    watchdogMs: typeof watchdogMs === 'number' && watchdogMs > 0 ? watchdogMs : 0
  }
}

function limitsIn(value: unknown): Limits {
  const { memory, pids, nofile } = value === undefined ? {} : fieldsOf(value, 'limits')
  return { memory: countOf(memory), pids: countOf(pids), nofile: countOf(nofile) }
}

function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null
}

function fieldsOf(value: unknown, what: string): Request {
  if (typeof value !== 'object' || value === null) throw new Error(`no ${what}`)
  return Object.fromEntries(Object.entries(value))
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
