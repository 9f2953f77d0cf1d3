import { DAY, OtaError, type Bytes } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import { ROLE, type Evidence, type RoleName, type Trust } from '../../../records/index.ts'
import {
  checkBrakeTime,
  compareBuild,
  currentTrust,
  parseReason,
  readActed,
  refuseBrake,
  refuseUntrue,
  signAttest,
  signBrake,
  wipeKey,
  type Compared,
  type Desk,
  type SigningKey
} from '../../../publish/index.ts'
import { evidenceId, toShortName, type KnownRelease } from '../../../trust/index.ts'
import {
  amount,
  escapeText,
  formatDuration,
  type Context,
  type Outcome
} from '../../frame/index.ts'
import { actorOf, openActor } from '../acting.ts'
import { needAuthority } from '../belief.ts'
import { absolute, deskOf } from '../desk.ts'
import { findReleased } from '../online/find.ts'
import { networkOf } from '../online/network.ts'
import { ownsFeed } from '../online/append.ts'
import { sayOrRefuse, waitForPeers } from '../online/spread.ts'
import { Station, logTo } from '../online/station.ts'
import { thisPlatform } from './release.ts'

const REACH_MAX = 8
/** How long peers are asked for longer copies of an own feed before it is appended to. */
const SETTLE_MS = 2_000

/** `brake`: one key stops a rollout where it is, at once and for a day at most. */
export async function brake(context: Context): Promise<Outcome> {
  const { out, flags } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const release = await findReleased(context, desk, authority, context.args[0] ?? '')
  const { believed } = authority
  const trust = currentTrust(believed).body
  const wish = { ...parseReason(flags.need('reason')), forMs: flags.duration('for') ?? DAY }
  checkBrakeTime(wish.forMs)
  const how = reachOf(context)
  const actor = await actorOf(context, desk, trust, 'brake')
  const { label } = actor
  const { network } = believed
  const nowMs = desk.clock.wallMs()
  refuseBrake(await readActed(desk, label), { network, release, nowMs })
  const need = needOf(trust, 'brake')
  const forText = formatDuration(wish.forMs)
  const data = {
    release: release.id,
    key: label,
    reason: wish.reason,
    note: wish.note,
    forMs: wish.forMs,
    need
  }
  if (context.dryRun) return { data: { ...data, dryRun: true } }
  const what = `release ${out.id(release.id)} of ${escapeText(trust.name)}`
  await demandYes(context, `you brake ${what} for ${forText}, on every node. go on?`)
  const key = await openActor(context, desk, actor)
  const said = await sayAs(context, desk, authority, {
    key,
    how,
    feeds: false,
    sign: async () =>
      await signBrake(desk, believed, { release, wish }, { key, nowMs: desk.clock.wallMs() })
  })
  const { id, peers } = said
  const alone = need === 1 ? '' : `; it acts once ${need} brake keys say so`
  const text = `brake ${out.id(id)} by ${label}: ${what} stands still for ${forText}${alone}`
  out.result('brake', { ...data, brake: id, peers }, [text, heldBy(peers)])
  return { data: { ...data, brake: id, peers } }
}

/** `attest`: a builder says which tree the source gave, and never that a different one is equal. */
export async function attest(context: Context): Promise<Outcome> {
  const { out, flags } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const release = await findReleased(context, desk, authority, context.args[0] ?? '')
  const { believed } = authority
  const trust = currentTrust(believed).body
  refuseBoth(context)
  const dispute = flags.has('dispute')
  const how = reachOf(context)
  const actor = await actorOf(context, desk, trust, 'build')
  const { label } = actor
  const organisation = organisationOf(trust, label)
  const { compared, name } = await builtBy(context, desk, { authority, release })
  refuseUntrue(compared, { folder: name, dispute })
  const { artifact, treeDigest } = compared
  const data = {
    release: release.id,
    key: label,
    organisation,
    platform: artifact.platform,
    treeDigest,
    released: artifact.treeDigest,
    equal: compared.isEqual,
    recipe: compared.recipe ?? null
  }
  if (context.dryRun) return { data: { ...data, dryRun: true } }
  const what = `release ${out.id(release.id)} of ${escapeText(trust.name)}`
  if (dispute) await demandYes(context, `you dispute ${what}: no node installs it. go on?`)
  const key = await openActor(context, desk, actor)
  const said = await sayAs(context, desk, authority, {
    key,
    how,
    feeds: await ownsFeed(desk, believed),
    sign: async () =>
      await signAttest(
        desk,
        believed.network,
        { release, compared },
        {
          key,
          nowMs: desk.clock.wallMs()
        }
      )
  })
  const { id, peers, appended } = said
  const words = compared.isEqual ? 'attests' : 'DISPUTES'
  const who = `${escapeText(organisation)} (${label})`
  const tree = `for ${artifact.platform}: tree ${out.id(treeDigest)}`
  const text = `${who} ${words} ${what} ${tree}`
  const fed = appended === 0 ? [] : [`appended to ${amount(appended, 'feed')}`]
  out.result('attest', { ...data, attest: id, peers, feeds: appended }, [
    text,
    ...fed,
    heldBy(peers)
  ])
  return { data: { ...data, attest: id, peers, feeds: appended } }
}

function refuseBoth({ flags }: Context): void {
  const build = flags.has('recipe') ? flags.text('build') : flags.need('build')
  if (build === null || !flags.has('recipe')) return
  throw new OtaError('USAGE', '--build and --recipe exclude each other', {
    hint: '--recipe builds the source of the release itself'
  })
}

/** The builder's own folder beside the release, or what the released source gives here. */
async function builtBy(
  context: Context,
  desk: Desk,
  wish: { readonly authority: Authority; readonly release: KnownRelease }
): Promise<{ readonly compared: Compared; readonly name: string }> {
  const { out, flags } = context
  const { authority, release } = wish
  const { source } = release.body
  const build = { platform: flags.text('platform'), here: thisPlatform() }
  if (!flags.has('recipe')) {
    const name = flags.need('build')
    const folder = absolute(name)
    out.progress('packing', folder)
    return { compared: await compareBuild(desk, release, { ...build, folder }), name }
  }
  const { withRecipe } = await import('./source.ts')
  const compared = await withRecipe(context, desk, { authority, source }, async (folder) => {
    return await compareBuild(desk, release, { ...build, folder })
  })
  const recipe = source?.recipeHash
  return {
    compared: recipe === undefined ? compared : { ...compared, recipe },
    name: `commit ${source?.commit ?? ''}`
  }
}

interface Saying {
  readonly key: SigningKey
  readonly how: Reach
  /** Whether an own feed carries it too. */
  readonly feeds: boolean
  readonly sign: () => Promise<Evidence>
}

/** Goes online, signs, wipes the key, and stays until peers have it. */
async function sayAs(
  context: Context,
  desk: Desk,
  authority: Authority,
  { key, how, feeds, sign }: Saying
): Promise<{ readonly id: Bytes; readonly peers: number; readonly appended: number }> {
  const log = logTo((line) => context.out.detail(line))
  let station: Station | null = null
  try {
    const network = how.alone ? null : await networkOf(context, desk)
    station = new Station(desk, authority, { network, log, feeds })
    await station.ready()
    const evidence = await sign()
    wipeKey(key)
    const id = evidenceId(evidence)
    const what = `${evidence.body.tag} ${toShortName(id)}`
    const sinceSteadyMs = desk.clock.steadyMs()
    await sayOrRefuse(station, what, evidence)
    const appended = feeds ? await station.append(evidence.wire, how.alone ? 0 : SETTLE_MS) : 0
    const since = { what, reach: how.reach, sinceSteadyMs }
    const peers = await waitForPeers(context, desk, station, since)
    return { id, peers, appended }
  } finally {
    wipeKey(key)
    await station?.close()
  }
}

interface Reach {
  readonly alone: boolean
  readonly reach: number
}

function reachOf({ flags }: Context): Reach {
  const reach = flags.count('reach', 1, REACH_MAX)
  const alone = flags.has('alone')
  if (alone && reach !== null) throw new OtaError('USAGE', '--alone and --reach exclude each other')
  return { alone, reach: reach ?? 1 }
}

function heldBy(peers: number): string {
  return peers === 0
    ? 'kept here, no peer has it: keep `ota-publish seed` running until nodes do'
    : `${amount(peers, 'peer')} with it`
}

async function demandYes(context: Context, question: string): Promise<void> {
  if (!(await context.confirm(question))) throw new OtaError('USAGE', 'nothing was signed')
}

function needOf(trust: Trust, role: RoleName): number {
  return trust.roles.find((one) => one.role === ROLE[role])?.threshold ?? 1
}

function organisationOf(trust: Trust, label: string): string {
  const members = trust.roles.find(({ role }) => role === ROLE.build)?.members ?? []
  return members.find((member) => member.label === label)?.organisation ?? label
}
