import { DAY, OtaError, type Bytes } from '../../../base/index.ts'
import { ROLE, type Card, type RoleName } from '../../../records/index.ts'
import {
  currentTrust,
  dropEverywhere,
  explainTrust,
  highestSigned,
  movedKeys,
  nameOf,
  proposeTrust,
  readCard,
  replaceSigner,
  requestOf,
  warningsOf,
  type Desk,
  type Rotation
} from '../../../publish/index.ts'
import { formatJoin, fromName, type Believed } from '../../../trust/index.ts'
import type { Context, FlagTable, Outcome } from '../../frame/index.ts'
import { needAuthority } from '../belief.ts'
import { deskOf, writeLine, wrote } from '../desk.ts'
import { roleName, trustChanges, trustLines } from '../review/trust.ts'

const EXPIRES_MS = 365 * DAY
const FEEDS_MAX = 4

/** What every draft of a trust takes. */
const draftFlags: FlagTable = {
  need: { type: 'list' },
  feed: { type: 'list' },
  number: { type: 'text' },
  'raise-epoch': { type: 'switch' },
  expires: { type: 'text' },
  'allow-split': { type: 'switch' },
  output: { type: 'text', short: 'o' }
}

export const trustFlags: FlagTable = {
  add: { type: 'list' },
  drop: { type: 'list' },
  ...draftFlags
}

export const rotateFlags: FlagTable = {
  add: { type: 'text' },
  drop: { type: 'text' },
  ...draftFlags
}

export const revokeKeyFlags: FlagTable = draftFlags

/** `trust show`: who may do what now. */
export async function trustShow(context: Context): Promise<Outcome> {
  const { believed } = await needAuthority(deskOf(context))
  const { body, id } = currentTrust(believed)
  const join = formatJoin(believed.network, { version: body.version, id })
  const roles = body.roles.map(({ role, threshold, members }) => ({
    role: roleName(role),
    threshold,
    members: members.map(({ label, key }) => ({ label, key }))
  }))
  const { version, epoch, membership, expiresMs, feeds, name } = body
  const data = { trust: id, name, version, epoch, membership, expiresMs, roles, feeds, join }
  const lines = [...trustLines(context.out, body), explainTrust(body), `join ${join}`]
  context.out.result('trust', data, lines)
  return { data }
}

/** `trust propose`: the next trust as a request; the root keys of both trusts sign it. */
export async function trustPropose(context: Context): Promise<Outcome> {
  const desk = deskOf(context)
  const { believed } = await needAuthority(desk)
  const { flags } = context
  const add = []
  for (const text of flags.list('add')) add.push(await newcomer(desk, text))
  const drop = flags.list('drop').map((text) => {
    const { role, value } = pair(text, '--drop ROLE=LABEL')
    return { role, label: value }
  })
  const feeds = feedsOf(context)
  return await draft(context, { desk, believed }, { add, drop, feeds })
}

/** `trust rotate`: one signer goes from every role, and another comes in the same ones. */
export async function trustRotate(context: Context): Promise<Outcome> {
  const desk = deskOf(context)
  const { believed } = await needAuthority(desk)
  const { body } = currentTrust(believed)
  const label = context.flags.need('drop')
  const card = await readCard(desk, context.flags.need('add'))
  const feeds = feedsOf(context) ?? feedsWith(context, body.feeds, card)
  return await draft(context, { desk, believed }, { ...replaceSigner(body, label, card), feeds })
}

/** `trust revoke`: a signer goes from every role, and nobody comes. */
export async function trustRevoke(context: Context): Promise<Outcome> {
  const desk = deskOf(context)
  const { believed } = await needAuthority(desk)
  const { body } = currentTrust(believed)
  const drop = context.args.flatMap((label) => dropEverywhere(body, label))
  return await draft(context, { desk, believed }, { add: [], drop, feeds: feedsOf(context) })
}

type Moves = Pick<Rotation, 'add' | 'drop' | 'feeds'>

async function draft(
  context: Context,
  { desk, believed }: { readonly desk: Desk; readonly believed: Believed },
  moves: Moves
): Promise<Outcome> {
  const { flags, out } = context
  const before = currentTrust(believed).body
  const request = proposeTrust(believed, {
    ...moves,
    need: flags.list('need').map(needOf),
    number: flags.count('number', 1, Number.MAX_SAFE_INTEGER),
    signed: (await highestSigned(desk, believed.network, { tag: 'trust' })) ?? 0,
    raiseEpoch: flags.has('raise-epoch'),
    expiresMs: flags.duration('expires') ?? EXPIRES_MS,
    allowSplit: flags.has('allow-split'),
    nowMs: desk.clock.wallMs()
  })
  if (request.body.tag !== 'trust') throw new OtaError('INTERNAL', 'a rotation is a trust')
  const next = request.body.trust
  const path = flags.text('output') ?? `t${next.version}.req`
  await writeLine(context, desk, { path, bytes: requestOf(request) })
  const data = {
    trust: request.id,
    version: next.version,
    ...movedKeys(before, next),
    request: path
  }
  out.result('propose', data, [...trustChanges(out, before, next), explainTrust(next)])
  for (const warning of warningsOf(next)) out.warn(warning)
  out.note(`${wrote(context, path)}: ${nameOf(request)} needs the root keys of both trusts`)
  return { data }
}

/** Feeds of `--feed`; null keeps those there are. */
function feedsOf({ flags }: Context): readonly Bytes[] | null {
  const feeds = flags.list('feed')
  return feeds.length === 0 ? null : feeds.map(fromName)
}

/** A trust does not say whose feed is whose, so a newcomer's is added while there is room. */
function feedsWith({ out }: Context, feeds: readonly Bytes[], card: Card): readonly Bytes[] | null {
  if (feeds.length < FEEDS_MAX) return [...feeds, card.feed]
  out.warn(`the feeds stay as they are, without that of ${card.label}: name them all with --feed`)
  return null
}

function needOf(text: string): Rotation['need'][number] {
  const { role, value } = pair(text, '--need ROLE=K')
  const number = Number(value)
  const least = role === 'build' ? 0 : 1
  if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number >= least) {
    return { role, threshold: number }
  }
  throw new OtaError('USAGE', `--need ${text}: a threshold is a whole number from ${least}`)
}

/** `ROLE=CARD`, and `build=ORG=CARD`: a builder attests for an organisation. */
async function newcomer(desk: Desk, text: string): Promise<Rotation['add'][number]> {
  const { role, value } = pair(text, '--add ROLE=CARD')
  if (role !== 'build') return { role, card: await readCard(desk, value), organisation: null }
  const at = value.indexOf('=')
  if (at < 1 || at === value.length - 1) {
    throw new OtaError('USAGE', `--add ${text}: a builder needs an organisation`, {
      hint: 'write it as --add build=ORG=CARD'
    })
  }
  const card = await readCard(desk, value.slice(at + 1))
  return { role, card, organisation: value.slice(0, at) }
}

function pair(text: string, form: string): { role: RoleName; value: string } {
  const at = text.indexOf('=')
  const name = text.slice(0, at)
  const value = text.slice(at + 1)
  if (at < 1 || value === '') throw new OtaError('USAGE', `"${text}" is not ${form}`)
  if (Object.hasOwn(ROLE, name)) {
    // Cast: the keys of ROLE are the role names.
    return { role: name as RoleName, value }
  }
  throw new OtaError('USAGE', `there is no role "${name}"`, {
    hint: `roles are ${Object.keys(ROLE).join(', ')}`
  })
}
