import { OtaError, SECOND, MINUTE, equal, isZero, toHex, type Bytes } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import {
  encodeStatement,
  normaliseEntries,
  type Entry,
  type Trust
} from '../../../records/index.ts'
import {
  demandComplete,
  endedByEpoch,
  idleAnswers,
  improvedReleases,
  nameOf,
  refuseOrphans,
  shortest,
  tally,
  type Desk,
  type Draft,
  type Taken,
  type Tally
} from '../../../publish/index.ts'
import { admit, formatJoin, type Believed, type Verdict } from '../../../trust/index.ts'
import { amount, type Context, type Outcome } from '../../frame/index.ts'
import {
  needAuthority,
  openAuthority,
  openFor,
  refuseOtherNetwork,
  trustFor,
  trustNamed,
  writeJoin
} from '../belief.ts'
import { buildPatches, buildSourceCore, buildTree, copiesOf, dropOld } from './cores.ts'
import { networkOf } from './network.ts'
import { Station, logTo, pause, waitUntil } from './station.ts'

const LAST_LOOK_MS = 10 * SECOND
const WAIT_MS = 10 * MINUTE
/** How long peers are asked for longer copies of an own feed before it is appended to. */
const SETTLE_MS = 2 * SECOND

export interface Commit {
  readonly draft: Draft
  readonly entries: readonly Entry[]
  /** How the request is named on the command line. */
  readonly word: string
  /** `alone`, or how many other peers must hold it. */
  readonly wait: 'alone' | number
  /** Beside a trust: releases it may leave without quorum, and answers to others. */
  readonly taken: Taken
}

/**
 * What a quorum signed goes out: counted, judged as a node will, tree cores built, written down,
 * appended to every live feed this machine owns, and held by others before it ends.
 */
export async function commitDraft(context: Context, desk: Desk, commit: Commit): Promise<Outcome> {
  const { draft } = commit
  const { entries, data: counted } = await countedEntries(context, desk, commit)
  const { network, type, body } = draft.statement
  const bytes = encodeStatement({ network, type, body, entries: normaliseEntries(entries) })
  const isFirst = isZero(draft.statement.network)
  if (!isFirst) await refuseUnfit(context, desk, commit, entries)
  if (context.dryRun) return { data: { ...counted, dryRun: true } }
  if (!context.yes) {
    context.out.note(`committing ${nameOf(draft)} in 10 s, Ctrl-C stops it`)
    await pause(desk, LAST_LOOK_MS, context.signal)
    context.signal.throwIfAborted()
  }
  const authority = isFirst ? await foundHere(desk, draft) : await needAuthority(desk)
  const alone = commit.wait === 'alone' || isFirst
  const online = alone ? null : await networkOf(context, desk)
  const log = logTo((text) => context.out.detail(text))
  const station = new Station(desk, authority, { network: online, log })
  try {
    await station.ready()
    await buildCores(context, desk, { station, believed: authority.believed }, draft)
    refuseVerdict(draft, await authority.intake(bytes, 'commit'))
    // Releases come behind the trust that lets their new signers count, here and in the feeds.
    const improved = await improve(context, authority, commit)
    const feeds = await station.append(bytes, SETTLE_MS)
    for (const release of improved) await station.append(release, 0)
    const copies = await waitForCopies(context, desk, station, commit)
    if (draft.body.tag === 'release') await dropOld(desk, station, authority.believed)
    return report(context, { draft, feeds, copies, authority, counted })
  } finally {
    await station.close()
  }
}

/** The answers to releases that came with a trust, taken in; what goes to the feeds of them. */
async function improve(
  { out }: Context,
  authority: Authority,
  { draft, taken }: Commit
): Promise<readonly Bytes[]> {
  if (draft.body.tag !== 'trust') return []
  const { answers } = taken
  const idle = idleAnswers(draft.body.trust, answers)
  if (idle > 0)
    out.warn(
      `${amount(idle, 'signature')} on releases left out: ${nameOf(draft)} does not list them`
    )
  const improved = improvedReleases(draft.body.trust, answers)
  for (const bytes of improved) {
    const verdict = await authority.intake(bytes, 'commit')
    if (verdict.tag === 'refused') throw new OtaError(verdict.code, verdict.message)
  }
  if (improved.length > 0) out.note(`took along ${amount(improved.length, 'release')} signed again`)
  return improved
}

/** Every entry that counts; `THRESHOLD_NOT_MET` or `DRAW_INCOMPLETE` where it is not enough. */
async function countedEntries(context: Context, desk: Desk, { draft, entries, word }: Commit) {
  const authority = await openAuthority(desk)
  const trust = await trustFor(desk, draft, authority?.believed ?? null)
  const named = await trustNamed(desk, draft, authority?.believed ?? null)
  const count = tally(draft, entries, { trust, named })
  const data = tallyData(draft, count)
  context.out.result('verify', data, null)
  if (count.idle > 0) {
    context.out.warn(`${amount(count.idle, 'signature')} of keys without a part in it left out`)
    if (draft.body.tag === 'release') {
      context.out.note('a signer who comes with the next trust: give the answer to its commit')
    }
  }
  demandComplete(draft, count, word)
  return { entries: count.entries, data }
}

/** `{release, have, need, signers}`: what was counted, for `--json`. */
export function tallyData(draft: Draft, count: Tally) {
  const side = shortest(count)
  return {
    [draft.body.tag]: draft.id,
    have: side?.have ?? 0,
    need: side?.need ?? 0,
    signers: side?.signers.map(({ label }) => label) ?? []
  }
}

/** Judged as every node will, before anything is written. */
async function refuseUnfit(
  context: Context,
  desk: Desk,
  { draft, taken }: Commit,
  entries: readonly Entry[]
): Promise<void> {
  const { believed } = await needAuthority(desk)
  if (!equal(believed.network, draft.network)) {
    throw new OtaError('WRONG_NETWORK', `${nameOf(draft)} is for another network than this home's`)
  }
  if (draft.body.tag === 'trust') {
    refuseOrphans(believed, draft.body.trust, taken)
    sayEnded(context, believed, draft.body.trust)
  }
  const statement = { ...draft.statement, entries }
  refuseVerdict(draft, admit(believed, statement, desk.clock.wallMs()))
}

/** A raised epoch ends what is live: nodes keep running it, and none installs it any more. */
function sayEnded({ out }: Context, believed: Believed, next: Trust): void {
  const ended = endedByEpoch(believed, next)
  if (ended.length === 0) return
  const names = ended.map(({ id, body }) => `${out.id(id)} (${body.channel})`).join(', ')
  out.warn(
    `epoch ${next.epoch} ends ${names}: nodes keep running it, propose it again for new ones`
  )
}

function refuseVerdict(draft: Draft, verdict: Verdict): void {
  if (verdict.tag !== 'refused' && verdict.tag !== 'pending') return
  throw new OtaError(verdict.code, `${nameOf(draft)}: ${verdict.message}`)
}

/** The first trust founds the network that this home follows from now on. */
async function foundHere(desk: Desk, draft: Draft): Promise<Authority> {
  await refuseOtherNetwork(desk, draft.id)
  const join = { network: draft.id, checkpoint: { version: 1, id: draft.id } }
  await writeJoin(desk, join)
  return await openFor(desk, join)
}

/** Tree cores and patch cores are whole here before anybody hears of the release. */
async function buildCores(
  context: Context,
  desk: Desk,
  { station, believed }: { readonly station: Station; readonly believed: Believed },
  draft: Draft
): Promise<void> {
  if (draft.body.tag !== 'release') return
  const isOut = believed.held.has(toHex(draft.id))
  const { source } = draft.body.release
  if (!(await buildSourceCore(desk, station, source)) && !isOut) {
    throw new OtaError('INCOMPLETE', 'the source is not on this machine', {
      hint: 'commit where it was packed: a bundle made again has other bytes'
    })
  }
  for (const artifact of draft.body.release.artifacts) {
    const { platform } = artifact
    context.out.progress('building cores', platform)
    await buildTree(desk, station, artifact)
    if ((await buildPatches(desk, station, artifact)) || isOut) continue
    throw new OtaError('INCOMPLETE', `the patches for ${platform} are not on this machine`, {
      hint: 'commit where it was packed, or pack and propose it again here: ota-publish pack DIR'
    })
  }
}

/** Who else has it. */
interface Copies {
  /** Peers that hold every tree core whole; of other statements, peers that believe what we do. */
  readonly whole: number
  /** Peers that hold every patch core whole; null where there is none. */
  readonly patches: number | null
}

/**
 * Full copies elsewhere; `NOT_SEEDED` when they do not come in time. The statement stays out. Trees
 * are waited for: with them every node gets there. Patches make it cheap, and nodes pass on the
 * ones they took.
 */
async function waitForCopies(
  context: Context,
  desk: Desk,
  station: Station,
  { draft, wait }: Commit
): Promise<Copies> {
  if (wait === 'alone' || station.wire === null) return { whole: 0, patches: null }
  const count = (): Copies => countCopies(station, draft)
  const withinMs = context.timeoutMs ?? WAIT_MS
  await waitUntil(
    desk,
    () => {
      const { whole } = count()
      const peers = station.wire?.peers().length ?? 0
      context.out.progress('waiting for copies', `${whole} of ${wait}, ${amount(peers, 'peer')}`)
      return whole >= wait
    },
    {
      withinMs,
      signal: context.signal,
      late: () => {
        const { whole } = count()
        const have = `${whole} of ${wait} full copies elsewhere`
        return new OtaError('NOT_SEEDED', `${nameOf(draft)} is committed, but has ${have}`, {
          hint: 'keep "ota-publish seed" running until nodes hold it',
          facts: { have: whole, need: wait }
        })
      }
    }
  )
  return count()
}

function countCopies(station: Station, { body }: Draft): Copies {
  if (body.tag !== 'release') return { whole: station.inAgreement(), patches: null }
  const { trees, patches } = copiesOf(station, body.release.artifacts)
  return { whole: trees, patches }
}

interface Done {
  readonly draft: Draft
  readonly feeds: number
  readonly copies: Copies
  readonly authority: Authority
  readonly counted: ReturnType<typeof tallyData>
}

function report(context: Context, { draft, feeds, copies, authority, counted }: Done): Outcome {
  const { network, trust } = authority.believed
  const checkpoint = trust === null ? null : { version: trust.body.version, id: trust.id }
  const join = formatJoin(network, checkpoint)
  const { whole, patches } = copies
  const data = {
    ...counted,
    id: draft.id,
    network,
    join,
    feeds,
    copies: whole,
    patchCopies: patches
  }
  if (draft.body.tag === 'trust') {
    context.out.result('commit', data, [`network ${formatJoin(network)}`, `join    ${join}`])
    return { data }
  }
  const live = `appended to ${amount(feeds, 'feed')}, live`
  const keep = 'keep `ota-publish seed` running until nodes hold it'
  const held = draft.body.tag === 'release' ? 'full copies' : 'peers with it'
  const text = whole === 0 ? `${live}; 0 ${held} elsewhere: ${keep}` : `${live}; ${whole} ${held}`
  context.out.result('commit', data, text)
  if (whole > 0 && patches === 0) {
    context.out.note('nobody else has all its patches: with `ota-publish seed` updates stay small')
  }
  return { data }
}
