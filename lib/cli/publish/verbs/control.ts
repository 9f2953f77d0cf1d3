import { OtaError, type Bytes } from '../../../base/index.ts'
import { fromName } from '../../../trust/index.ts'
import {
  draftControl,
  heldRelease,
  liftable,
  nameOf,
  requestOf,
  type ControlOptions
} from '../../../publish/index.ts'
import { findByName, type Context, type FlagTable, type Outcome } from '../../frame/index.ts'
import { needAuthority, releaseNamed } from '../belief.ts'
import { deskOf, writeLine, wrote } from '../desk.ts'
import { floorOf } from './release.ts'

export const pauseFlags: FlagTable = {
  reason: { type: 'text' },
  output: { type: 'text', short: 'o' }
}
export const abortFlags: FlagTable = { ...pauseFlags, floor: { type: 'text' } }
export const resumeFlags: FlagTable = {
  ...pauseFlags,
  lift: { type: 'list' },
  exclude: { type: 'list' }
}

const SAYS: Readonly<Record<ControlOptions['action'], string>> = {
  pause: 'nobody starts it while this stands; a quorum resume lifts it',
  abort: 'it ends for good and nodes take it back',
  resume: 'it goes on with what is lifted gone',
  widen: 'it goes on to the next stage'
}

export async function pauseRelease(context: Context): Promise<Outcome> {
  return await control(context, 'pause', { floor: null, lifts: [], exclude: [] })
}

export async function abortRelease(context: Context): Promise<Outcome> {
  const floor = context.flags.text('floor')
  return await control(context, 'abort', { floor, lifts: [], exclude: [] })
}

export async function resumeRelease(context: Context): Promise<Outcome> {
  const lifts = context.flags.list('lift')
  const exclude = context.flags.list('exclude').map(fromName)
  return await control(context, 'resume', { floor: null, lifts, exclude })
}

interface Wish {
  readonly floor: string | null
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
  const { believed } = await needAuthority(desk)
  const release = heldRelease(believed, releaseNamed(believed, args[0] ?? ''))
  const inForce = liftable(believed, release.id)
  const lifts =
    action === 'resume' ? await chosen(context, inForce, wish.lifts) : ([] as readonly Bytes[])
  const draft = draftControl(believed, release, {
    action,
    reason: flags.text('reason') ?? '',
    floor: floorOf(believed, wish.floor),
    lifts,
    exclude: wish.exclude,
    nowMs: desk.clock.wallMs()
  })
  const path = flags.text('output') ?? `${action}-${out.id(release.id)}.req`
  await writeLine(context, desk, { path, bytes: requestOf(draft) })
  const lifted = lifts.length === 0 ? '' : `  lifts ${lifts.map((id) => out.id(id)).join(', ')}`
  const data = { control: draft.id, action, release: release.id, lifts, request: path }
  const text = `${nameOf(draft)} of release ${out.id(release.id)}${lifted}: ${SAYS[action]}`
  out.result(action, data, text)
  out.note(`${wrote(context, path)}: signers review and sign it`)
  return { data }
}

/** All live refusals are listed; those named, or agreed to one by one, are lifted. */
async function chosen(
  context: Context,
  inForce: readonly Bytes[],
  named: readonly string[]
): Promise<readonly Bytes[]> {
  const { out } = context
  for (const id of inForce) out.note(`in force: ${out.id(id)}`)
  if (named.length > 0) return named.map((word) => findByName(word, inForce, 'refusal in force'))
  if (inForce.length === 0) {
    out.note('no refusal is in force: this resumes after a halt')
    return []
  }
  const lifted: Bytes[] = []
  for (const id of inForce) if (await context.confirm(`lift ${out.id(id)}?`)) lifted.push(id)
  if (lifted.length > 0) return lifted
  throw new OtaError('USAGE', 'nothing is lifted', { hint: 'name what to lift with --lift ID' })
}
