import { DAY, OtaError, equal } from '../../../base/index.ts'
import { ROLE, type Role, type RoleName } from '../../../records/index.ts'
import {
  currentTrust,
  explainTrust,
  listKeys,
  makeInvite,
  movedKeys,
  nameOf,
  parseLabel,
  proposeTrust,
  readCard,
  requestOf,
  warningsOf,
  wipeKey,
  writeInvite,
  type Desk,
  type Rotation
} from '../../../publish/index.ts'
import { formatJoin, fromName } from '../../../trust/index.ts'
import {
  amount,
  escapeText,
  type Context,
  type FlagTable,
  type Outcome
} from '../../frame/index.ts'
import { needAuthority } from '../belief.ts'
import { deskOf, unlock, writeLine, wrote } from '../desk.ts'
import { trustLines } from '../show.ts'

export const inviteFlags: FlagTable = {
  slots: { type: 'text' },
  label: { type: 'list' },
  until: { type: 'text' },
  key: { type: 'text' },
  'passphrase-fd': { type: 'text' },
  output: { type: 'text', short: 'o' }
}

export const trustFlags: FlagTable = {
  add: { type: 'list' },
  drop: { type: 'list' },
  need: { type: 'list' },
  feed: { type: 'list' },
  'raise-epoch': { type: 'switch' },
  expires: { type: 'text' },
  'allow-split': { type: 'switch' },
  output: { type: 'text', short: 'o' }
}

const EXPIRES_MS = 365 * DAY

/** `invite`: acts at once with one enrol key; the file it writes is a secret. */
export async function invite(context: Context): Promise<Outcome> {
  const { flags, out } = context
  const desk = deskOf(context)
  const { believed } = await needAuthority(desk)
  const slots = flags.count('slots', 1, 65_535) ?? 1
  const labels = flags.list('label').map(parseLabel)
  const untilMs = flags.duration('until')
  const nowMs = desk.clock.wallMs()
  const path = flags.text('output') ?? `${currentTrust(believed).body.name}.invite`
  if (context.dryRun) return { data: { slots, invite: path } }
  const notAfterMs = untilMs === null ? 0 : nowMs + untilMs
  const options = { slots, labels, notAfterMs, nowMs }
  const enrollers = currentTrust(believed).body.roles.find(({ role }) => role === ROLE.enrol)
  const key = await unlock(context, desk, flags.text('key') ?? (await ownEnroller(desk, enrollers)))
  try {
    const file = makeInvite(desk, believed, { key, options })
    await writeInvite(desk, path, file)
  } finally {
    wipeKey(key)
  }
  const text = `${wrote(context, path)}  ${amount(slots, 'slot')}; whoever has the file can join`
  out.result('invite', { slots, invite: path }, text)
  return { data: { slots, invite: path } }
}

/** The label of the key here that may invite, if there is just one. */
async function ownEnroller(desk: Desk, role: Role | undefined): Promise<string | null> {
  const mine = await listKeys(desk)
  const fitting = mine.filter(({ key }) => role?.members.some((member) => equal(member.key, key)))
  return fitting.length === 1 ? (fitting[0]?.label ?? null) : null
}

/** `trust show`: who may do what now. */
export async function trustShow(context: Context): Promise<Outcome> {
  const { believed } = await needAuthority(deskOf(context))
  const trust = currentTrust(believed)
  const { body, id } = trust
  const join = formatJoin(believed.network, { version: body.version, id })
  const roles = body.roles.map(({ role, threshold, members }) => ({
    role: Object.entries(ROLE).find(([, number]) => number === role)?.[0] ?? String(role),
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
  const { flags, out } = context
  const desk = deskOf(context)
  const { believed } = await needAuthority(desk)
  const draft = proposeTrust(believed, await rotationOf(context, desk))
  if (draft.body.tag !== 'trust') throw new OtaError('INTERNAL', 'a rotation is a trust')
  const next = draft.body.trust
  const moved = movedKeys(currentTrust(believed).body, next)
  const path = flags.text('output') ?? `t${next.version}.req`
  await writeLine(context, desk, { path, bytes: requestOf(draft) })
  const data = { trust: draft.id, version: next.version, ...moved, request: path }
  const lines = [
    ...moved.added.map((part) => `  + ${escapeText(part)}`),
    ...moved.dropped.map((part) => `  - ${escapeText(part)}`)
  ]
  out.result('propose', data, [...lines, explainTrust(next)])
  for (const warning of warningsOf(next)) out.warn(warning)
  out.note(`${wrote(context, path)}: ${nameOf(draft)} needs the root keys of both trusts`)
  return { data }
}

async function rotationOf(context: Context, desk: Desk): Promise<Rotation> {
  const { flags } = context
  const add: { role: RoleName; card: Awaited<ReturnType<typeof readCard>> }[] = []
  for (const text of flags.list('add')) {
    const { role, value } = pair(text, '--add ROLE=CARD')
    add.push({ role, card: await readCard(desk, value) })
  }
  const drop = flags.list('drop').map((text) => {
    const { role, value } = pair(text, '--drop ROLE=LABEL')
    return { role, label: value }
  })
  const need = flags.list('need').map((text) => {
    const { role, value } = pair(text, '--need ROLE=K')
    const threshold = Number(value)
    if (!Number.isSafeInteger(threshold) || threshold < 1) {
      throw new OtaError('USAGE', `--need ${text}: a threshold is a whole number from 1`)
    }
    return { role, threshold }
  })
  const feeds = flags.list('feed')
  return {
    add,
    drop,
    need,
    feeds: feeds.length === 0 ? null : feeds.map(fromName),
    raiseEpoch: flags.has('raise-epoch'),
    expiresMs: flags.duration('expires') ?? EXPIRES_MS,
    allowSplit: flags.has('allow-split'),
    nowMs: desk.clock.wallMs()
  }
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
