import { DAY, OtaError, toHex, type Bytes } from '../../base/index.ts'
import { ROLE, type Card, type Member, type Role, type Trust } from '../../records/index.ts'
import { draftOf, type Draft } from '../papers/request.ts'

/** Somebody who builds from source and attests what came of it. */
export interface Builder {
  readonly organisation: string
  readonly card: Card
}

/** What `init` was told. Thresholds left null get a majority, brake 1. */
export interface Founding {
  readonly name: string
  readonly cards: readonly Card[]
  readonly root: number | null
  readonly release: number | null
  readonly brake: number | null
  readonly enrollers: readonly Card[]
  readonly drawers: readonly Card[]
  /** Online keys that say what is newest. */
  readonly beacons: readonly Card[]
  readonly builders: readonly Builder[]
  /** Organisations that must attest a release; null: one, if there is any builder. */
  readonly attest: number | null
  readonly membership: 'open' | 'enrolled'
  readonly access: 'any' | 'members'
  readonly expiresMs: number
  readonly allowSplit: boolean
  readonly nowMs: number
}

const FEEDS_MAX = 4
/** The gossip versions this program speaks. */
const PROTOCOL = { low: 1, high: 1 }

/**
 * The first trust of a network, as a draft that every key in it must sign. `USAGE` for thresholds
 * out of reach, `SPLIT_QUORUM` for a root or release threshold that two disjoint groups can meet
 * (S95), `BAD_TRUST` for a key under two labels (S3).
 */
export function foundNetwork(founding: Founding): Draft {
  const { cards, nowMs } = founding
  const members = cards.map(memberOf)
  const majority = Math.floor(cards.length / 2) + 1
  const roles: Role[] = [
    { role: ROLE.root, threshold: founding.root ?? majority, members },
    { role: ROLE.release, threshold: founding.release ?? majority, members },
    { role: ROLE.brake, threshold: founding.brake ?? 1, members }
  ]
  roles.push(...furtherRoles(founding))
  const trust: Trust = {
    name: founding.name,
    version: 1,
    epoch: 1,
    issuedMs: nowMs,
    expiresMs: nowMs + founding.expiresMs,
    roles,
    membership: founding.membership,
    access: founding.access,
    feeds: feedsOf(cards),
    protoLow: PROTOCOL.low,
    protoHigh: PROTOCOL.high,
    ext: []
  }
  checkThresholds(trust, founding.allowSplit)
  return draftOf(null, { tag: 'trust', trust })
}

/** The roles a network may do without; one without members is left out. */
function furtherRoles(founding: Founding): readonly Role[] {
  const { beacons, drawers, builders, enrollers } = founding
  if (builders.length === 0 && founding.attest !== null) {
    throw new OtaError('USAGE', '--attest needs builders', {
      hint: 'name them: --builder ORG=CARD'
    })
  }
  const all: readonly Role[] = [
    { role: ROLE.beacon, threshold: 1, members: beacons.map(memberOf) },
    { role: ROLE.draw, threshold: 1, members: drawers.map(drawerOf) },
    { role: ROLE.build, threshold: founding.attest ?? 1, members: builders.map(builderOf) },
    { role: ROLE.enrol, threshold: 1, members: enrollers.map(memberOf) }
  ]
  return all.filter(({ members }) => members.length > 0)
}

/**
 * Refuses thresholds nobody can meet, and those two disjoint quorums can meet (S95). `flag` is how
 * a threshold is given: `--root 2`, `--need root=2`.
 */
export function checkThresholds(
  trust: Trust,
  allowSplit: boolean,
  flag: (role: string) => string = (role) => `--${role} `
): void {
  refuseTwinLabels(trust)
  for (const name of ['root', 'release', 'brake'] as const) {
    const role = trust.roles.find((one) => one.role === ROLE[name])
    const size = role?.members.length ?? 0
    const need = role?.threshold ?? 0
    if (need < 1 || need > size) {
      throw new OtaError('USAGE', `role ${name} needs ${need} of ${size} keys`, {
        hint:
          size === 0 ? `role ${name} needs a key` : `give ${flag(name)}K with K from 1 to ${size}`
      })
    }
    if (name === 'brake' || need * 2 > size || allowSplit) continue
    throw new OtaError(
      'SPLIT_QUORUM',
      `role ${name} needs ${need} of ${size}: two groups without a common signer could sign twice`,
      {
        hint: `use at least ${Math.floor(size / 2) + 1}, or say --allow-split`,
        facts: { role: name, need, size }
      }
    )
  }
}

/** People drop and ask for each other by label, so two keys never share one. */
function refuseTwinLabels({ roles }: Trust): void {
  const keys = new Map<string, string>()
  for (const { key, label } of roles.flatMap(({ members }) => members)) {
    const hex = toHex(key)
    if ((keys.get(label) ?? hex) !== hex) {
      throw new OtaError('USAGE', `two keys have the label "${label}"`, {
        hint: 'make one of them anew under a label of its own: ota-publish keys new --label L'
      })
    }
    keys.set(label, hex)
  }
}

/** What a trust means in words, for `init` and `trust show`: who may do what, who may be lost. */
export function explainTrust(trust: Trust): string {
  const part = (name: 'root' | 'release' | 'brake'): { k: number; n: number } => {
    const role = trust.roles.find((one) => one.role === ROLE[name])
    return { k: role?.threshold ?? 0, n: role?.members.length ?? 0 }
  }
  const [root, release, brake] = [part('root'), part('release'), part('brake')]
  const days = Math.floor((trust.expiresMs - trust.issuedMs) / DAY)
  const again = Math.max(0, days - 60)
  const sentences = [
    `any ${root.k} of ${root.n} may change keys`,
    `any ${release.k} of ${release.n} may release`,
    `any ${brake.k} of ${brake.n} may brake for a day`,
    invitesOf(trust)
  ]
  const who = `${sentences.join(', ')}; ${lossesOf(release, root)}`
  const fresh = [...attestsOf(trust), beaconsOf(trust)].join('; ')
  const end = `trust ${trust.version} expires in ${days} days, re-sign from day ${again}`
  return `${who}; ${fresh}; ${end}`
}

/** What `init` and `trust propose` warn about: nobody may be lost, one key decides alone. */
export function warningsOf(trust: Trust): readonly string[] {
  const warnings: string[] = []
  for (const name of ['root', 'release'] as const) {
    const role = trust.roles.find((one) => one.role === ROLE[name])
    const [need, size] = [role?.threshold ?? 0, role?.members.length ?? 0]
    if (size === 1) warnings.push(`role ${name} is one key: whoever has it decides alone`)
    else if (need === size) {
      warnings.push(`role ${name} needs all ${size} keys: lose one and it can never act again`)
    }
  }
  return warnings
}

export function memberOf(card: Card): Member {
  return { key: card.key, label: card.label, draw: null, organisation: null }
}

/** A builder counts for an organisation, once however many keys it has (S54). */
export function builderOf({ organisation, card }: Builder): Member {
  return { ...memberOf(card), organisation }
}

export function drawerOf(card: Card): Member {
  if (card.draw === null) {
    throw new OtaError('USAGE', `the card of "${card.label}" has no draw root`)
  }
  return { ...memberOf(card), draw: card.draw }
}

function invitesOf(trust: Trust): string {
  if (trust.membership === 'open') return 'anyone may join'
  const enrollers = trust.roles.find((one) => one.role === ROLE.enrol)?.members ?? []
  const labels = enrollers.map(({ label }) => label).join(' or ')
  return `${labels} ${enrollers.length === 1 ? 'invites' : 'invite'}`
}

function attestsOf(trust: Trust): readonly string[] {
  const build = trust.roles.find(({ role }) => role === ROLE.build)
  if (build === undefined) return []
  const all = new Set(build.members.map(({ organisation }) => organisation)).size
  return [`${build.threshold} of ${all} organisation${all === 1 ? '' : 's'} must attest`]
}

function beaconsOf(trust: Trust): string {
  const beacon = trust.roles.find(({ role }) => role === ROLE.beacon)
  if (beacon === undefined) return 'no beacon, freshness is trust expiry'
  const { threshold, members } = beacon
  return `fresh by ${threshold} of ${members.length} beacon${members.length === 1 ? '' : 's'}`
}

type Part = { readonly k: number; readonly n: number }

function lossesOf(release: Part, root: Part): string {
  const signers = release.n - release.k
  const roots = root.n - root.k
  const text = `you may lose ${signers} signer${signers === 1 ? '' : 's'}`
  return signers === roots ? text : `${text}, ${roots} of root`
}

/** Feeds of the first four cards: any of them suffices. */
function feedsOf(cards: readonly Card[]): readonly Bytes[] {
  const feeds = new Map(cards.map(({ feed }) => [toHex(feed), feed]))
  return [...feeds.values()].slice(0, FEEDS_MAX)
}
