import { OtaError, PPM, unreachable } from '../../base/index.ts'
import type { Effect, Lie, Partition } from '../../sim/index.ts'
import { formatShare, parseDuration, parseShare, type Flags } from '../frame/index.ts'

/** What happens to a rehearsed fleet beside the release itself. */
export interface Weather {
  readonly effect: Effect
  readonly partition: Partition | null
  readonly offlinePpm: number
  readonly lie: Lie | null
}

/** The flags of `rehearse` that say what goes wrong; `USAGE` with the flag and its form. */
export function readWeather(flags: Flags): Weather {
  return {
    effect: effectOf(flags.text('effect') ?? 'none'),
    partition: partitionOf(flags.text('partition')),
    offlinePpm: flags.share('offline') ?? 0,
    lie: lieOf(flags.text('liars'))
  }
}

/** What else goes wrong, for the first line; empty if nothing does. */
export function weatherWords({ partition, offlinePpm, lie }: Weather): string {
  const words: string[] = []
  if (partition !== null) words.push(`partition ${formatShare(partition.sharePpm)}`)
  if (offlinePpm > 0) words.push(`offline ${formatShare(offlinePpm)}`)
  if (lie !== null) words.push(`liars ${formatShare(lie.sharePpm)} ${lie.how}`)
  return words.map((word) => `  ${word}`).join('')
}

/** The same in one word, as it is shown. */
export function effectWord(effect: Effect): string {
  switch (effect.tag) {
    case 'none':
      return 'none'
    case 'crash':
      return `crash=${effect.times}x`
    case 'latency':
      return `latency=+${effect.percent}%`
    default:
      return unreachable(effect)
  }
}

/** `none`, `crash=` how many times as often, `latency=+` how many per cent later. */
function effectOf(word: string): Effect {
  if (word === 'none') return { tag: 'none' }
  const times = Number(/^crash=(\d+(?:\.\d+)?)x$/.exec(word)?.[1] ?? NaN)
  if (times > 0 && times <= PPM) return { tag: 'crash', times }
  const percent = Number(/^latency=\+(\d+(?:\.\d+)?)%$/.exec(word)?.[1] ?? NaN)
  if (percent > 0 && percent <= 10_000) return { tag: 'latency', percent }
  const forms = 'none, a factor like crash=5x, or more time like latency=+20%'
  throw new OtaError('USAGE', `--effect is ${forms}, got "${word}"`)
}

function partitionOf(word: string | null): Partition | null {
  if (word === null) return null
  const [, share, from, time] = /^([^@]+)@(\w+)\+(\w+)$/.exec(word) ?? []
  if (share === undefined || from === undefined || time === undefined) {
    throw new OtaError('USAGE', `--partition is like 30%@2h+6h, got "${word}"`)
  }
  const sharePpm = parseShare(share, '--partition')
  return {
    sharePpm,
    fromMs: parseDuration(from, '--partition'),
    forMs: parseDuration(time, '--partition')
  }
}

function lieOf(word: string | null): Lie | null {
  if (word === null) return null
  const [share = '', said = 'failed'] = word.split(':')
  const how = (['failed', 'ok', 'controls'] as const).find((one) => one === said)
  if (how === undefined) {
    throw new OtaError('USAGE', `--liars is a share, then :failed, :ok or :controls, got "${word}"`)
  }
  return { sharePpm: parseShare(share, '--liars'), how }
}
