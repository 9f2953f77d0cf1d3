import { SECOND, equal, type Bytes } from '../../base/index.ts'
import {
  encodeEvidence,
  sealEvidence,
  type Evidence,
  type UnsignedEvidence
} from '../../records/index.ts'
import { evidenceId, type Believed, type KnownRelease } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'
import type { SigningKey } from '../papers/keyfile.ts'
import { nextSeq, noteActed, readActed, takeBeaconSeq } from './acted.ts'
import { draftAttest, type Compared } from './attest.ts'
import { draftBeacon } from './beacon.ts'
import { draftBrake, refuseBrake, type BrakeWish } from './brake.ts'

/** Who signs, and when: `nowMs` is unix time. */
interface Signing {
  readonly key: Pick<SigningKey, 'label' | 'key' | 'sign'>
  readonly nowMs: number
}

/**
 * Signs a brake with one key. What it says is written beside the key before it is signed, so that
 * numbers only rise and the limits hold over restarts. Throws as `refuseBrake`, `checkBrakeTime`.
 */
export async function signBrake(
  desk: Desk,
  believed: Believed,
  what: { readonly release: KnownRelease; readonly wish: BrakeWish },
  { key, nowMs }: Signing
): Promise<Evidence> {
  const { network } = believed
  const { release, wish } = what
  const acted = await readActed(desk, key.label)
  refuseBrake(acted, { network, release, nowMs })
  const seq = nextSeq(acted, { kind: 'brake', network })
  const draft = draftBrake(believed, release, { wish, seq })
  const unsigned = encodeEvidence(network, key.key, inSeconds(nowMs), draft)
  await noteActed(desk, key.label, {
    kind: 'brake',
    network,
    release: release.id,
    epoch: release.body.epoch,
    seq,
    fromMs: nowMs,
    untilMs: nowMs + wish.forMs,
    id: evidenceId(unsigned)
  })
  return await seal(unsigned, key)
}

/** Signs what a builder obtained, equal or not; a later word of the key has a higher number. */
export async function signAttest(
  desk: Desk,
  network: Bytes,
  what: { readonly release: KnownRelease; readonly compared: Compared },
  { key, nowMs }: Signing
): Promise<Evidence> {
  const { release, compared } = what
  const acted = await readActed(desk, key.label)
  const seq = nextSeq(acted, { kind: 'attest', network })
  const draft = draftAttest(release, compared, seq)
  const unsigned = encodeEvidence(network, key.key, inSeconds(nowMs), draft)
  const id = evidenceId(unsigned)
  const { epoch } = release.body
  const times = { fromMs: nowMs, untilMs: nowMs }
  const said = { kind: 'attest', network, release: release.id, epoch, seq, ...times, id } as const
  await noteActed(desk, key.label, said)
  return await seal(unsigned, key)
}

/** Signs what this home believes now; `heard` is the highest number peers know of the key. */
export async function signBeacon(
  desk: Desk,
  believed: Believed,
  heard: number,
  { key, nowMs }: Signing
): Promise<Evidence> {
  const { network } = believed
  const seq = await takeBeaconSeq(desk, key.label, { network, heard })
  const draft = draftBeacon(believed, seq)
  return await seal(encodeEvidence(network, key.key, inSeconds(nowMs), draft), key)
}

/** The highest number among beacons of `key`; 0 if none is there. */
export function highestSeq(beacons: readonly Evidence[], key: Bytes): number {
  const own = beacons.filter(({ body, signer }) => body.tag === 'beacon' && equal(signer, key))
  return Math.max(0, ...own.map(({ seq }) => seq))
}

async function seal(
  unsigned: UnsignedEvidence,
  { sign }: Pick<SigningKey, 'sign'>
): Promise<Evidence> {
  return sealEvidence(unsigned, await sign(unsigned.canonical))
}

function inSeconds(ms: number): number {
  return Math.floor(ms / SECOND)
}
