import { releaseBytesMax, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  ext,
  id,
  key,
  list,
  name,
  note,
  oneOf,
  opt,
  refine,
  struct,
  text,
  u32,
  uint,
  within,
  type Codec,
  type Ext,
  type Fail
} from '../codec/index.ts'
import { floor, head, type Floor, type Head } from './head.ts'
import { policy, type Policy } from './policy.ts'

/** A static hypercore: its key commits to its content. `bytes` are stored bytes. */
export interface CoreRef {
  readonly key: Bytes
  readonly blocks: number
  readonly bytes: number
}

/** One directory tree for one platform. */
export interface Artifact {
  /** "" for the only component. */
  readonly component: string
  /** Node's `platform-arch`, as `linux-x64`. */
  readonly platform: string
  readonly treeDigest: Bytes
  readonly entries: number
  /** Sum of file sizes. */
  readonly bytes: number
  readonly tree: CoreRef
  readonly patch: CoreRef | null
}

/** A source release: git bundle and recipe, which give the signed tree or nothing. */
export interface Source {
  readonly core: CoreRef
  readonly bundleHash: Bytes
  readonly commit: string
  readonly listingHash: Bytes
  readonly recipeHash: Bytes
  readonly toolchain: string
}

export interface Release {
  readonly head: Head
  readonly channel: string
  readonly epoch: number
  readonly seq: number
  readonly label: string
  readonly notes: string
  readonly kind: 'params' | 'code' | 'stateful'
  readonly supersedes: Bytes | null
  readonly fixes: Bytes | null
  readonly floor: Floor
  /** Ascending keys of role `draw`. */
  readonly drawers: readonly Bytes[]
  /** Present iff a drawer is named. */
  readonly drawNumber: number | null
  /** Ascending by their bytes; writing sorts them. An attestation names one by its place. */
  readonly artifacts: readonly Artifact[]
  readonly source: Source | null
  readonly policy: Policy
  readonly ext: readonly Ext[]
}

const core: Codec<CoreRef> = struct({ key, blocks: uint, bytes: uint })

const artifact: Codec<Artifact> = struct({
  component: text(32),
  platform: name,
  treeDigest: id,
  entries: uint,
  bytes: uint,
  tree: core,
  patch: opt(core)
})

const source: Codec<Source> = struct({
  core,
  bundleHash: id,
  commit: text(64),
  listingHash: id,
  recipeHash: id,
  toolchain: text(64)
})

const release: Codec<Release> = refine(
  struct({
    head,
    channel: name,
    epoch: within(uint, { min: 1 }),
    // Fixed width: a seq above 2^32 − 1 has no bytes at all (S24).
    seq: within(u32, { min: 1 }),
    label: text(64),
    notes: note(1_024),
    kind: oneOf(['params', 'code', 'stateful']),
    supersedes: opt(id),
    fixes: opt(id),
    floor,
    drawers: list(16, key),
    drawNumber: opt(u32),
    artifacts: list(32, artifact),
    source: opt(source),
    policy,
    ext
  }),
  checkRelease
)

function checkRelease(value: Release, fail: Fail): void {
  if (value.supersedes !== null && value.fixes !== null) {
    fail('NOT_CANONICAL', 'supersedes and fixes both, at most one of them')
  }
  if (value.drawers.length > 0 !== (value.drawNumber !== null)) {
    fail('NOT_CANONICAL', 'draw number present exactly when a drawer is named')
  }
  if (value.artifacts.length === 0 && value.source === null) {
    fail('NOT_CANONICAL', 'neither an artifact nor a source')
  }
  if (value.artifacts.length < 2) return
  const places = new Set(value.artifacts.map((one) => `${one.component}\n${one.platform}`))
  if (places.size < value.artifacts.length) {
    fail('NOT_CANONICAL', 'two artifacts for one component and platform')
  }
}

/** A source alone, as it travels from `pack` to `propose`. */
export function encodeSource(value: Source): Bytes {
  return encodeWhole(source, value, 'source')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`. */
export function decodeSource(body: Bytes): Source {
  return decodeWhole(source, body, { what: 'source', bytesMax: releaseBytesMax })
}

/** Throws `NOT_CANONICAL`, `OVER_LIMIT` or `POLICY_INVALID` for a value without canonical form. */
export function encodeRelease(value: Release): Bytes {
  return encodeWhole(release, value, 'release')
}

/**
 * Throws `NOT_CANONICAL`, `OVER_LIMIT`, `UNSUPPORTED` for an unlisted value, and `POLICY_INVALID`
 * for one inside the policy (S9, S24).
 */
export function decodeRelease(body: Bytes): Release {
  return decodeWhole(release, body, { what: 'release', bytesMax: releaseBytesMax })
}
