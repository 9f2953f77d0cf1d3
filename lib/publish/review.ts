import { toHex } from '../base/index.ts'
import type { Manifest } from '../artifact/index.ts'
import {
  decodeOtaJson,
  type Artifact,
  type OtaJson,
  type Policy,
  type Release
} from '../records/index.ts'
import { defaultPolicy } from '../rollout/index.ts'
import { admittedReleases, compareOrder, type Believed, type KnownRelease } from '../trust/index.ts'
import type { Desk } from './desk.ts'
import { knownFolder, knownManifest, matchBuild, readVerified } from './pack.ts'

/** Files of one artifact against the last release. Links and empty folders count as files. */
interface FileChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

/** One platform of a release, as far as this home can look into it. */
export interface ArtifactReview {
  readonly artifact: Artifact
  /** The signer's own build gave the same digest and core key. */
  readonly isOwnBuild: boolean
  /** Null: neither `--build` nor an earlier pack shows the files. */
  readonly files: FileChanges | null
  /** From the tree itself; null as `files`. */
  readonly otaJson: OtaJson | null
}

export interface ReleaseReview {
  readonly release: Release
  /** What it is compared with: the newest admitted release below it. */
  readonly last: KnownRelease | null
  readonly artifacts: readonly ArtifactReview[]
  /** Every value of the policy that differs from the last release, or from the defaults. */
  readonly policy: readonly PolicyChange[]
  /** No drawer is named: whoever drafted it could have tried bodies until the order suited. */
  readonly isSteerable: boolean
}

interface PolicyChange {
  readonly path: string
  readonly from: string
  readonly to: string
}

/**
 * Everything a release says, decoded from the bytes that will be signed. `build` is a folder
 * with the signer's own build of `platform`; `BUILD_MISMATCH` when it differs.
 */
export async function reviewRelease(
  desk: Desk,
  release: Release,
  options: {
    readonly believed: Believed | null
    readonly build: string | null
    readonly platform: string
  }
): Promise<ReleaseReview> {
  const last = options.believed === null ? null : lastBefore(options.believed, release)
  const artifacts: ArtifactReview[] = []
  const mine = artifactFor(release, options.platform)
  for (const artifact of release.artifacts) {
    const build = artifact === mine ? options.build : null
    artifacts.push(await reviewArtifact(desk, artifact, { last, build }))
  }
  return {
    release,
    last,
    artifacts,
    policy: policyChanges(last?.body.policy ?? likePlan(release.policy), release.policy),
    isSteerable: release.drawers.length === 0
  }
}

/** The artifact `--build` is compared with: that of this machine, else the only one. */
function artifactFor(release: Release, platform: string): Artifact | null {
  const own = release.artifacts.find((artifact) => artifact.platform === platform)
  return own ?? (release.artifacts.length === 1 ? (release.artifacts[0] ?? null) : null)
}

/** Programs of the tree that a node will run beside the app, by name. */
export function hooksOf(otaJson: OtaJson): readonly string[] {
  const { migrate, check, shadow, health } = otaJson
  const hooks: [string, readonly string[] | null][] = [
    ['migrate', migrate?.run ?? null],
    ['migrate down', migrate?.down ?? null],
    ['check', check?.run ?? null],
    ['shadow probe', shadow.probe],
    ['health', health.probe.tag === 'command' ? health.probe.run : null]
  ]
  return hooks.flatMap(([name, run]) => (run === null ? [] : [`${name}: ${run.join(' ')}`]))
}

/** Values of two policies that differ, by path. */
function policyChanges(from: Policy, to: Policy): readonly PolicyChange[] {
  const old = flatten(from)
  const now = flatten(to)
  const paths = [...new Set([...old.keys(), ...now.keys()])]
  return paths
    .map((path) => ({ path, from: old.get(path) ?? 'none', to: now.get(path) ?? 'none' }))
    .filter(({ from: before, to: after }) => before !== after)
}

async function reviewArtifact(
  desk: Desk,
  artifact: Artifact,
  { last, build }: { readonly last: KnownRelease | null; readonly build: string | null }
): Promise<ArtifactReview> {
  const pack = build === null ? null : await matchBuild(desk, build, artifact)
  const manifest = pack?.manifest ?? (await knownManifest(desk, artifact.treeDigest))
  const folder = build ?? (await knownFolder(desk, artifact.treeDigest))
  return {
    artifact,
    isOwnBuild: pack !== null,
    files: manifest === null ? null : await changesSince(desk, { manifest, artifact, last }),
    otaJson: manifest === null || folder === null ? null : await otaJsonOf(desk, folder, manifest)
  }
}

async function changesSince(
  desk: Desk,
  {
    manifest,
    artifact,
    last
  }: {
    readonly manifest: Manifest
    readonly artifact: Artifact
    readonly last: KnownRelease | null
  }
): Promise<FileChanges | null> {
  const before = last?.body.artifacts.find(
    ({ platform, component }) => platform === artifact.platform && component === artifact.component
  )
  if (before === undefined) return compareManifests(null, manifest)
  const old = await knownManifest(desk, before.treeDigest)
  // comparing with a release whose files are not here would call every file new
  return old === null ? null : compareManifests(old, manifest)
}

/** What was added, removed and changed; `old` null: everything is new. */
function compareManifests(old: Manifest | null, now: Manifest): FileChanges {
  const before = byPath(old)
  const after = byPath(now)
  const added = [...after.keys()].filter((path) => !before.has(path))
  const removed = [...before.keys()].filter((path) => !after.has(path))
  const changed = [...after]
    .filter(([path, text]) => before.has(path) && before.get(path) !== text)
    .map(([path]) => path)
  return { added, removed, changed }
}

function byPath(manifest: Manifest | null): Map<string, string> {
  return new Map(
    (manifest?.entries ?? []).map((entry) => {
      if (entry.tag === 'file') return [entry.path, `${entry.exec} ${toHex(entry.hash)}`]
      return [entry.path, entry.tag === 'link' ? `link ${entry.target}` : entry.tag]
    })
  )
}

async function otaJsonOf(desk: Desk, folder: string, manifest: Manifest): Promise<OtaJson | null> {
  const entry = manifest.entries.find(({ path }) => path === 'ota.json')
  if (entry === undefined || entry.tag !== 'file') return null
  const bytes = await readVerified(desk, folder, entry)
  return bytes === null ? null : decodeOtaJson(bytes)
}

function lastBefore(believed: Believed, release: Release): KnownRelease | null {
  const below = admittedReleases(believed, release.channel).filter(
    ({ body }) => compareOrder(body, release) < 0
  )
  return below[0] ?? null
}

/** The defaults with the plan of `policy`: the plan has a line of its own. */
function likePlan(policy: Policy): Policy {
  const { riskPerStagePpm } = policy.gate
  const { requires } = policy.who
  const who = { ...defaultPolicy.who, requires }
  return {
    ...defaultPolicy,
    plan: policy.plan,
    gate: { ...defaultPolicy.gate, riskPerStagePpm },
    who
  }
}

function flatten(policy: Policy): Map<string, string> {
  const found = new Map<string, string>()
  const visit = (value: unknown, path: string): void => {
    if (value instanceof Uint8Array) found.set(path, toHex(value))
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value))
        visit(item, path === '' ? key : `${path}.${key}`)
    } else found.set(path, String(value))
  }
  visit(policy, '')
  return found
}
