import { silence, type Word } from '../launcher/said.ts'
import type { Appetite } from './appetite.ts'
import type { Chargeable } from './charge.ts'
import type { Prober } from './prober.ts'
import type { RunSpec } from './runspec.ts'

const drainedGraceMs = 5_000

/** A process as the daemon sees it. */
export interface Running extends Chargeable {
  readonly gen: string
  prober: Prober | null
  /** Of a process whose memory is bounded and nobody else counts it. */
  appetite: Appetite | null
  /** What it said over its control stream. */
  word: Word
  /** It may serve: at level 2 not before it said so. */
  isPrimary: boolean
  /** It was not put in charge yet, and is not asked to be. */
  waits: boolean
}

/** Of a process that nobody here started. */
export const usualManners = {
  lingerMs: 1_500,
  drainMaxMs: 30_000,
  proxy: true,
  passes: false,
  level: 0,
  stopTimeoutMs: 30_000
} as const

/** From the signal to SIGKILL, once it was drained: one that drains by itself needs that long. */
export function graceOf({
  proxy,
  passes,
  level,
  drainMaxMs,
  stopTimeoutMs
}: Pick<RunSpec, keyof typeof usualManners>): number {
  if (proxy || level === 2) return drainedGraceMs
  return (passes ? Math.max(stopTimeoutMs, drainMaxMs) : stopTimeoutMs) + drainedGraceMs
}

/** A process that is about to start, or that the launcher runs already. */
export function newRunning(
  spec: RunSpec,
  gen: string,
  { word = silence, waits }: { readonly word?: Word; readonly waits: boolean }
): Running {
  const made: Running = {
    spec,
    gen,
    word,
    waits,
    prober: null,
    appetite: null,
    isPrimary: isPrimary(spec, word),
    awaited: null,
    isHealthy: () => made.prober?.isHealthy === true
  }
  return made
}

/** Whether it accepts: one that takes sockets over its stream does once it is in charge. */
export function isPrimary(spec: RunSpec, { state }: Word): boolean {
  return spec.level < 2 || state === 'primary' || state === 'frozen'
}

/** An address as the app itself binds it, asked from this machine. */
export function local(address: string): string {
  return address.replace(/^(0\.0\.0\.0|\[::\]|):/, '127.0.0.1:')
}
