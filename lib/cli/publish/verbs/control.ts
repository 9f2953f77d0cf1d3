import { OtaError, fromText, type Bytes } from '../../../base/index.ts'
import { fromName, type KnownRelease } from '../../../trust/index.ts'
import {
  draftControl,
  heldRelease,
  highestSigned,
  inForce,
  nameOf,
  requestOf,
  type ControlOptions,
  type Desk,
  type InForce
} from '../../../publish/index.ts'
import type { Authority } from '../../../authority/index.ts'
import {
  escapeText,
  findByName,
  formatDuration,
  type Context,
  type FlagTable,
  type Outcome
} from '../../frame/index.ts'
import { needAuthority, releaseNamed } from '../belief.ts'
import { deskOf, writeLine, wrote } from '../desk.ts'
import { networkFlags } from '../flags.ts'
import { floorOf } from './release.ts'

export const pauseFlags: FlagTable = {
  reason: { type: 'text' },
  output: { type: 'text', short: 'o' }
}
export const abortFlags: FlagTable = { ...pauseFlags, floor: { type: 'text' } }
export const widenFlags: FlagTable = { ...pauseFlags, to: { type: 'text' } }
export const resumeFlags: FlagTable = {
  ...pauseFlags,
  lift: { type: 'list' },
  exclude: { type: 'list' },
  ...networkFlags
}

/** Stages a plan can have. */
const STAGES_MAX = 64
const REASON_BYTES = 256

const SAYS: Readonly<Record<ControlOptions['action'], string>> = {
  pause: 'nobody starts it while this stands; a quorum resume lifts it',
  abort: 'it ends for good and nodes take it back',
  resume: 'it goes on with what is lifted gone',
  widen: 'it goes on to the next stage'
}

const none = { floor: null, stage: 0, lifts: [], exclude: [] }

export async function pauseRelease(context: Context): Promise<Outcome> {
  return await control(context, 'pause', none)
}

export async function abortRelease(context: Context): Promise<Outcome> {
  return await control(context, 'abort', { ...none, floor: context.flags.text('floor') })
}

/** `widen`: skips waiting, never the first bake, a halt or the signed list. */
export async function widenRelease(context: Context): Promise<Outcome> {
  const text = context.flags.need('to')
  const stage = /^\d+$/.test(text) ? Number(text) : 0
  if (stage < 1 || stage > STAGES_MAX) {
    throw new OtaError('USAGE', `--to is the number of a stage, got "${escapeText(text)}"`, {
      hint: 'see which there are: ota-publish watch --once'
    })
  }
  return await control(context, 'widen', { ...none, stage })
}

export async function resumeRelease(context: Context): Promise<Outcome> {
  const lifts = context.flags.list('lift')
  const exclude = context.flags.list('exclude').map(fromName)
  return await control(context, 'resume', { ...none, lifts, exclude })
}

interface Wish {
  readonly floor: string | null
  readonly stage: number
  /** Ids or their beginnings; empty: each is asked for. */
  readonly lifts: readonly string[]
  readonly exclude: readonly Bytes[]
}

async function control(
  context: Context,
  action: ControlOptions['action'],
  wish: Wish
): Promise<Outcome> {
  const { out, flags, args } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const { believed } = authority
  const release = heldRelease(believed, releaseNamed(believed, args[0] ?? ''))
  const isResume = action === 'resume'
  const known = isResume ? await knownAgainst(context, desk, authority, release) : []
  const lifts = isResume ? await chosen(context, desk, known, wish.lifts) : []
  const { network } = believed
  const signed = await highestSigned(desk, network, { tag: 'resume', release: release.id })
  const draft = draftControl(believed, release, {
    action,
    signed: signed ?? 0,
    reason: reasonOf(flags.text('reason')),
    floor: floorOf(believed, wish.floor),
    stage: wish.stage,
    lifts,
    inForce: known,
    exclude: wish.exclude,
    nowMs: desk.clock.wallMs()
  })
  const path = flags.text('output') ?? `${action}-${out.id(release.id)}.req`
  await writeLine(context, desk, { path, bytes: requestOf(draft) })
  const lifted = lifts.length === 0 ? '' : `  lifts ${lifts.map((id) => out.id(id)).join(', ')}`
  const number = draft.body.tag === 'control' ? draft.body.control.resume : 0
  const { stage } = wish
  const data = {
    control: draft.id,
    action,
    release: release.id,
    number,
    stage,
    lifts,
    request: path
  }
  const to = action === 'widen' ? `  to stage ${stage}` : ''
  const text = `${nameOf(draft)} of release ${out.id(release.id)}${to}${lifted}: ${SAYS[action]}`
  out.result(action, data, text)
  out.note(`${wrote(context, path)}: signers review and sign it`)
  return { data }
}

function reasonOf(text: string | null): string {
  const reason = (text ?? '').normalize('NFC')
  const size = fromText(reason).byteLength
  if (size <= REASON_BYTES) return reason
  throw new OtaError('USAGE', `--reason has ${size} bytes, at most ${REASON_BYTES}`)
}

/** What stands against a release: from peers if the command names any, else what is kept here. */
async function knownAgainst(
  context: Context,
  desk: Desk,
  authority: Authority,
  release: KnownRelease
): Promise<readonly InForce[]> {
  const { againstOf, evidenceOf } = await import('../online/look.ts')
  const pool = await evidenceOf(context, desk, authority)
  const against = againstOf(pool, release, desk.clock.wallMs())
  return inForce(authority.believed, release.id, against)
}

/** All that is in force is listed; what was named, or agreed to one by one, is lifted. */
async function chosen(
  context: Context,
  desk: Desk,
  known: readonly InForce[],
  named: readonly string[]
): Promise<readonly Bytes[]> {
  const { out } = context
  for (const one of known) {
    const { id, what, by, reason, untilMs } = one
    out.result('in-force', { id, what, by, reason, until: untilMs }, null)
    out.note(`in force: ${lineOf(context, desk, one)}`)
  }
  const ids = known.map(({ id }) => id)
  if (named.length > 0) return named.map((word) => findByName(word, ids, 'refusal in force'))
  if (known.length === 0) {
    out.note('nothing is in force: this resumes after a halt')
    return []
  }
  const lifted: Bytes[] = []
  for (const { id, what } of known) {
    if (await context.confirm(`lift ${what} ${out.id(id)}?`)) lifted.push(id)
  }
  if (lifted.length > 0) return lifted
  throw new OtaError('USAGE', 'nothing is lifted', { hint: 'name what to lift with --lift ID' })
}

function lineOf(context: Context, desk: Desk, { id, what, by, reason, untilMs }: InForce): string {
  const who = by.length === 0 ? '' : ` by ${by.map(escapeText).join(', ')}`
  const why = reason === '' ? '' : `  "${escapeText(reason)}"`
  const left = untilMs === null ? 0 : Math.max(0, untilMs - desk.clock.wallMs())
  const ends = untilMs === null ? '' : `  ends in ${formatDuration(left)}`
  return `${context.out.id(id)}  ${what}${who}${why}${ends}`
}
