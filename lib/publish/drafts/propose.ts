import { OtaError, equal, toHex, type Bytes } from '../../base/index.ts'
import type { Floor, OtaJson, Policy, Release, Source } from '../../records/index.ts'
import {
  admittedReleases,
  membersOf,
  toShortName,
  type Believed,
  type KnownRelease
} from '../../trust/index.ts'
import { checkPolicy, offerFor } from '../../rollout/index.ts'
import { currentTrust, headOf } from './control.ts'
import type { PackFile } from '../pack.ts'
import { draftOf, type Draft } from '../papers/request.ts'

export interface Proposal {
  readonly packs: readonly { readonly file: PackFile; readonly otaJson: OtaJson }[]
  /** What the packs were built from; null: it is not released. */
  readonly source: Source | null
  readonly channel: string
  readonly kind: Release['kind']
  /** Version string; null takes the one of `ota.json`. */
  readonly label: string | null
  readonly notes: string
  readonly policy: Policy
  readonly supersedes: Bytes | null
  readonly fixes: Bytes | null
  readonly floor: Floor
  /** Labels of role `draw`. */
  readonly drawers: readonly string[]
  /** The number to take; null: the next one that nobody here has seen or signed. */
  readonly seq: number | null
  /** The highest numbers a key here has signed, 0 and −1 for none: of the channel, of draws. */
  readonly signed: { readonly seq: number; readonly draw: number }
  readonly nowMs: number
}

/**
 * A release as a draft: current epoch, next seq of its channel, the policy as it will be signed.
 * Throws `POLICY_INVALID` with the path of a bad field (S57), `USAGE` for what does not fit.
 */
export function proposeRelease(believed: Believed, proposal: Proposal): Draft {
  const trust = currentTrust(believed)
  const { packs, channel } = proposal
  const label = proposal.label ?? packs[0]?.otaJson.version ?? ''
  refuseTwins(packs, proposal.source !== null)
  refuseIncomplete(packs)
  refusePreRelease(channel, label)
  const policy = withRequirements(
    proposal.policy,
    packs.map(({ otaJson }) => otaJson)
  )
  checkPolicy(policy)
  const drawers = drawerKeys(believed, proposal.drawers)
  const { epoch } = trust.body
  const release: Release = {
    head: headOf(trust, proposal.nowMs),
    channel,
    epoch,
    seq: seqFor(believed, { channel, epoch }, proposal),
    label,
    notes: proposal.notes,
    kind: proposal.kind,
    supersedes: proposal.supersedes,
    fixes: proposal.fixes,
    floor: proposal.floor,
    drawers,
    drawNumber:
      drawers.length === 0 ? null : Math.max(nextDraw(believed), proposal.signed.draw + 1),
    artifacts: packs.map(({ file }) => file.artifact),
    source: proposal.source,
    policy,
    ext: []
  }
  return draftOf(believed.network, { tag: 'release', release })
}

/** The release a rollout of which may still be under way, before which `release` must wait. */
export function waitsFor(believed: Believed, release: Release): KnownRelease | null {
  if (release.supersedes !== null || release.fixes !== null) return null
  return admittedReleases(believed, release.channel)[0] ?? null
}

/**
 * One more than the highest number seen or signed here, or the one asked for: a corrected draft
 * takes the number above, since nobody signs one number twice (S98).
 */
function seqFor(believed: Believed, { channel, epoch }: Place, { seq, signed }: Proposal): number {
  const seen = highestSeq(believed, { channel, epoch })
  if (seq === null) return Math.max(seen, signed.seq) + 1
  if (seq > seen) return seq
  throw new OtaError('USAGE', `--seq ${seq}: ${channel} has a release with seq ${seen} already`, {
    hint: `take ${seen + 1}, or leave --seq away`
  })
}

interface Place {
  readonly channel: string
  readonly epoch: number
}

function highestSeq({ held }: Believed, { channel, epoch }: Place): number {
  let highest = 0
  for (const { any } of held.values()) {
    if (any.tag !== 'release') continue
    const { body } = any.known
    if (body.channel === channel && body.epoch === epoch) highest = Math.max(highest, body.seq)
  }
  return highest
}

/** Draw numbers are unique for ever in a network, whatever the channel (S100). */
function nextDraw({ held }: Believed): number {
  let next = 0
  for (const { any } of held.values()) {
    if (any.tag !== 'release' || any.known.body.drawNumber === null) continue
    next = Math.max(next, any.known.body.drawNumber + 1)
  }
  return next
}

function drawerKeys(believed: Believed, labels: readonly string[]): readonly Bytes[] {
  const listed = membersOf(currentTrust(believed).body, 'draw')
  return labels.map((label) => {
    const member = listed.find((one) => one.label === label)
    if (member !== undefined) return member.key
    const known = listed.map((one) => one.label).join(', ')
    throw new OtaError('USAGE', `the trust lists no drawer "${label}"`, {
      hint: known === '' ? 'it lists none' : `it lists ${known}`
    })
  })
}

/** What a node must have is judged before the tree is here, so the release repeats `ota.json`. */
function withRequirements(policy: Policy, all: readonly OtaJson[]): Policy {
  const { requires } = policy.who
  const daemon = all[0]?.requires.daemon ?? ''
  const schemas = [...(all[0]?.state.from ?? [])]
  for (const otaJson of all) {
    if (otaJson.requires.daemon === daemon && sameNumbers(otaJson.state.from, schemas)) continue
    throw new OtaError('USAGE', 'the packs ask for different daemons or state schemas', {
      hint: 'make requires.daemon and state.from of every ota.json the same'
    })
  }
  if (requires.daemon !== '' && requires.daemon !== daemon) {
    const message = `requires.daemon: ota.json says "${daemon}", the policy "${requires.daemon}"`
    throw new OtaError('POLICY_INVALID', message)
  }
  return { ...policy, who: { ...policy.who, requires: { ...requires, daemon, schemas } } }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, index) => number === b[index])
}

function refuseTwins(packs: Proposal['packs'], hasSource: boolean): void {
  if (packs.length === 0) {
    // without a signed tree digest a build would prove nothing, and no node could run it
    throw new OtaError('USAGE', 'propose needs a pack file', {
      hint: hasSource
        ? 'a source alone signs no tree: give the pack of what it builds too'
        : 'make one: ota-publish pack DIR -o FILE'
    })
  }
  const seen = new Map<string, Bytes>()
  for (const { file } of packs) {
    const { component, platform, treeDigest } = file.artifact
    const place = `${component} ${platform}`
    const before = seen.get(place)
    if (before !== undefined) {
      const same = equal(before, treeDigest) ? 'the same tree twice' : 'two trees'
      throw new OtaError('USAGE', `${same} for ${platform}`, { hint: 'give one pack per platform' })
    }
    seen.set(place, treeDigest)
  }
}

/** Nodes use all components of a release or none, so each platform must have them all (S51). */
function refuseIncomplete(packs: Proposal['packs']): void {
  const artifacts = packs.map(({ file }) => file.artifact)
  for (const { platform } of artifacts) {
    const { artifact, text, code } = offerFor(artifacts, platform)
    if (artifact === null && code !== null) throw new OtaError(code, text)
  }
}

/** `1.2.0-rc.1` on stable is a slip that thousands of nodes would follow. */
function refusePreRelease(channel: string, label: string): void {
  if (channel !== 'stable' || !/^\d+\.\d+\.\d+-/.test(label)) return
  throw new OtaError('USAGE', `"${label}" is a pre-release, channel stable takes none`, {
    hint: 'propose it on another channel, or name it with --label'
  })
}

/** The held release that `text` was resolved to, for `supersedes`, `fixes` and floors. */
export function heldRelease(believed: Believed, id: Bytes): KnownRelease {
  const any = believed.held.get(toHex(id))?.any
  if (any?.tag === 'release') return any.known
  throw new OtaError('USAGE', `no release "${toShortName(id)}" is known`)
}
