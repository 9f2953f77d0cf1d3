import type { Bytes } from '../../base/index.ts'
import type { Floor, Head } from './head.ts'
import type { Policy } from './policy.ts'
import type { Ext } from './trust.ts'

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

/** A source release: git bundle and recipe. The layout is fixed now, nodes learn to build later. */
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
  readonly artifacts: readonly Artifact[]
  readonly source: Source | null
  readonly policy: Policy
  readonly ext: readonly Ext[]
}
