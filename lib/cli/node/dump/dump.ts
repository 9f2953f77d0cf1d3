import { equal } from '../../../base/index.ts'
import { ROLE, type Role, type Trust } from '../../../records/index.ts'
import {
  authorityDigest,
  formatJoin,
  signedDateMs,
  toName,
  type AnyKnown,
  type Believed,
  type Checkpoint,
  type KnownTrust
} from '../../../trust/index.ts'
import { attestationsIn, brakesIn, claimIn, freshnessIn } from './evidence.ts'
import type { DumpInput } from './input.ts'
import { channelsIn, controlsIn, floorsIn } from './releases.ts'
import type { FeedState, Span, TrustDump, TrustRef, TrustState, Waiting } from './types.ts'

/** Everything a node believes, as plain JSON; nothing of it is judged here. */
export function dumpOf(input: DumpInput): TrustDump {
  const { source, believed } = input
  const { network, trust, trusts, fork, checkpoint, adopted } = believed
  return {
    schema: 1,
    source,
    network: { id: toName(network), name: trust?.body.name ?? null },
    join: formatJoin(network, trust && { version: trust.body.version, id: trust.id }),
    checkpoint: checkpoint && pointOf(checkpoint),
    adopted: adopted && pointOf(adopted),
    trust: trust && trustIn(trust),
    chain: trusts.map((one) => ({ ...refOf(one), ...spanOf(one.body) })),
    fork: fork.map(refOf),
    digest: toName(authorityDigest(believed)),
    signedDateMs: signedDateMs(believed),
    heights: heightsIn(input),
    channels: channelsIn(believed),
    controls: controlsIn(believed),
    floors: floorsIn(believed),
    eras: believed.eras.map(({ id, body: { name, action, bit, seq, source: from, at } }) => {
      return { id: toName(id), name, action, bit, seq, source: from, at }
    }),
    revokes: believed.revokes.map(({ id, body: { invite, slots } }) => {
      return { id: toName(id), invite: toName(invite), slots }
    }),
    ...waitingIn(believed),
    feeds: feedsIn(input),
    freshness: freshnessIn(input),
    claim: claimIn(input),
    brakes: brakesIn(input),
    attestations: attestationsIn(input)
  }
}

function refOf({ id, body }: KnownTrust): TrustRef {
  return { version: body.version, id: toName(id) }
}

function pointOf({ version, id }: Checkpoint): TrustRef {
  return { version, id: toName(id) }
}

function spanOf({ epoch, issuedMs, expiresMs }: Trust): Span {
  return { epoch, issuedMs, expiresMs }
}

function trustIn(known: KnownTrust): TrustState {
  const { name, membership, access, protoLow, protoHigh, feeds, roles } = known.body
  return {
    ...refOf(known),
    ...spanOf(known.body),
    name,
    membership,
    access,
    protoLow,
    protoHigh,
    feeds: feeds.map(toName),
    roles: roles.map(roleIn)
  }
}

const roleNames = new Map(Object.entries(ROLE).map(([name, number]) => [number as number, name]))

function roleIn({ role, threshold, members }: Role): TrustState['roles'][number] {
  return {
    role: roleNames.get(role) ?? `role ${role}`,
    threshold,
    members: members.map(({ label, key, organisation, draw }) => ({
      label,
      key: toName(key),
      organisation,
      draw: draw && { root: toName(draw.root), first: draw.first }
    }))
  }
}

function heightsIn({ believed, height }: DumpInput): TrustDump['heights'] {
  const channels = new Set<string>()
  for (const { any } of believed.held.values()) {
    if (any.tag === 'release') channels.add(any.known.body.channel)
  }
  return [...channels].toSorted().flatMap((channel) => {
    const highest = height(channel)
    return highest === null ? [] : [{ channel, ...highest }]
  })
}

function waitingIn({ held }: Believed): Pick<TrustDump, 'pending' | 'kept'> {
  const pending: (Waiting & { readonly have: number; readonly need: number })[] = []
  const kept: Waiting[] = []
  for (const { any, standing } of held.values()) {
    if (standing.tag !== 'pending' && standing.tag !== 'kept') continue
    const { code, message: reason } = standing
    const one = { id: toName(any.known.id), type: typeOf(any), code, reason }
    if (standing.tag === 'kept') kept.push(one)
    else pending.push({ ...one, have: standing.have, need: standing.need })
  }
  return { pending, kept }
}

function typeOf(any: AnyKnown): string {
  return any.tag === 'other' ? `type ${any.known.body.type}` : any.tag
}

function feedsIn({ believed, feeds }: DumpInput): readonly FeedState[] {
  return (believed.trust?.body.feeds ?? []).map((key) => {
    const look = feeds?.find((one) => equal(one.key, key))
    const name = toName(key)
    if (look === undefined) return { key: name, state: 'unknown', length: 0, peers: 0 }
    const state = look.isDead === true && look.state === 'reading' ? 'dead' : look.state
    return { key: name, state, length: look.length, peers: look.peers }
  })
}
