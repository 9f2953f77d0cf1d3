import { OtaError, SECOND, equal, type Bytes } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import { formatJoin, parseJoin, type Believed, type KnownRelease } from '../../../trust/index.ts'
import type { Desk } from '../../../publish/index.ts'
import { amount, escapeText, type Context, type Outcome } from '../../frame/index.ts'
import { needAuthority, openFor, readJoin, releaseNamed, writeJoin } from '../belief.ts'
import { deskOf } from '../desk.ts'
import {
  buildPatches,
  buildSourceCore,
  buildTree,
  copiesOf,
  dropOld,
  isTreeHere,
  servedReleases
} from '../online/cores.ts'
import { networkOf } from '../online/network.ts'
import { Station, logTo, pause, waitUntil } from '../online/station.ts'

/** How long `join` looks for a peer that has the trust. */
const JOIN_MS = 10 * SECOND
const LOOK_MS = SECOND

/** `join`: follows a network; without JOIN it prints the newest join string. */
export async function join(context: Context): Promise<Outcome> {
  const desk = deskOf(context)
  const text = context.args[0]
  if (text === undefined) return await printJoin(context, desk)
  const wanted = parseJoin(text)
  if (context.dryRun) return { data: { join: text } }
  await writeJoin(desk, wanted)
  const authority = await openFor(desk, wanted)
  if (authority.believed.trust === null) await fetchTrust(context, desk, authority)
  const { trust, network } = authority.believed
  const data = { network, trust: trust?.body.version ?? null, join: text }
  const where = `following ${formatJoin(network).slice(0, 8)}`
  const state =
    trust === null
      ? 'no peer had its trust yet: it comes with the next command that is online'
      : `trust ${trust.body.version} of ${trust.body.name}`
  context.out.result('join', data, `${where}: ${state}`)
  return { data }
}

/** Nobody there is no failure: the join string is kept and the trust comes later. */
async function fetchTrust(context: Context, desk: Desk, authority: Authority): Promise<void> {
  const log = logTo((line) => context.out.detail(line))
  const network = await networkOf(context, desk)
  if (network.bootstrap === 'none' && network.peers.length === 0) return
  const station = new Station(desk, authority, { network, log })
  const endMs = desk.clock.steadyMs() + (context.timeoutMs ?? JOIN_MS)
  try {
    await station.ready()
    while (authority.believed.trust === null && desk.clock.steadyMs() < endMs) {
      context.signal.throwIfAborted()
      context.out.progress('looking for peers', amount(station.wire?.peers().length ?? 0, 'peer'))
      await pause(desk, LOOK_MS / 4, context.signal)
    }
  } finally {
    await station.close()
  }
}

async function printJoin(context: Context, desk: Desk): Promise<Outcome> {
  const authority = await needAuthority(desk)
  const { network, trust } = authority.believed
  const kept = await readJoin(desk)
  const checkpoint = trust === null ? (kept?.checkpoint ?? null) : versionOf(trust)
  const text = formatJoin(network, checkpoint)
  context.out.result('join', { network, join: text }, text)
  return { data: { network, join: text } }
}

function versionOf(trust: { readonly id: Bytes; readonly body: { readonly version: number } }) {
  return { version: trust.body.version, id: trust.id }
}

/** `seed`: serves statements and tree cores, and follows the network, until it is stopped. */
export async function seed(context: Context): Promise<Outcome> {
  const { out } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const log = logTo((line) => out.detail(line))
  const network = await networkOf(context, desk)
  const station = new Station(desk, authority, { network, log })
  const wanted = context.args.map((word) => releaseNamed(authority.believed, word))
  try {
    await station.ready()
    const cores = await serveCores(context, desk, station, { authority, wanted })
    const address = station.wire?.address() ?? null
    const data = { address, cores, network: authority.believed.network }
    const at = address === null ? '' : ` at ${address}`
    out.result('seed', data, `seeding ${amount(cores, 'tree core')}${at}; Ctrl-C stops it`)
    await watchPeers(context, desk, station)
    return { data }
  } finally {
    await station.close()
  }
}

async function serveCores(
  context: Context,
  desk: Desk,
  station: Station,
  { authority, wanted }: { readonly authority: Authority; readonly wanted: readonly Bytes[] }
): Promise<number> {
  const { believed } = authority
  let cores = 0
  for (const { body } of releasesFor(believed, wanted)) {
    if (!(await buildSourceCore(desk, station, body.source))) {
      context.out.note(`the source of ${escapeText(body.label)} is not on this machine`)
    }
    for (const artifact of body.artifacts) {
      if (wanted.length === 0 && !(await isTreeHere(desk, station, artifact))) continue
      context.out.progress('building cores', artifact.platform)
      await buildTree(desk, station, artifact)
      if (!(await buildPatches(desk, station, artifact))) {
        context.out.note(`the patches of ${escapeText(body.label)} are not on this machine`)
      }
      copiesOf(station, [artifact])
      cores += 1
    }
  }
  await dropOld(desk, station, believed)
  return cores
}

function releasesFor(believed: Believed, wanted: readonly Bytes[]): readonly KnownRelease[] {
  const served = servedReleases(believed)
  if (wanted.length === 0) return served
  const found = served.filter(({ id }) => wanted.some((one) => equal(one, id)))
  if (found.length === wanted.length) return found
  throw new OtaError('USAGE', 'a release to seed is not among the last ten admitted of a channel')
}

async function watchPeers(context: Context, desk: Desk, station: Station): Promise<void> {
  let before = ''
  while (!context.signal.aborted) {
    const peers = station.wire?.peers().length ?? 0
    const census = station.census()
    const text = `${amount(peers, 'peer')}, ${amount(census, 'node')} counted`
    if (text !== before) {
      before = text
      context.out.result('peers', { peers, census }, null)
      context.out.note(text)
      await station.keepCensus()
    }
    await pause(desk, LOOK_MS, context.signal)
  }
}

/** Waits for the first peer, for commands that only look; false if none came. */
export async function anyPeer(context: Context, desk: Desk, station: Station): Promise<void> {
  await waitUntil(desk, () => (station.wire?.peers().length ?? 0) > 0, {
    withinMs: context.timeoutMs ?? JOIN_MS,
    signal: context.signal,
    late: () =>
      new OtaError('NO_PEERS', 'nobody answers', {
        hint: 'check --bootstrap and --peers, and that a node or ota-publish seed runs'
      })
  })
}
