import { DAY, HOUR, MINUTE, SECOND, type Code } from '../../base/index.ts'
import type { PoolView } from '../../crowd/index.ts'
import { ROLE } from '../../records/index.ts'
import { expired, toShortName, type Believed } from '../../trust/index.ts'
import type { Judged } from './facts.ts'

/** What is seen of the world in one moment, as far as it may stand against a release. */
export interface Moment {
  readonly believed: Believed
  readonly pool: Pick<PoolView, 'brakes' | 'attestations' | 'freshness' | 'claim'>
  readonly nowMs: number
  /** This clock against the median of the peers. */
  readonly clockSkewMs: number | null
  readonly platform: string
  /** Organisations that this node's operator asks for at least. */
  readonly attest: number
}

/** One condition answered; an unmet one carries its code. */
export interface Answer {
  readonly ok: boolean
  readonly text: string
  readonly have?: number
  readonly need?: number
  readonly code?: Code
}

/** What signers and their keys say of a release, in the order in which it is asked. */
export type AgainstId =
  'trust' | 'signatures' | 'equal' | 'abort' | 'floor' | 'pause' | 'brake' | 'attestations'

/** How near a release is: nothing runs here yet, or this node leaves what it runs. */
export interface Nearness {
  /** A first install moves no stage, so that staleness does not stop it; a freeze does. */
  readonly first: boolean
  /** The fleet has halted it, as far as this node knows. */
  readonly halted: boolean
}

/**
 * Everything that is judged anew whenever a release comes a step nearer: at the decision, before
 * its bytes are unpacked, and just before it takes charge (S19). The same for all three, so that
 * what was decided is never withheld for a reason that the decision cannot see.
 */
export function standings(
  moment: Moment,
  judged: Judged,
  { first, halted }: Nearness
): Readonly<Record<AgainstId, Answer>> {
  const { equals, aborted, floor, paused } = judged
  return {
    trust: trustNow(moment, first),
    signatures: signaturesNow(moment, judged),
    equal:
      equals === 0
        ? met('no other release has its number')
        : unmet('EQUIVOCATION', `${equals} more with its number`),
    abort: aborted
      ? unmet('HALTED', 'aborted by the signers')
      : halted
        ? unmet('HALTED', 'halted by the fleet')
        : met('not aborted, not halted'),
    floor:
      floor === null
        ? met('below no floor')
        : unmet('ROLLBACK_REFUSED', `below the floor ${toShortName(floor)}`),
    pause: paused ? unmet('PAUSED', 'paused by the signers') : met('not paused'),
    brake: brakeNow(moment, judged),
    attestations: attestedNow(moment, judged)
  }
}

/** The order of `AgainstId`, as `why` shows it. */
const againstOrder: readonly AgainstId[] = [
  'trust',
  'signatures',
  'equal',
  'abort',
  'floor',
  'pause',
  'brake',
  'attestations'
]

/** The first thing that stands against a release, or null. */
export function firstAgainst(answers: Readonly<Record<AgainstId, Answer>>): Answer | null {
  const id = againstOrder.find((one) => !answers[one].ok)
  return id === undefined ? null : answers[id]
}

/** Nothing stands against this release but what stands against every one. */
export function isUnopposed(moment: Moment, judged: Judged): boolean {
  const answers = standings(moment, judged, { first: true, halted: false })
  return againstOrder.every((id) => id === 'trust' || answers[id].ok)
}

/**
 * Whether anything may be built upon what is believed: no fork, not expired, the clock near that of
 * the peers (S47), and fresh, where the trust lists beacons (S37, S39, S40). Staleness stops the
 * steps of those who run something; a freeze, and what most beacons say is withheld, stop installs.
 */
export function trustNow(moment: Moment, first: boolean): Answer {
  const { believed, nowMs, clockSkewMs, pool } = moment
  const { trust, fork } = believed
  if (trust === null) return unmet('TRUST_UNSETTLED', 'no trust is here yet')
  if (fork.length > 0) return unmet('TRUST_FORK', 'two trusts stand against each other')
  const { version } = trust.body
  if (expired(believed, nowMs)) return unmet('TRUST_EXPIRED', `trust ${version} has expired`)
  if (isClockOff(clockSkewMs)) {
    return unmet('CLOCK_SKEW', 'this clock is more than an hour off the median of its peers')
  }
  const claim = pool.claim(nowMs)
  if (claim?.majority === true) {
    const what =
      claim.code === 'TRUST_WITHHELD'
        ? `trust ${claim.trustVersion} that nobody gives`
        : 'statements that nobody gives'
    return unmet(claim.code, `${what}, named by ${claim.by.join(', ')}`)
  }
  const fresh = pool.freshness(nowMs)
  if (fresh.state === 'frozen') return unmet('FROZEN', `frozen: ${ageText(fresh.ageMs)}`)
  if (fresh.state === 'stale' && !first) return unmet('STALE', `stale: ${ageText(fresh.ageMs)}`)
  return met(fresh.state === 'none' ? `trust ${version}` : `trust ${version}, ${fresh.state}`)
}

/** gossip, clock: more than an hour off the peers' median holds everything (S47). */
export function isClockOff(skewMs: number | null): boolean {
  return skewMs !== null && Math.abs(skewMs) > HOUR
}

function signaturesNow({ believed }: Moment, { permission, admitted }: Judged): Answer {
  const { have, need, signers } = permission
  const under = believed.trust === null ? '' : ` under trust ${believed.trust.body.version}`
  const text = `${have} of ${need} signatures (${signers.join(', ')})${under}`
  // enough people, but of another epoch, without a draw value, or with a number used twice
  const isShort = have < need || !admitted
  const said = have >= need && !admitted ? `${text}, not admitted` : text
  return { ...(isShort ? unmet('THRESHOLD_NOT_MET', said) : met(said)), have, need }
}

/** One brake key stops the steps of a release for a day at most (S104). */
export function brakeNow({ pool, nowMs }: Moment, { hex }: Judged): Answer {
  const { live, acts, untilMs } = pool.brakes(hex, nowMs)
  if (live.length === 0) return met('no brake')
  const who = [...new Set(live.map(({ label }) => label))].join(', ')
  if (!acts) return met(`braked by ${who}, which is too few keys`)
  const why = [...new Set(live.map(({ reason }) => reason))].join(', ')
  const left = untilMs === null ? '' : `, ${forText(Math.max(0, untilMs - nowMs))} left`
  return unmet('PAUSED', `braked by ${who} (${why})${left}`)
}

/**
 * Organisations that built the artifact of this platform and got the signed tree: as many as the
 * trust, the policy or this node's operator ask for, whoever asks for most (S54). One listed
 * builder who got another tree blocks, until a resume names the dispute (S55).
 */
export function attestedNow(moment: Moment, { known, hex }: Judged): Answer {
  const { artifacts, policy } = known.body
  const need = Math.max(
    moment.believed.trust?.body.roles.find(({ role }) => role === ROLE.build)?.threshold ?? 0,
    policy.others.attest,
    moment.attest
  )
  const index = artifacts.findIndex(
    ({ platform, component }) => platform === moment.platform && component === ''
  )
  // the platform is a condition of its own
  if (index < 0) return met('nothing for this platform to attest')
  const { organisations, conflicts } = moment.pool.attestations(hex, index, moment.nowMs)
  const have = organisations.length
  const dispute = conflicts[0]
  if (dispute !== undefined) {
    const text = `${dispute.label} of ${dispute.organisation} attests another tree`
    return { ...unmet('ATTEST_CONFLICT', text), have, need }
  }
  if (need === 0) return met('no attestation asked for')
  const names = have === 0 ? '' : ` (${organisations.join(', ')})`
  const text = `${have} of ${need} organisations attest${names}`
  return { ...(have >= need ? met(text) : unmet('ATTEST_QUORUM_NOT_MET', text)), have, need }
}

function met(text: string): Answer {
  return { ok: true, text }
}

function unmet(code: Code, text: string): Answer {
  return { ok: false, text, code }
}

function ageText(ageMs: number | null): string {
  return ageMs === null ? 'no beacon was ever heard' : `no beacon for ${forText(ageMs)}`
}

/** A duration for people, in its two largest units at most. */
function forText(ms: number): string {
  if (ms < MINUTE) return `${Math.ceil(ms / SECOND)} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`
}
