import { readdirSync, readFileSync } from 'node:fs'
import type { Limits } from '../app/runspec.ts'
import { noMeters, type Meters } from './order.ts'

/** Clock ticks in a second: `USER_HZ`, the same on every Linux that Node runs on. */
const ticks = 100
const pageBytes = 4_096

interface Reading {
  readonly rssBytes: number
  readonly cpuMs: number
  readonly fds: number
  readonly writtenBytes: number
}

/**
 * Reads `/proc` of a jail, where nothing runs but its first processes (`except`) and the app.
 * Processes that begin and end between two looks count only for what their parents waited for.
 */
export class Meter {
  readonly #except: ReadonlySet<number>
  readonly #sums = new Map<string, Reading>()
  #peak: Meters = noMeters

  constructor(except: readonly number[]) {
    this.#except = new Set(except)
  }

  get meters(): Meters {
    return this.#peak
  }

  look(): void {
    const now: Reading[] = []
    for (const name of readdirSync('/proc')) {
      const pid = Number(name)
      if (!Number.isInteger(pid) || this.#except.has(pid)) continue
      const found = readProcess(pid)
      if (found === null) continue
      now.push(found.reading)
      this.#sums.set(found.key, found.reading)
    }
    const all = [...this.#sums.values()]
    const [before, sum] = [this.#peak, total(now)]
    this.#peak = {
      rssBytes: Math.max(before.rssBytes, sum.rssBytes),
      cpuMs: total(all).cpuMs,
      pids: Math.max(before.pids, now.length),
      fds: Math.max(before.fds, ...now.map(({ fds }) => fds)),
      writtenBytes: total(all).writtenBytes
    }
  }
}

/** The first bound that was broken, in words; null: none. */
export function overLimit(meters: Meters, limits: Limits): string | null {
  const rows = [
    ['memory', meters.rssBytes, limits.memory],
    ['processes', meters.pids, limits.pids],
    ['open files', meters.fds, limits.nofile],
    ['bytes written', meters.writtenBytes, limits.disk]
  ] as const
  const broken = rows.find(([, have, most]) => most !== null && have > most)
  if (broken === undefined) return null
  const [what, have, most] = broken
  return `${what}: ${have}, at most ${most}`
}

function total(readings: readonly Reading[]): Reading {
  const sum = { rssBytes: 0, cpuMs: 0, fds: 0, writtenBytes: 0 }
  for (const one of readings) {
    sum.rssBytes += one.rssBytes
    sum.cpuMs += one.cpuMs
    sum.fds += one.fds
    sum.writtenBytes += one.writtenBytes
  }
  return sum
}

/** Null for one that is gone. The key tells a process from another that gets its number. */
function readProcess(pid: number): { readonly key: string; readonly reading: Reading } | null {
  const stat = text(`/proc/${pid}/stat`)
  if (stat === null) return null
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (index: number): number => Number(fields[index] ?? 0)
  const written = /^write_bytes: (\d+)$/m.exec(text(`/proc/${pid}/io`) ?? '')?.[1]
  const reading = {
    rssBytes: at(21) * pageBytes,
    // its own time and that of the children it waited for
    cpuMs: Math.round(((at(11) + at(12) + at(13) + at(14)) * 1_000) / ticks),
    fds: count(`/proc/${pid}/fd`),
    writtenBytes: Number(written ?? 0)
  }
  return { key: `${pid} ${at(19)}`, reading }
}

function text(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // it ended meanwhile
    return null
  }
}

function count(path: string): number {
  try {
    return readdirSync(path).length
  } catch {
    return 0
  }
}
