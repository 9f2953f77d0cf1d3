import { alloc, compare, concat, fromText, toHex, type Bytes } from '../../base/index.ts'
import type { Believed } from '../belief/believed.ts'
import { hash } from '../hash.ts'
import type { KnownEra, KnownRelease } from '../belief/known.ts'
import { equalNumbers } from '../belief/order.ts'
import { isLifted, resumeNumber } from './permission.ts'

const tag = fromText('upswell/authority/1')

/**
 * What a node believes, in 32 bytes: BLAKE2b-256(tag ‖ network ‖ trust ‖ nChannels u8 ‖ per
 * channel, by name bytes: len u8, name, id of the newest admitted release ‖ n u32le ‖ ids of live
 * controls, revokes and eras, ascending). Zeros stand for a trust that is not here. A function of
 * statements and trust alone, never of evidence or clock; nothing pending is in it.
 */
export function authorityDigest(believed: Believed): Bytes {
  const channels = newestByChannel(believed)
  const parts: Bytes[] = [tag, believed.network, believed.trust?.id ?? alloc(32)]
  parts.push(Uint8Array.of(channels.length))
  for (const [name, release] of channels) {
    const bytes = fromText(name)
    parts.push(Uint8Array.of(bytes.byteLength), bytes, headOf(believed, release))
  }
  const live = liveIds(believed)
  parts.push(u32(live.length), ...live)
  return hash([concat(parts)])
}

/** Ids of live controls, revokes and eras, ascending. */
export function liveIds(believed: Believed): readonly Bytes[] {
  const controls = believed.controls.filter((control) => isLiveControl(believed, control))
  const eras = believed.eras.filter((era) => isNewestEra(believed, era))
  return [...controls, ...eras, ...believed.revokes].map(({ id }) => id).toSorted(compare)
}

/** The newest admitted release of each channel, by the bytes of the channels' names. */
function newestByChannel({ releases }: Believed): readonly [string, KnownRelease][] {
  const newest = new Map<string, KnownRelease>()
  for (const release of releases) {
    if (!newest.has(release.body.channel)) newest.set(release.body.channel, release)
  }
  return [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** Several of one number: the hash of the two lowest ids takes the place of the id (S42). */
function headOf(believed: Believed, release: KnownRelease): Bytes {
  const ids = [release, ...equalNumbers(believed, release)].map(({ id }) => id).toSorted(compare)
  const [first, second] = ids
  return first === undefined || second === undefined ? release.id : hash([first, second])
}

/** Whether a control in force is told in the digest. */
export function isLiveControl(
  believed: Believed,
  { id, body }: Believed['controls'][number]
): boolean {
  const { action, release, resume } = body
  if (action === 'pause' || action === 'abort') return !isLifted(believed, id)
  const held = believed.held.get(toHex(release))
  const isKept = held?.standing.tag === 'admitted' || held?.standing.tag === 'kept'
  if (action === 'resume') return isKept
  if (resume !== resumeNumber(believed, release) || held?.any.tag !== 'release') return false
  const { channel } = held.any.known.body
  const head = believed.releases.find((known) => known.body.channel === channel)
  if (head === undefined) return false
  return [head, ...equalNumbers(believed, head)].some((known) => compare(known.id, release) === 0)
}

/** Whether no other of its name has a higher number. */
export function isNewestEra({ eras }: Believed, era: KnownEra): boolean {
  return !eras.some(({ body }) => body.name === era.body.name && body.seq > era.body.seq)
}

function u32(value: number): Bytes {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}
