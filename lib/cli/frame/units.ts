import { DAY, GIB, HOUR, KIB, MIB, MINUTE, OtaError, PPM, SECOND } from '../../base/index.ts'

const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY }
const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: KIB,
  MiB: MIB,
  GiB: GIB,
  K: KIB,
  M: MIB,
  G: GIB
}

/** Reads `90s 10m 6h 14d` (also `250ms`) as milliseconds; throws `USAGE` that names `what`. */
export function parseDuration(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  const unit = DURATIONS[match?.[2] ?? '']
  const ms = unit === undefined ? NaN : Math.round(Number(match?.[1]) * unit)
  if (!Number.isSafeInteger(ms)) {
    throw new OtaError('USAGE', `${what} is a duration, got "${text}"`, {
      hint: 'write it as 90s, 10m, 6h or 14d'
    })
  }
  return ms
}

/** Reads `64MiB`, `64M` (the same), `10MB`, `512` as bytes; throws `USAGE` that names `what`. */
export function parseSize(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|KiB|MiB|GiB|K|M|G|)$/.exec(text)
  const unit = SIZES[match?.[2] ?? '-']
  const bytes = unit === undefined ? NaN : Math.round(Number(match?.[1]) * unit)
  if (!Number.isSafeInteger(bytes)) {
    throw new OtaError('USAGE', `${what} is a size, got "${text}"`, {
      hint: 'write it as 512, 64KiB, 10MB or 2GiB'
    })
  }
  return bytes
}

/**
 * Reads a share as ppm: a number 0 to 100 is per cent, and so is `"0.1%"`. A bare number between 0
 * and 1 is refused, as 0.1 where 10 % was meant has cost fleets (S57). Throws `USAGE`.
 */
export function parseShare(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text)
  const percent = Number(match?.[1] ?? NaN)
  if (match !== null && match[2] === '' && percent > 0 && percent < 1) {
    throw new OtaError('USAGE', `${what} is ${text}: a bare number between 0 and 1 is refused`, {
      hint: `write ${text}% or ${percent * 100}`
    })
  }
  const ppm = Math.round((percent * PPM) / 100)
  if (!Number.isSafeInteger(ppm) || ppm > PPM) {
    throw new OtaError('USAGE', `${what} is a share from 0 to 100, got "${text}"`)
  }
  return ppm
}

/** Reads a whole number from `min` to `max`; throws `USAGE` that names `what`. */
export function parseCount(text: string, what: string, range: { min: number; max: number }) {
  const count = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(count >= range.min && count <= range.max)) {
    const need = `a whole number from ${range.min} to ${range.max}`
    throw new OtaError('USAGE', `${what} is ${need}, got "${text}"`)
  }
  return count
}

/** `3.3 MB`, for people. */
export function formatSize(bytes: number): string {
  const steps: readonly [number, string][] = [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB']
  ]
  for (const [unit, name] of steps) {
    if (bytes >= unit) return `${(bytes / unit).toFixed(1)} ${name}`
  }
  return `${bytes} B`
}

/** `41 min`, `6 h`, for people: the largest unit that stays a number above 1.5. */
export function formatDuration(ms: number): string {
  const steps: readonly [number, string][] = [
    [DAY, 'd'],
    [HOUR, 'h'],
    [MINUTE, 'min'],
    [SECOND, 's']
  ]
  for (const [unit, name] of steps) {
    if (ms >= 1.5 * unit || ms === unit) return `${Math.round((ms / unit) * 10) / 10} ${name}`
  }
  return `${ms} ms`
}

/** `37.2 %`. */
export function formatShare(ppm: number): string {
  return `${(ppm / 10_000).toFixed(1)} %`
}
