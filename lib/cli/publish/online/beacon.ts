import { MINUTE, OtaError, type Bytes } from '../../../base/index.ts'
import type { Kept } from '../../../crowd/index.ts'
import { highestSeq, signBeacon, type Desk, type SigningKey } from '../../../publish/index.ts'
import { decodeEvidence, type Evidence } from '../../../records/index.ts'
import { hasKey, type Believed } from '../../../trust/index.ts'
import { pause } from './station.ts'

/** Nodes call a beacon stale after an hour: six are missed by then. */
export const beaconEveryMs = 10 * MINUTE
/** Each pause is drawn from so much of it either way, so that beacons do not march in step. */
const SPREAD = 0.1

/** What a beacon needs of the network. */
export interface BeaconPorts {
  readonly believed: () => Believed
  /** What this end holds of single keys, own beacons among it. */
  readonly kept: () => readonly Kept[]
  readonly say: (evidence: Evidence) => Promise<unknown>
  /** Told after each. */
  readonly told: (evidence: Evidence) => void
}

export interface BeaconOptions {
  readonly key: Pick<SigningKey, 'label' | 'key' | 'sign'>
  readonly everyMs: number
  readonly signal: AbortSignal
}

/**
 * Says every `everyMs`, a tenth more or less, what this home believes, until the signal comes.
 * Throws `BAD_KEY` as soon as a trust no longer lists the key: nobody listens to it then (S48).
 */
export async function runBeacon(
  desk: Desk,
  ports: BeaconPorts,
  { key, everyMs, signal }: BeaconOptions
): Promise<void> {
  while (!signal.aborted) {
    const believed = ports.believed()
    demandRole(believed, key)
    const heard = highestSeq(beaconsOf(ports.kept(), believed.network), key.key)
    const nowMs = desk.clock.wallMs()
    const evidence = await signBeacon(desk, believed, heard, { key, nowMs })
    await ports.say(evidence)
    ports.told(evidence)
    const share = 1 - SPREAD + 2 * SPREAD * desk.dice.next()
    await pause(desk, everyMs * share, signal)
  }
}

/** Throws `BAD_KEY` where the newest trust does not list the key as a beacon. */
export function demandRole(
  { trust }: Believed,
  { key, label }: { readonly key: Bytes; readonly label: string }
): void {
  if (trust !== null && hasKey(trust.body, 'beacon', key)) return
  const version = trust?.body.version ?? 0
  throw new OtaError('BAD_KEY', `trust ${version} does not list "${label}" as a beacon`, {
    hint: 'see: ota-publish trust show'
  })
}

function beaconsOf(kept: readonly Kept[], network: Bytes): readonly Evidence[] {
  // beside statements a pool keeps marks of its own, of one byte
  const wires = kept.map(({ wire }) => wire).filter((wire) => wire.byteLength > 1)
  const all = wires.map((wire) => decodeEvidence(wire, network))
  return all.filter(({ body }) => body.tag === 'beacon')
}
