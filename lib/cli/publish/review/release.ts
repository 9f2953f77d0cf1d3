import type { Artifact, OtaJson, Release } from '../../../records/index.ts'
import {
  hooksOf,
  type ArtifactReview,
  type Difference,
  type Draft,
  type FileLine,
  type ReleaseReview
} from '../../../publish/index.ts'
import { amount, escapeText, formatSize, type Output } from '../../frame/index.ts'
import { downloadData, downloadLines } from '../cost.ts'
import { planLine } from '../show.ts'
import { recipeData, sourceData, sourceLines } from './source.ts'
import { extLines } from './trust.ts'

const FILES_SHOWN = 40
const VALUES_SHOWN = 24

/** Everything of a release, one fact per line, for who is about to sign it. */
export function releaseLines(out: Output, draft: Draft, review: ReleaseReview): string[] {
  const { release } = review
  const built = review.artifacts.filter(({ ownBuild }) => ownBuild !== null)
  const lines = built.map(({ artifact, ownBuild }) => {
    const ids = `${out.id(artifact.treeDigest)} and core key ${out.id(artifact.tree.key)}`
    return `digest of ${escapeText(ownBuild ?? '')} ${ids} equal the release`
  })
  lines.push(
    [
      `release ${out.id(draft.id)}`,
      `channel ${release.channel}`,
      `epoch ${release.epoch} seq ${release.seq}`,
      `label "${escapeText(release.label)}"`,
      `kind ${release.kind}`,
      `trust ${release.head.trustVersion}`
    ].join('  ')
  )
  lines.push(lastLine(out, review))
  if (release.notes !== '') lines.push(`notes "${escapeText(release.notes)}"`)
  lines.push(...orderLines(out, release))
  if (release.source !== null) lines.push(...sourceLines(out, release.source, review.recipe))
  for (const artifact of review.artifacts) {
    lines.push(...artifactLines(out, artifact, built.length > 0), ...patchLines(out, artifact))
  }
  lines.push(...policyLines(out, review), planLine(release.policy), attestLine(review))
  lines.push(
    review.isSteerable
      ? 'order can be steered by the drafter: no drawer is named'
      : `order drawn by ${review.drawers.map(escapeText).join(', ')}: draw ${release.drawNumber}`
  )
  return [...lines, ...extLines([...release.ext, ...release.policy.ext])]
}

/** What a program reads of it with `--json`. */
export function releaseData(draft: Draft, review: ReleaseReview) {
  const { release, last } = review
  const own = review.artifacts.find(({ ownBuild }) => ownBuild !== null)
  return {
    release: draft.id,
    label: release.label,
    channel: release.channel,
    epoch: release.epoch,
    seq: release.seq,
    kind: release.kind,
    source: release.source === null ? null : sourceData(release.source),
    recipe: review.recipe === null ? null : recipeData(review.recipe),
    last: last?.id ?? null,
    steerable: review.isSteerable,
    drawers: review.drawers,
    attest: review.attest,
    build: own?.artifact.treeDigest ?? null,
    artifacts: review.artifacts.map(
      ({ artifact, downloads, files, ownBuild, otaJson, changes, stateFaults }) => ({
        platform: artifact.platform,
        treeDigest: artifact.treeDigest,
        core: artifact.tree.key,
        entries: artifact.entries,
        bytes: artifact.bytes,
        patch: artifact.patch === null ? null : { ...artifact.patch },
        ...(downloads === null ? {} : downloadData(artifact, downloads)),
        built: ownBuild !== null,
        files:
          files === null
            ? null
            : {
                added: files.added.map(fileData),
                removed: files.removed.map(fileData),
                changed: files.changed.map(({ was, now }) => ({
                  ...fileData(now),
                  was: fileData(was)
                }))
              },
        hooks: otaJson === null ? null : hooksOf(otaJson),
        egress: otaJson?.network.expect ?? null,
        otaJson: changes.map((change) => ({ ...change })),
        stateFaults
      })
    ),
    policy: review.policy.map((change) => ({ ...change }))
  }
}

function lastLine(out: Output, { last }: ReleaseReview): string {
  if (last === null) return 'compared with nothing: no release before it is here'
  const { label, epoch, seq } = last.body
  const order = `epoch ${epoch} seq ${seq}`
  return `compared with release ${out.id(last.id)}  ${order}  label "${escapeText(label)}"`
}

function orderLines(out: Output, release: Release): string[] {
  const lines: string[] = []
  if (release.supersedes !== null) lines.push(`supersedes ${out.id(release.supersedes)}: ends it`)
  if (release.fixes !== null) lines.push(`fixes ${out.id(release.fixes)}: its nodes move first`)
  const { floor } = release
  if (floor.tag === 'self') lines.push('floor self: no node goes below this release')
  if (floor.tag === 'release') lines.push(`floor ${out.id(floor.id)}: no node goes below it`)
  return lines
}

function artifactLines(out: Output, review: ArtifactReview, anyBuilt: boolean): string[] {
  const { artifact, files, otaJson, isUncompared } = review
  const lines = [headOf(out, artifact)]
  if (anyBuilt && review.ownBuild === null) {
    lines.push(`${escapeText(artifact.platform)} was not built here: its files are the drafter's`)
  }
  if (files === null) lines.push('files not here to be listed: give --build DIR')
  else {
    const { added, removed, changed } = files
    lines.push(`files +${added.length} -${removed.length} ~${changed.length}`)
    if (isUncompared)
      lines.push('the files of the last release are not here: all are listed as new')
    lines.push(...fileList(out, '+', added.map(fileText)))
    lines.push(...fileList(out, '-', removed.map(fileText)))
    lines.push(
      ...fileList(
        out,
        '~',
        changed.map(({ was, now }) => changeText(was, now))
      )
    )
  }
  if (otaJson !== null)
    lines.push(...otaLines(otaJson), ...changeList(out, 'ota.json', review.changes))
  for (const fault of review.stateFaults) {
    lines.push(`no node goes on from the last release: ${escapeText(fault)}`)
  }
  return lines
}

function headOf(out: Output, artifact: Artifact): string {
  const { platform, component, tree, patch } = artifact
  const name = component === '' ? platform : `${component} for ${platform}`
  const size = `${artifact.entries} files  ${formatSize(artifact.bytes)}`
  const ids = `tree ${out.id(artifact.treeDigest)}  core ${out.id(tree.key)}`
  const patches = patch === null ? '' : `  patches ${out.id(patch.key)}`
  return `${escapeText(name)}  ${ids}${patches}  ${size}`
}

/** Patches are not built again by who signs: whatever they hold, the tree digest decides. */
function patchLines(out: Output, { artifact, downloads }: ArtifactReview): string[] {
  const { patch } = artifact
  if (patch === null) return ['no patches: nodes fetch what they lack of the core']
  const size = formatSize(patch.bytes)
  const lines = [`patches ${size}, not rebuilt here: they only transport, the tree digest decides`]
  if (downloads === null) return lines
  return [...lines, ...downloadLines(out, artifact, downloads).map((line) => `  ${line}`)]
}

/** What runs, what it asks for, and what happens to the state: the tree digest signs this. */
function otaLines(otaJson: OtaJson): string[] {
  const { start, state, network, listen, env, requires } = otaJson
  const hooks = hooksOf(otaJson).map(escapeText).join(', ') || 'none'
  const egress = network.expect.map(escapeText).join(', ') || 'none'
  const lines = [
    `start ${start.map(escapeText).join(' ')}`,
    `hooks ${hooks}  state ${stateText(otaJson)}  egress ${egress}`
  ]
  const ports = listen.map(
    ({ name, host, port }) => `${escapeText(name)} ${escapeText(host)}:${port}`
  )
  if (ports.length > 0) lines.push(`listens ${ports.join(', ')}`)
  if (env.size > 0) {
    const pairs = [...env].map(([name, value]) => `${escapeText(name)}=${escapeText(value)}`)
    lines.push(`environment ${pairs.join(' ')}`)
  }
  const needs = [requires.daemon, requires.node, ...requires.os, ...requires.arch].filter(Boolean)
  if (needs.length > 0) lines.push(`requires ${needs.map(escapeText).join(' ')}`)
  if (state.retired.length > 0) lines.push(`retires ${state.retired.map(escapeText).join(' ')}`)
  return lines
}

function stateText({ state, migrate }: OtaJson): string {
  const { schema, from, downTo, lossOk } = state
  if (state.class === 'none') return 'none'
  const parts = [`${state.class}, schema ${schema}`]
  if (from.length > 0) parts.push(`from ${from.join(' ')}`)
  if (downTo.length > 0) parts.push(`back to ${downTo.join(' ')}`)
  parts.push(migrate === null ? 'no transition program' : 'with a transition program')
  if (lossOk) parts.push('may lose state on the way back')
  return parts.join(', ')
}

function fileText({ path, bytes, note }: FileLine): string {
  return `${escapeText(path)}  ${note === '' ? '' : `${escapeText(note)}  `}${formatSize(bytes)}`
}

function changeText(was: FileLine, now: FileLine): string {
  const note = now.note === was.note ? '' : `, was ${escapeText(was.note || 'a plain file')}`
  return `${fileText(now)}, was ${formatSize(was.bytes)}${note}`
}

function fileData({ path, bytes, note }: FileLine) {
  return { path, bytes, note }
}

function fileList(out: Output, sign: string, texts: readonly string[]): string[] {
  return cutList(
    out,
    texts.map((text) => `  ${sign} ${text}`),
    { shown: FILES_SHOWN, sign }
  )
}

function policyLines(out: Output, { policy, last }: ReleaseReview): string[] {
  const beside = last === null ? 'the defaults' : 'the last release'
  if (policy.length === 0) return [`policy ${last === null ? 'default' : 'as the last release'}`]
  return changeList(out, `policy against ${beside}:`, policy)
}

function changeList(out: Output, what: string, changes: readonly Difference[]): string[] {
  if (changes.length === 0) return []
  const lines = changes.map(
    ({ path, from, to }) => `  ${escapeText(path)}: ${escapeText(to)}, was ${escapeText(from)}`
  )
  const shown = cutList(out, lines, { shown: VALUES_SHOWN, sign: '~' })
  return [`${what} ${amount(changes.length, 'value')} changed`, ...shown]
}

function cutList(
  out: Output,
  lines: readonly string[],
  { shown, sign }: { readonly shown: number; readonly sign: string }
): string[] {
  const cut = out.options.long ? lines : lines.slice(0, shown)
  const more = lines.length - cut.length
  return more === 0 ? [...cut] : [...cut, `  ${sign} and ${more} more: --long lists them`]
}

function attestLine({ attest }: ReleaseReview): string {
  if (attest === null) return 'attestations: the trust is not here to say how many'
  if (attest === 0) return 'attestations none needed'
  return `attestations of ${amount(attest, 'organisation')} before any node installs it`
}
