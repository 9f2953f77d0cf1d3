import { OtaError, equal, toHex, type Bytes } from '../../base/index.ts'
import {
  ROLE,
  type Card,
  type Member,
  type Role,
  type RoleName,
  type Trust
} from '../../records/index.ts'
import {
  admittedReleases,
  countSigners,
  isMet,
  refusals,
  toShortName,
  type Believed,
  type KnownRelease
} from '../../trust/index.ts'
import { currentTrust } from './control.ts'
import { checkThresholds, drawerOf, memberOf } from './found.ts'
import { draftOf, type Draft } from '../papers/request.ts'

export interface Rotation {
  readonly add: readonly { readonly role: RoleName; readonly card: Card }[]
  readonly drop: readonly { readonly role: RoleName; readonly label: string }[]
  readonly need: readonly { readonly role: RoleName; readonly threshold: number }[]
  /** New set of feeds; null keeps those there are. */
  readonly feeds: readonly Bytes[] | null
  readonly raiseEpoch: boolean
  readonly expiresMs: number
  readonly allowSplit: boolean
  readonly nowMs: number
}

/**
 * The next trust, as a draft that the root keys of both must sign. `USAGE` for a label that the
 * role lacks, `SPLIT_QUORUM` as `init` (S95). A corrected draft takes the version above (S98),
 * so the version is one more than any this home has seen.
 */
export function proposeTrust(believed: Believed, rotation: Rotation): Draft {
  const before = currentTrust(believed).body
  const roles = before.roles
    .map((role) => changed(role, rotation))
    .filter(({ members }) => members.length > 0)
  for (const { role } of rotation.add) {
    if (!roles.some((one) => one.role === ROLE[role])) roles.push(newRole(role, rotation))
  }
  const trust: Trust = {
    ...before,
    version: highestVersion(believed) + 1,
    epoch: before.epoch + (rotation.raiseEpoch ? 1 : 0),
    issuedMs: rotation.nowMs,
    expiresMs: rotation.nowMs + rotation.expiresMs,
    roles,
    feeds: rotation.feeds ?? before.feeds
  }
  checkThresholds(trust, rotation.allowSplit)
  return draftOf(believed.network, { tag: 'trust', trust })
}

/**
 * The live and last releases that a new trust would leave without quorum, newest first (S91):
 * `commit` refuses while there are any that were not given up.
 */
function orphans(believed: Believed, next: Trust): readonly KnownRelease[] {
  const channels = new Set(believed.releases.map(({ body }) => body.channel))
  const kept = [...channels].flatMap((channel) => inUse(believed, channel))
  return kept.filter((release) => !isMet(countSigners(next, 'release', release)))
}

/** Throws `ORPHANS_RELEASE` with the releases by name, but for those in `givenUp`. */
export function refuseOrphans(believed: Believed, next: Trust, givenUp: readonly Bytes[]): void {
  const left = orphans(believed, next).filter(({ id }) => !givenUp.some((one) => equal(one, id)))
  if (left.length === 0) return
  const names = left.map(({ id, body }) => `${toShortName(id)} (${body.channel})`).join(', ')
  const first = toShortName(left[0]?.id ?? new Uint8Array(32))
  throw new OtaError('ORPHANS_RELEASE', `trust ${next.version} leaves ${names} without quorum`, {
    hint: `let signers who stay run: ota-publish sign ${first}, or give it up with --drop ${first}`,
    facts: { releases: left.length }
  })
}

/** Newest release of a channel that is not refused, and those above it that still are live. */
function inUse(believed: Believed, channel: string): readonly KnownRelease[] {
  const admitted = admittedReleases(believed, channel)
  const last = admitted.findIndex(({ id }) => refusals(believed, id).aborted.length === 0)
  return last < 0 ? admitted : admitted.slice(0, last + 2)
}

function changed(role: Role, { add, drop, need }: Rotation): Role {
  const name = nameOfRole(role.role)
  if (name === null) return role
  const leaving = drop.filter((one) => one.role === name).map(({ label }) => label)
  for (const label of leaving) {
    if (role.members.some((member) => member.label === label)) continue
    throw new OtaError('USAGE', `role ${name} has no "${label}"`, {
      hint: `it has ${role.members.map((member) => member.label).join(', ')}`
    })
  }
  const staying = role.members.filter(({ label }) => !leaving.includes(label))
  const coming = add.filter((one) => one.role === name).map(({ card }) => asMember(name, card))
  const threshold = need.find((one) => one.role === name)?.threshold ?? role.threshold
  return { role: role.role, threshold, members: [...staying, ...coming] }
}

function newRole(name: RoleName, { add, need }: Rotation): Role {
  const members = add.filter((one) => one.role === name).map(({ card }) => asMember(name, card))
  const threshold = need.find((one) => one.role === name)?.threshold ?? 1
  return { role: ROLE[name], threshold, members }
}

function asMember(role: RoleName, card: Card): Member {
  return role === 'draw' ? drawerOf(card) : memberOf(card)
}

function nameOfRole(role: number): RoleName | null {
  for (const [name, number] of Object.entries(ROLE)) {
    // Cast: the keys of ROLE are the role names.
    if (number === role) return name as RoleName
  }
  return null
}

function highestVersion({ trusts, held, trust }: Believed): number {
  const versions = trusts.map(({ body }) => body.version)
  for (const { any } of held.values()) {
    if (any.tag === 'trust') versions.push(any.known.body.version)
  }
  return Math.max(trust?.body.version ?? 0, ...versions)
}

/** Whether a draft of a trust lists the same key set as before; for the sentence of `propose`. */
export function movedKeys(before: Trust, next: Trust): { added: string[]; dropped: string[] } {
  const [old, now] = [partsOf(before), partsOf(next)]
  return {
    added: [...now].filter(([part]) => !old.has(part)).map(([, text]) => text),
    dropped: [...old].filter(([part]) => !now.has(part)).map(([, text]) => text)
  }
}

/** Every key in every role, and how to say it. */
function partsOf(trust: Trust): Map<string, string> {
  const parts = trust.roles.flatMap(({ role, members }) =>
    members.map(({ key, label }) => {
      const name = nameOfRole(role) ?? String(role)
      return [`${role} ${toHex(key)}`, `${name}=${label}`] as const
    })
  )
  return new Map(parts)
}
