import {
  DAY,
  HOUR,
  MINUTE,
  OtaError,
  SECOND,
  alloc,
  equal,
  fromText,
  type Bytes
} from '../../base/index.ts'
import type { Brake, EvidenceDraft } from '../../records/index.ts'
import { resumeNumber, toShortName, type Believed, type KnownRelease } from '../../trust/index.ts'
import type { Acted } from './acted.ts'

/** What a note carries at most, in bytes. */
const NOTE_BYTES = 96
/** Live brakes of one key on one release, and its brakes in one epoch (S104). */
const PER_EPOCH = 3

export interface BrakeWish {
  readonly reason: Brake['reason']
  readonly note: string
  /** 1 min to 24 h. */
  readonly forMs: number
}

const REASONS = ['security', 'data-loss', 'outage', 'other'] as const

/**
 * `security: TEXT`, `data-loss: TEXT`, `outage: TEXT`; any other text is of reason `other`. `USAGE`
 * for an empty one or a note above 96 bytes.
 */
export function parseReason(text: string): Pick<BrakeWish, 'reason' | 'note'> {
  const named = REASONS.find((reason) => text.startsWith(`${reason}:`))
  const note = (named === undefined ? text : text.slice(named.length + 1)).trim().normalize('NFC')
  const size = fromText(note).byteLength
  if (size === 0) throw new OtaError('USAGE', '--reason says nothing')
  if (size > NOTE_BYTES) {
    throw new OtaError('USAGE', `--reason has ${size} bytes, at most ${NOTE_BYTES}`)
  }
  return { reason: named ?? 'other', note }
}

/** Throws `USAGE` for a time that no node would keep. */
export function checkBrakeTime(forMs: number): void {
  if (forMs >= MINUTE && forMs <= DAY) return
  throw new OtaError('USAGE', `a brake lasts 1m to 24h, not ${forMs / SECOND} s`, {
    hint: 'for longer a quorum signs: ota-publish pause RELEASE'
  })
}

/**
 * Refuses what nodes would ignore: a second live brake of one key on one release, and a fourth in
 * the epoch of the release (S104). `acted` is what the key said before.
 */
export function refuseBrake(
  acted: readonly Acted[],
  { network, release, nowMs }: { network: Bytes; release: KnownRelease; nowMs: number }
): void {
  const own = acted.filter((one) => one.kind === 'brake' && equal(one.network, network))
  const live = own.find((one) => equal(one.release, release.id) && one.untilMs > nowMs)
  if (live !== undefined) {
    const left = Math.ceil((live.untilMs - nowMs) / MINUTE)
    const words = left > 90 ? `${Math.round((live.untilMs - nowMs) / HOUR)} h` : `${left} min`
    throw new OtaError(
      'CONTROL_OUT_OF_BOUNDS',
      `this key brakes release ${toShortName(release.id)} already, for ${words} more`,
      { hint: 'one at a time; for longer a quorum signs: ota-publish pause' }
    )
  }
  const { epoch } = release.body
  const used = own.filter((one) => one.epoch === epoch).length
  if (used < PER_EPOCH) return
  throw new OtaError(
    'CONTROL_OUT_OF_BOUNDS',
    `this key has braked ${used} times in epoch ${epoch}, which is all a key may`,
    {
      hint: 'ask another brake key, or a quorum: ota-publish pause',
      facts: { have: used, max: PER_EPOCH }
    }
  )
}

/** A brake under the resume number in force; nodes count it from when they receive it. */
export function draftBrake(
  believed: Believed,
  release: KnownRelease,
  { wish, seq }: { readonly wish: BrakeWish; readonly seq: number }
): EvidenceDraft {
  checkBrakeTime(wish.forMs)
  const { reason, note } = wish
  return {
    subject: release.id.subarray(0, 16),
    stage: 0,
    interval: resumeNumber(believed, release.id),
    seq,
    ttlS: Math.floor(wish.forMs / SECOND),
    body: { tag: 'brake', brake: { reason, severity: 0, evidence: alloc(32), note } }
  }
}
