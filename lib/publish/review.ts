import { OtaError, equal } from '../base/index.ts'
import {
  ROLE,
  stateFaults,
  type Artifact,
  type OtaJson,
  type Policy,
  type Recipe,
  type Release,
  type Trust
} from '../records/index.ts'
import { defaultPolicy } from '../rollout/index.ts'
import {
  admittedReleases,
  compareOrder,
  membersOf,
  type Believed,
  type KnownRelease
} from '../trust/index.ts'
import { compareManifests, differences, type Difference, type FileChanges } from './compare.ts'
import type { Desk } from './desk.ts'
import { keepPack, knownManifest, knownOtaJson, matchBuild, readOtaJson } from './pack.ts'
import { knownRecipe } from './source.ts'
import { downloadsOf, type Downloads } from './patches/downloads.ts'

/** One platform of a release, as far as this home can look into it. */
export interface ArtifactReview {
  readonly artifact: Artifact
  /** The signer's own build that gave the same digest and core key, as named; null: none did. */
  readonly ownBuild: string | null
  /** Null: neither `--build` nor an earlier pack shows the files. */
  readonly files: FileChanges | null
  /** The release before has this platform, but its files are not here to compare with. */
  readonly isUncompared: boolean
  /** From the tree itself; null as `files`. */
  readonly otaJson: OtaJson | null
  /** `ota.json` against that of the last release, where both are here. */
  readonly changes: readonly Difference[]
  /** Why a node that runs the last release cannot go on to this one, by its state; in words. */
  readonly stateFaults: readonly string[]
  /** What nodes will fetch, where the patches were packed here; null elsewhere, or without any. */
  readonly downloads: Downloads | null
}

export interface ReleaseReview {
  readonly release: Release
  /** What it is compared with: the newest admitted release below it. */
  readonly last: KnownRelease | null
  /** Of the source; null where there is none, or where this home never saw it. */
  readonly recipe: Recipe | null
  readonly artifacts: readonly ArtifactReview[]
  /** Every value of the policy that differs from the last release, or from the defaults. */
  readonly policy: readonly Difference[]
  /** Organisations that must attest; null where the trust is not here to say so. */
  readonly attest: number | null
  /** No drawer is named: whoever drafted it could have tried bodies until the order suited. */
  readonly isSteerable: boolean
  /** Labels of the named drawers, `?` for one that the trust here does not list. */
  readonly drawers: readonly string[]
}

/** A folder with the signer's own build; `platform` null: of this machine, or the only one. */
export interface OwnBuild {
  /** Its path from the root. */
  readonly folder: string
  /** As it was typed. */
  readonly name: string
  readonly platform: string | null
}

export interface ReviewOptions {
  readonly believed: Believed | null
  /** Whose keys count and who must attest; null where nobody here knows. */
  readonly trust: Trust | null
  readonly builds: readonly OwnBuild[]
  /** Node's name of this machine, as `linux-x64`. */
  readonly here: string
  /** Remember what the builds showed, so that the next release can be compared with it. */
  readonly remember: boolean
}

/**
 * Everything a release says, decoded from the bytes that will be signed. Each of `builds` is packed
 * and must give its platform's digest and core key: else `BUILD_MISMATCH`. `USAGE` for a build of a
 * platform that the release does not have.
 */
export async function reviewRelease(
  desk: Desk,
  release: Release,
  options: ReviewOptions
): Promise<ReleaseReview> {
  const { believed, trust } = options
  const last = believed === null ? null : await lastBefore(desk, believed, release)
  const builds = new Map<Artifact, OwnBuild>()
  for (const build of options.builds) {
    const artifact = artifactFor(release, build, options.here)
    if (builds.has(artifact)) {
      throw new OtaError('USAGE', `--build is given twice for ${artifact.platform}`)
    }
    builds.set(artifact, build)
  }
  const artifacts: ArtifactReview[] = []
  for (const artifact of release.artifacts) {
    const build = builds.get(artifact) ?? null
    const { remember } = options
    artifacts.push(await reviewArtifact(desk, artifact, { last, build, remember, believed }))
  }
  return {
    release,
    last,
    recipe: release.source === null ? null : await knownRecipe(desk, release.source),
    artifacts,
    policy: differences(last?.body.policy ?? likePlan(release.policy), release.policy),
    attest: trust === null ? null : attestsNeeded(release, trust),
    isSteerable: release.drawers.length === 0,
    drawers: drawersOf(release, trust)
  }
}

/** Programs of the tree that a node will run beside the app, by name. */
export function hooksOf(otaJson: OtaJson): readonly string[] {
  const { migrate, check, shadow, health, state, responsibility, build } = otaJson
  const hooks: [string, readonly string[] | null][] = [
    ['migrate', migrate?.run ?? null],
    ['migrate down', migrate?.down ?? null],
    ['snapshot', typeof state.snapshot === 'string' ? null : state.snapshot],
    ['check', check?.run ?? null],
    ['shadow probe', shadow.probe],
    ['health', health.probe.tag === 'command' ? health.probe.run : null],
    ['responsibility', responsibility.tag === 'command' ? responsibility.run : null],
    ['build', build?.run ?? null]
  ]
  return hooks.flatMap(([name, run]) => (run === null ? [] : [`${name}: ${run.join(' ')}`]))
}

/** The artifact a build is compared with: the platform named, this machine's, else the only one. */
function artifactFor(release: Release, { platform }: OwnBuild, here: string): Artifact {
  const wanted = platform ?? here
  const own = release.artifacts.find((artifact) => artifact.platform === wanted)
  const [only] = release.artifacts
  if (own !== undefined) return own
  if (only !== undefined && release.artifacts.length === 1 && platform === null) return only
  const has = release.artifacts.map((artifact) => artifact.platform).join(', ')
  throw new OtaError('USAGE', `the release has nothing for ${wanted}`, {
    hint: `it has ${has}: say which of them you built, as --build ${only?.platform ?? 'P'}=DIR`
  })
}

/** design: the trust, the policy, whichever asks for more; a node may ask for more still. */
function attestsNeeded({ policy }: Release, trust: Trust): number {
  const build = trust.roles.find(({ role }) => role === ROLE.build)
  return Math.max(build?.threshold ?? 0, policy.others.attest)
}

function drawersOf({ drawers }: Release, trust: Trust | null): readonly string[] {
  const listed = trust === null ? [] : membersOf(trust, 'draw')
  return drawers.map((key) => {
    const member = listed.find((one) => equal(one.key, key))
    return member?.label ?? '?'
  })
}

interface Looking {
  readonly last: KnownRelease | null
  readonly build: OwnBuild | null
  readonly remember: boolean
  readonly believed: Believed | null
}

async function reviewArtifact(
  desk: Desk,
  artifact: Artifact,
  { last, build, remember, believed }: Looking
): Promise<ArtifactReview> {
  const pack = build === null ? null : await matchBuild(desk, build, artifact)
  if (pack !== null && build !== null && remember) {
    await keepPack(desk, { artifact, folder: build.folder }, pack)
  }
  const manifest = pack?.manifest ?? (await knownManifest(desk, artifact.treeDigest))
  const otaJson = await otaJsonIn(desk, artifact, build)
  const before = lastArtifact(last, artifact)
  const old = before === null ? null : await knownManifest(desk, before.treeDigest)
  // comparing with a release whose files are not here would call every file new
  const isUncompared = manifest !== null && before !== null && old === null
  const oldJson = before === null ? null : await knownOtaJson(desk, before.treeDigest)
  return {
    artifact,
    ownBuild: build?.name ?? null,
    files: manifest === null ? null : compareManifests(old, manifest),
    isUncompared,
    otaJson,
    changes: otaJson === null || oldJson === null ? [] : differences(oldJson, otaJson),
    stateFaults: otaJson === null || oldJson === null ? [] : faultsBetween(oldJson, otaJson),
    downloads: await downloadsOf(desk, artifact, believed)
  }
}

function faultsBetween({ state }: OtaJson, next: OtaJson): readonly string[] {
  return stateFaults({ schema: state.schema, rules: state }, next.state)
}

/** From the own build where there is one: it may not be remembered. */
async function otaJsonIn(
  desk: Desk,
  artifact: Artifact,
  build: OwnBuild | null
): Promise<OtaJson | null> {
  if (build === null) return await knownOtaJson(desk, artifact.treeDigest)
  return await readOtaJson(desk, build.folder)
}

function lastArtifact(last: KnownRelease | null, { platform, component }: Artifact) {
  const found = last?.body.artifacts.find(
    (one) => one.platform === platform && one.component === component
  )
  return found ?? null
}

/**
 * The newest admitted release below. A raised epoch leaves none: then the newest that once had its
 * quorum, and of those rather one whose files are here than what a thief gave the highest number.
 */
async function lastBefore(
  desk: Desk,
  believed: Believed,
  release: Release
): Promise<KnownRelease | null> {
  const admitted = admittedReleases(believed, release.channel)
  const [newest] = admitted.filter(({ body }) => compareOrder(body, release) < 0)
  if (newest !== undefined) return newest
  const once = [...believed.held.values()]
    .flatMap(({ any, settled }) => (any.tag === 'release' && settled ? [any.known] : []))
    .filter(({ body }) => body.channel === release.channel && compareOrder(body, release) < 0)
    .toSorted((a, b) => compareOrder(b.body, a.body))
  for (const known of once) {
    const [artifact] = known.body.artifacts
    if (artifact === undefined) continue
    if ((await knownManifest(desk, artifact.treeDigest)) !== null) return known
  }
  return once[0] ?? null
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
