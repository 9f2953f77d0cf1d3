import { OtaError, unreachable } from '../../../base/index.ts'
import { refusals, type AnyKnown, type Believed, type Held } from '../../../trust/index.ts'
import {
  escapeText,
  findByName,
  formatTime,
  table,
  type Context,
  type Outcome
} from '../../frame/index.ts'
import { needAuthority } from '../belief.ts'
import { deskOf } from '../desk.ts'

/** `log`: every statement this home holds, oldest first. */
export async function log(context: Context): Promise<Outcome> {
  const { out } = context
  const { believed } = await needAuthority(deskOf(context))
  const held = [...believed.held.values()].toSorted((a, b) => issuedOf(a.any) - issuedOf(b.any))
  const rows = held.map((one) => {
    const { id, statement } = one.any.known
    const data = {
      id,
      type: one.any.tag,
      issued: issuedOf(one.any),
      standing: one.standing.tag,
      signatures: statement.entries.length,
      text: wordsOf(one.any)
    }
    out.result('statement', data, null)
    return [
      out.id(id),
      one.any.tag,
      formatTime(data.issued),
      standingOf(believed, one),
      `${data.signatures} signatures`,
      data.text
    ]
  })
  if (!out.options.json) for (const line of table(rows)) out.result('statement', {}, line)
  return { data: { statements: rows.length } }
}

/** `show ID`: one statement and who signed it. */
export async function show(context: Context): Promise<Outcome> {
  const { out, args } = context
  const { believed } = await needAuthority(deskOf(context))
  const all = [...believed.held.values()]
  const ids = all.map(({ any }) => any.known.id)
  const id = findByName(args[0] ?? '', ids, 'statement')
  const found = all.find(({ any }) => any.known.id === id)
  if (found === undefined) throw new OtaError('USAGE', `no statement "${args[0] ?? ''}" is known`)
  const signers = found.any.known.signers.map((key) => labelOf(believed, key) ?? out.id(key))
  const data = {
    id,
    type: found.any.tag,
    issued: issuedOf(found.any),
    standing: found.standing.tag,
    signers,
    text: wordsOf(found.any)
  }
  out.result('statement', data, [
    `${found.any.tag} ${out.id(id)}  ${standingOf(believed, found)}  ${wordsOf(found.any)}`,
    `issued ${formatTime(data.issued)}`,
    `signed by ${signers.map(escapeText).join(', ') || 'nobody who counts'}`
  ])
  return { data }
}

function issuedOf(any: AnyKnown): number {
  if (any.tag === 'trust') return any.known.body.issuedMs
  return any.tag === 'other' ? 0 : any.known.body.head.issuedMs
}

function wordsOf(any: AnyKnown): string {
  switch (any.tag) {
    case 'trust':
      return `trust ${any.known.body.version} of ${escapeText(any.known.body.name)}`
    case 'release': {
      const { channel, epoch, seq, label } = any.known.body
      return `${channel} epoch ${epoch} seq ${seq} "${escapeText(label)}"`
    }
    case 'control':
      return `${any.known.body.action} ${escapeText(any.known.body.reason)}`.trimEnd()
    case 'era':
      return `${any.known.body.action} ${escapeText(any.known.body.name)}`
    case 'revoke':
      return 'ends an invite or some of its slots'
    case 'other':
      return `type ${any.known.body.type}, unknown here`
    default:
      return unreachable(any)
  }
}

function standingOf(believed: Believed, { any, standing }: Held): string {
  if (any.tag !== 'release') return standing.tag
  const { aborted, paused } = refusals(believed, any.known.id)
  if (aborted.length > 0) return 'aborted'
  return paused.length > 0 ? 'paused' : standing.tag
}

function labelOf(believed: Believed, key: Uint8Array): string | null {
  for (const { body } of believed.trusts.toReversed()) {
    const members = body.roles.flatMap((role) => role.members)
    const found = members.find((member) => member.key.every((byte, i) => byte === key[i]))
    if (found !== undefined) return found.label
  }
  return null
}
