import { equal } from '../../../base/index.ts'
import { ROLE, type Role } from '../../../records/index.ts'
import {
  currentTrust,
  listKeys,
  makeInvite,
  parseLabel,
  wipeKey,
  writeInvite,
  type Desk
} from '../../../publish/index.ts'
import { amount, type Context, type FlagTable, type Outcome } from '../../frame/index.ts'
import { needAuthority } from '../belief.ts'
import { deskOf, unlock, wrote } from '../desk.ts'

export const inviteFlags: FlagTable = {
  slots: { type: 'text' },
  label: { type: 'list' },
  until: { type: 'text' },
  key: { type: 'text' },
  'passphrase-fd': { type: 'text' },
  output: { type: 'text', short: 'o' }
}

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
