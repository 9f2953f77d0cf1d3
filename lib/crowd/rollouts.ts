import { DAY, HOUR, toHex, type Bytes } from '../base/index.ts'
import type { Policy } from '../records/index.ts'
import {
  admittedReleases,
  compareOrder,
  excludedKeys,
  releaseSeed,
  resumeNumber,
  type Believed,
  type KnownRelease
} from '../trust/index.ts'
import { bandsOf, type Bands } from './bands.ts'
import type { Lottery } from './draws.ts'

/** A release as evidence about it is read: its draw, its plan, and who may report. */
export interface Rollout {
  readonly known: KnownRelease
  readonly id: Bytes
  readonly hex: string
  /** Subject of its evidence: the first 16 bytes of the id, in hex. */
  readonly subject: string
  readonly lottery: Lottery
  readonly policy: Policy
  readonly bands: Bands
  readonly resume: number
  /** What it has trees for, in order: nodes of one platform are compared with each other. */
  readonly platforms: readonly string[]
  /** Reporting keys that a resume excluded, in hex. */
  readonly excluded: ReadonlySet<string>
  /** Certificates issued before this report (S62); verdict and census: `votersBeforeMs`. */
  readonly reportersBeforeMs: number
  readonly votersBeforeMs: number
}

/**
 * All rollouts of what is believed, by the hex of the release id. It is a pure function of
 * `believed` and kept beside it, so that a fleet that shares one view computes it once.
 */
export function rolloutsOf(believed: Believed): ReadonlyMap<string, Rollout> {
  const held = memo.get(believed)
  if (held !== undefined) return held
  const out = new Map<string, Rollout>()
  for (const known of believed.releases) {
    const rollout = rolloutOf(believed, known)
    out.set(rollout.hex, rollout)
  }
  memo.set(believed, out)
  return out
}

const memo = new WeakMap<Believed, ReadonlyMap<string, Rollout>>()

/** Networks younger than this have no old keys, so nobody's age is asked for. */
const youngMs = 7 * DAY

function rolloutOf(believed: Believed, known: KnownRelease): Rollout {
  const { body, id } = known
  const hex = toHex(id)
  const resume = resumeNumber(believed, id)
  const issuedMs = body.head.issuedMs
  const waived = body.policy.plan.small || issuedMs - foundedMs(believed) < youngMs
  const previous = admittedReleases(believed, body.channel).find(
    (other) => compareOrder(other.body, body) < 0
  )
  const reporters = Math.max(previous?.body.head.issuedMs ?? 0, issuedMs - youngMs + 1)
  return {
    known,
    id,
    hex,
    subject: hex.slice(0, 32),
    lottery: { seed: releaseSeed(known), resume },
    policy: body.policy,
    bands: bandsOf(body.policy),
    resume,
    platforms: [...new Set(body.artifacts.map(({ platform }) => platform))].toSorted(),
    excluded: new Set(excludedKeys(believed, id).map(toHex)),
    reportersBeforeMs: waived ? Infinity : reporters,
    votersBeforeMs: waived ? Infinity : issuedMs - HOUR + 1
  }
}

/** When the network was founded, as far as it is known here. */
function foundedMs({ trusts }: Believed): number {
  const first = trusts.find(({ body }) => body.version === 1)
  return first?.body.issuedMs ?? 0
}
