import {
  currentTrust,
  makeInvite,
  parseLabel,
  wipeKey,
  writeInvite
} from '../../../publish/index.ts'
import { amount, type Context, type FlagTable, type Outcome } from '../../frame/index.ts'
import { actorOf, openActor } from '../acting.ts'
import { needAuthority } from '../belief.ts'
import { deskOf, wrote } from '../desk.ts'
import { signerFlags } from '../signer.ts'

export const inviteFlags: FlagTable = {
  slots: { type: 'text' },
  label: { type: 'list' },
  until: { type: 'text' },
  key: { type: 'text' },
  ...signerFlags,
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
  const actor = await actorOf(context, desk, currentTrust(believed).body, 'enrol')
  const key = await openActor(context, desk, actor)
  try {
    const file = await makeInvite(desk, believed, { key, options })
    await writeInvite(desk, path, file)
  } finally {
    wipeKey(key)
  }
  const text = `${wrote(context, path)}  ${amount(slots, 'slot')}; whoever has the file can join`
  out.result('invite', { slots, invite: path }, text)
  return { data: { slots, invite: path } }
}
