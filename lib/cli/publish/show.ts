import { PPM } from '../../base/index.ts'
import type { Policy, Release, Stage, Trust } from '../../records/index.ts'
import { ROLE } from '../../records/index.ts'
import {
  hooksOf,
  type ArtifactReview,
  type Draft,
  type ReleaseReview
} from '../../publish/index.ts'
import { leastMs, smallWidth } from '../../rollout/index.ts'
import {
  amount,
  escapeText,
  formatDuration,
  formatSize,
  table,
  type Output
} from '../frame/index.ts'

const FILES_SHOWN = 40
const POLICY_SHOWN = 12

/** Everything of a release, one fact per line, for who is about to sign it. */
export function releaseLines(out: Output, draft: Draft, review: ReleaseReview): string[] {
  const { release } = review
  const lines = [
    [
      `release ${out.id(draft.id)}`,
      `channel ${release.channel}`,
      `epoch ${release.epoch} seq ${release.seq}`,
      `label "${escapeText(release.label)}"`,
      `kind ${release.kind}`,
      `trust ${release.head.trustVersion}`
    ].join('  ')
  ]
  if (release.notes !== '') lines.push(`notes "${escapeText(release.notes)}"`)
  lines.push(...orderLines(out, release))
  for (const artifact of review.artifacts) lines.push(...artifactLines(out, artifact))
  lines.push(...policyLines(review), planLine(release.policy))
  lines.push(
    review.isSteerable
      ? 'order can be steered by the drafter: no drawer is named'
      : `order drawn by ${amount(release.drawers.length, 'drawer')}, draw ${release.drawNumber}`
  )
  return lines
}

/** The plan in words: what is signed, and the least time it takes. */
export function planLine(policy: Policy): string {
  const { plan } = policy
  const least = formatDuration(leastMs(policy))
  if (plan.small) {
    const nodes = amount(plan.members, 'node')
    return `plan small for ${nodes}: widths ${widths(plan.members)}; at least ${least}`
  }
  const shares = plan.stages.map(stageText).join(' ')
  return `plan for ${amount(plan.nodes, 'node')}: ${shares}; at least ${least}`
}

/** `plan small`, `plan 5 % 25 % 100 %`: the plan in three words. */
export function planWord({ plan }: Policy): string {
  if (plan.small) return 'plan small'
  return `plan ${plan.stages.length === 1 ? 'one stage' : `${plan.stages.length} stages`}`
}

/** Who may do what, role by role. */
export function trustLines(out: Output, trust: Trust): string[] {
  const names = Object.entries(ROLE)
  const rows = trust.roles.map(({ role, threshold, members }) => {
    const name = names.find(([, number]) => number === role)?.[0] ?? `role ${role}`
    const labels = members
      .map(({ label, key }) => `${escapeText(label)} ${out.id(key)}`)
      .toSorted()
      .join(', ')
    return [name, `${threshold} of ${members.length}`, labels]
  })
  const feeds = trust.feeds.map((feed) => out.id(feed)).join(', ')
  rows.push(['feeds', String(trust.feeds.length), feeds])
  return [
    `trust ${trust.version} of ${escapeText(trust.name)}  epoch ${trust.epoch}` +
      `  membership ${trust.membership}`,
    ...table(rows)
  ]
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

function artifactLines(out: Output, review: ArtifactReview): string[] {
  const { artifact, files, otaJson } = review
  const size = `${artifact.entries} files  ${formatSize(artifact.bytes)}`
  const ids = `tree ${out.id(artifact.treeDigest)}  core ${out.id(artifact.tree.key)}`
  const lines = [`${escapeText(artifact.platform)}  ${ids}  ${size}`]
  if (files === null) lines.push('files not here to be listed: give --build DIR')
  else {
    const counts = `files +${files.added.length} -${files.removed.length} ~${files.changed.length}`
    lines.push(counts, ...fileList(out, '+', files.added))
    lines.push(...fileList(out, '-', files.removed), ...fileList(out, '~', files.changed))
  }
  if (otaJson !== null) {
    const hooks = hooksOf(otaJson).map(escapeText).join(', ') || 'none'
    const { expect } = otaJson.network
    const egress = expect.map(escapeText).join(', ') || 'none'
    const start = otaJson.start.map(escapeText).join(' ')
    lines.push(`start ${start}`, `hooks ${hooks}  state ${otaJson.state.class}  egress ${egress}`)
  }
  return lines
}

function fileList(out: Output, sign: string, paths: readonly string[]): string[] {
  const shown = out.options.long ? paths : paths.slice(0, FILES_SHOWN)
  const lines = shown.map((path) => `  ${sign} ${escapeText(path)}`)
  const more = paths.length - shown.length
  return more === 0 ? lines : [...lines, `  ${sign} and ${more} more: --long lists them`]
}

function policyLines({ policy, last }: ReleaseReview): string[] {
  const against = last === null ? 'default' : 'as the last release'
  if (policy.length === 0) return [`policy ${against}`]
  const shown = policy.slice(0, POLICY_SHOWN)
  const lines = shown.map(
    ({ path, from, to }) => `  ${path}: ${escapeText(to)}, was ${escapeText(from)}`
  )
  const more = policy.length - shown.length
  if (more > 0) lines.push(`  and ${more} more`)
  const beside = last === null ? 'the defaults' : 'the last release'
  return [`policy ${amount(policy.length, 'value')} beside ${beside}`, ...lines]
}

function widths(members: number): string {
  const steps: number[] = []
  for (let good = 0; good < members;) {
    const width = Math.min(smallWidth(good, members), members - good)
    steps.push(width)
    good += width
  }
  return steps.length > 12 ? `${steps.slice(0, 12).join(' ')} …` : steps.join(' ')
}

function stageText({ sharePpm, approve }: Stage): string {
  const percent = Math.round((sharePpm / PPM) * 10_000) / 100
  return approve === 0 ? `${percent} %` : `${percent} % (asks)`
}
