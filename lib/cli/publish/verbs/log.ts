import { OtaError, unreachable } from '../../../base/index.ts'
import { refusals, type AnyKnown, type Believed, type Held } from '../../../trust/index.ts'
import {
  amount,
  escapeText,
  findByName,
  formatTime,
  table,
  type Context,
  type Outcome
} from '../../frame/index.ts'
import type { Authority } from '../../../authority/index.ts'
import { draftFrom, labelsOf, requestOf, type Desk } from '../../../publish/index.ts'
import { needAuthority } from '../belief.ts'
import { deskOf, writeLine, wrote } from '../desk.ts'
import { actsOf, type ActView } from './acts.ts'

/** Loads the evidence, which no other offline command needs. */
async function heldActs(desk: Desk, authority: Authority): Promise<readonly ActView[]> {
  const { keptEvidence } = await import('../online/look.ts')
  const pool = await keptEvidence(desk, authority)
  return actsOf(authority.believed, pool.kept(), desk.clock.wallMs())
}

interface Line {
  readonly issued: number
  readonly cells: readonly string[]
  readonly tell: () => void
}

/** `log`: every statement this home holds and every word of a single key, oldest first. */
export async function log(context: Context): Promise<Outcome> {
  const { out } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const { believed } = authority
  const held = [...believed.held.values()].map((one) => statementLine(context, believed, one))
  const acts = (await heldActs(desk, authority)).map((act) => actLine(context, act))
  const lines = [...held, ...acts].toSorted((a, b) => a.issued - b.issued)
  for (const { tell } of lines) tell()
  const rows = lines.map(({ cells }) => cells)
  if (!out.options.json) for (const line of table(rows)) out.result('statement', {}, line)
  return { data: { statements: held.length, acts: acts.length } }
}

function statementLine({ out }: Context, believed: Believed, one: Held): Line {
  const { id, statement } = one.any.known
  const data = {
    id,
    type: one.any.tag,
    issued: issuedOf(one.any),
    standing: one.standing.tag,
    signatures: statement.entries.length,
    text: wordsOf(one.any)
  }
  const signatures = amount(data.signatures, 'signature')
  const standing = standingOf(believed, one)
  const cells = [out.id(id), data.type, formatTime(data.issued), standing, signatures, data.text]
  return { issued: data.issued, cells, tell: () => out.result('statement', data, null) }
}

function actLine({ out }: Context, { id, type, label, issued, standing, text }: ActView): Line {
  const data = { id, type, issued, standing, signer: label, text }
  const who = `by ${escapeText(label)}`
  const cells = [out.id(id), type, formatTime(issued), standing, who, text]
  return { issued, cells, tell: () => out.result('act', data, null) }
}

/** `show ID`: one statement and who signed it, or what a single key said. */
export async function show(context: Context): Promise<Outcome> {
  const { args } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const { believed } = authority
  const all = [...believed.held.values()]
  const acts = await heldActs(desk, authority)
  const ids = [...all.map(({ any }) => any.known.id), ...acts.map((act) => act.id)]
  const id = findByName(args[0] ?? '', ids, 'statement')
  const act = acts.find((one) => one.id === id)
  if (act !== undefined) return showAct(context, act)
  const found = all.find(({ any }) => any.known.id === id)
  if (found === undefined) throw new OtaError('USAGE', `no statement "${args[0] ?? ''}" is known`)
  const outcome = showStatement(context, believed, found)
  const path = context.flags.text('output')
  if (path === null) return outcome
  // for a signer who is not here: the exact bytes, and who signed them so far
  await writeLine(context, desk, { path, bytes: requestOf(draftFrom(found.any.known.statement)) })
  context.out.note(wrote(context, path))
  return outcome
}

function showAct({ out }: Context, act: ActView): Outcome {
  const { id, type, label, key, issued, standing, text, facts } = act
  const data = { id, type, issued, standing, signer: label, key, text, ...facts }
  out.result('act', data, [
    `${type} ${out.id(id)}  ${standing}  ${text}`,
    `said ${formatTime(issued)}`,
    `signed by ${escapeText(label)}  key ${out.id(key)}`
  ])
  return { data }
}

function showStatement({ out }: Context, believed: Believed, found: Held): Outcome {
  const { id } = found.any.known
  const signers = found.any.known.signers.map((key) => labelsOf(believed, [key])[0] ?? out.id(key))
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
