import { OtaError, SECOND, toText, type Bytes } from '../../../base/index.ts'
import {
  decodePackFile,
  highestSigned,
  knownFolder,
  nameOf,
  proposeRelease,
  readOtaJson,
  readSourceFile,
  requestOf,
  waitsFor,
  type Desk,
  type PackFile,
  type Proposal
} from '../../../publish/index.ts'
import type { Floor } from '../../../records/index.ts'
import { leastMs, withFixes } from '../../../rollout/index.ts'
import type { Believed } from '../../../trust/index.ts'
import {
  amount,
  formatDuration,
  type Context,
  type FlagTable,
  type Outcome
} from '../../frame/index.ts'
import { needAuthority, releaseNamed } from '../belief.ts'
import { readCensus } from '../online/census.ts'
import { deskOf, writeLine, wrote } from '../desk.ts'
import { readPlan } from '../plan.ts'
import { planLine, planWord } from '../show.ts'

/** A sequence number is a u32. */
const SEQ_MAX = 0xffff_ffff

export const proposeFlags: FlagTable = {
  channel: { type: 'text' },
  kind: { type: 'text' },
  plan: { type: 'text' },
  nodes: { type: 'text' },
  label: { type: 'text' },
  supersedes: { type: 'text' },
  fixes: { type: 'text' },
  floor: { type: 'text' },
  draw: { type: 'text' },
  seq: { type: 'text' },
  notes: { type: 'text' },
  output: { type: 'text', short: 'o' }
}

/** Node's own name for this machine, as `linux-x64`. */
export function thisPlatform(): string {
  return `${process.platform}-${process.arch}`
}

/** `propose`: a release as a request: policy judged, plan compiled, next number taken. */
export async function propose(context: Context): Promise<Outcome> {
  const { out, flags } = context
  const desk = deskOf(context)
  const { believed } = await needAuthority(desk)
  const draft = proposeRelease(believed, await proposalOf(context, desk, believed))
  if (draft.body.tag !== 'release') throw new OtaError('INTERNAL', 'a proposal is a release')
  const { release } = draft.body
  const path = flags.text('output') ?? `${release.channel}-${release.seq}.req`
  await writeLine(context, desk, { path, bytes: requestOf(draft) })
  const nodes = await fleetSize(context, desk)
  const waits = waitsFor(believed, release)
  const data = {
    request: path,
    release: draft.id,
    channel: release.channel,
    epoch: release.epoch,
    seq: release.seq,
    label: release.label,
    census: nodes,
    plan: planWord(release.policy),
    leastMs: leastMs(release.policy),
    waitsFor: waits?.id ?? null
  }
  out.result('propose', data, [
    [
      nameOf(draft),
      `trust ${release.head.trustVersion}`,
      `${release.channel} epoch ${release.epoch} seq ${release.seq}`,
      `census ${amount(nodes, 'node')}`,
      `${planWord(release.policy)}; fresh nodes install outside the plan`,
      release.drawers.length === 0 ? 'no drawers' : `draw ${release.drawNumber}`
    ].join('  '),
    planLine(release.policy),
    waits === null
      ? 'starts when it is committed'
      : `starts when the rollout of ${out.id(waits.id)} has ended, if it is still under way`
  ])
  warnShortBakes(
    context,
    release.policy.plan.stages.map(({ bakeMs }) => bakeMs)
  )
  out.note(`${wrote(context, path)}: signers review and sign it`)
  return { data }
}

async function proposalOf(context: Context, desk: Desk, believed: Believed): Promise<Proposal> {
  const { flags, args } = context
  const plan = await readPlan(context, desk, await fleetSize(context, desk))
  const channel = flags.text('channel') ?? plan.channel
  if (channel === null) throw new OtaError('USAGE', '--channel is missing')
  const kind = flags.choice('kind', ['params', 'code', 'stateful']) ?? plan.kind
  if (kind === null) {
    throw new OtaError('USAGE', '--kind is missing', { hint: 'params, code or stateful' })
  }
  const supersedes = namedBy(believed, flags.text('supersedes') ?? plan.supersedes)
  const fixes = namedBy(believed, flags.text('fixes') ?? plan.fixes)
  if (supersedes !== null && fixes !== null) {
    throw new OtaError('USAGE', '--supersedes and --fixes exclude each other', {
      hint: '--fixes ends the other release too, and moves its nodes first'
    })
  }
  return {
    ...(await readPacks(desk, args)),
    channel,
    kind,
    label: flags.text('label'),
    notes: await readNotes(desk, flags.text('notes')),
    policy: fixes === null ? plan.policy : withFixes(plan.policy),
    supersedes,
    fixes,
    floor: floorOf(believed, flags.text('floor') ?? plan.floor),
    drawers: flags.text('draw')?.split(',') ?? [],
    seq: flags.count('seq', 1, SEQ_MAX),
    signed: await signedNumbers(desk, believed, channel),
    nowMs: desk.clock.wallMs()
  }
}

/** What keys here have signed, they sign no second time: the next numbers lie above. */
async function signedNumbers(
  desk: Desk,
  { network, trust }: Believed,
  channel: string
): Promise<Proposal['signed']> {
  const epoch = trust?.body.epoch ?? 1
  return {
    seq: (await highestSigned(desk, network, { tag: 'release', channel, epoch })) ?? 0,
    draw: (await highestSigned(desk, network, { tag: 'draw' })) ?? -1
  }
}

/** `--nodes`, else the census the last command online left; 0 if none is fresh. */
async function fleetSize(context: Context, desk: Desk): Promise<number> {
  const told = context.flags.count('nodes', 1, 100_000_000)
  return told ?? (await readCensus(desk))
}

/** Pack files, and at most one source file among them. */
async function readPacks(
  desk: Desk,
  paths: readonly string[]
): Promise<Pick<Proposal, 'packs' | 'source'>> {
  let source: Proposal['source'] = null
  const packs: { file: PackFile; otaJson: Awaited<ReturnType<typeof readOtaJson>> }[] = []
  for (const path of paths) {
    const bytes = await desk.disk.read(path)
    if (bytes === null) throw new OtaError('USAGE', `there is no file ${path}`)
    const told = readSourceFile(bytes, path)
    if (told !== null && source !== null) {
      throw new OtaError('USAGE', `${path}: a release has one source`)
    }
    source ??= told
    if (told !== null) continue
    const file = decodePackFile(bytes, path)
    const folder = (await knownFolder(desk, file.artifact.treeDigest)) ?? file.folder
    packs.push({ file, otaJson: await readOtaJson(desk, folder) })
  }
  return { packs, source }
}

async function readNotes(desk: Desk, path: string | null): Promise<string> {
  if (path === null) return ''
  const bytes = await desk.disk.read(path)
  if (bytes === null) throw new OtaError('USAGE', `there is no file ${path}`)
  return toText(bytes).normalize('NFC').replaceAll('\r\n', '\n').trimEnd()
}

function namedBy(believed: Believed, word: string | null): Bytes | null {
  return word === null ? null : releaseNamed(believed, word)
}

/** `self`, or the id of a release below which no node may go. */
export function floorOf(believed: Believed, word: string | null): Floor {
  if (word === null) return { tag: 'none' }
  if (word === 'self') return { tag: 'self' }
  return { tag: 'release', id: releaseNamed(believed, word) }
}

function warnShortBakes(context: Context, bakes: readonly number[]): void {
  const shortest = Math.min(...bakes)
  if (shortest >= 60 * SECOND) return
  context.out.warn(`bakes as short as ${formatDuration(shortest)} are for tests and demos`)
}
