import type { Pack, PackStep } from '../../artifact/index.ts'
import { makePatches } from '../../host/index.ts'
import type { CoreRef } from '../../records/index.ts'
import type { Desk } from '../desk.ts'
import type { Lint } from '../lint.ts'
import { isUseless, notDeltaAble } from './alike.ts'
import type { Base } from './bases.ts'
import { patchFile, rememberPatches } from './cache.ts'
import type { Downloads } from './downloads.ts'
import { findTrees, type MissingTree } from './trees.ts'

export interface PatchesMade extends Downloads {
  /** Null: nothing pays, and the release has no patch core. */
  readonly core: CoreRef | null
  /** Files by which the patch from the newest release does not pay. */
  readonly lint: readonly Lint[]
}

export interface PatchWish {
  readonly folder: string
  readonly platform: string
  readonly pack: Pack
  readonly bases: readonly Base[]
  /** `--patch-memory`; null: what the largest windows need, 2 GB. */
  readonly memoryBytes: number | null
  /** False: only to see what it costs. */
  readonly keep: boolean
  /** Told, before any work, which earlier trees are not at hand; may throw. */
  readonly onMissing: (missing: readonly MissingTree[]) => void
}

export interface MakeOptions {
  readonly signal: AbortSignal
  /** `base` null: the solid stream. */
  readonly onStep: (step: PackStep, base: Base | null) => void
}

/**
 * Patches to a packed folder from earlier releases and from nothing, each proved, in one core whose
 * blocks are kept in this home until `commit`. Works in another process, so that `signal` ends it
 * at once.
 */
export async function makePatchCore(
  desk: Desk,
  wish: PatchWish,
  options: MakeOptions
): Promise<PatchesMade> {
  const { disk, places } = desk
  const { folder, platform, pack, bases, memoryBytes } = wish
  const { signal } = options
  await clearWork(desk)
  works += 1
  const work = `${places.home}/work/${process.pid}-${works}`
  const output = `${work}/patches`
  await disk.makeFolder(work, 0o700)
  await disk.makeFolder(places.packs, 0o700)
  try {
    const { trees, missing } = await findTrees(desk, bases, { scratch: work, signal })
    wish.onMissing(missing)
    const order = {
      to: { folder, platform, pack: withoutBlocks(pack) },
      bases: trees.map(({ tree }) => tree),
      scratch: `${work}/proof`,
      output,
      memoryBytes
    }
    const { core, costs, solidBytes } = await makePatches(order, {
      signal,
      onStep: (step) => {
        const base = step.what === 'patch' ? trees[step.index]?.base : undefined
        options.onStep(step, base ?? null)
      }
    })
    if (core !== null && wish.keep) {
      await disk.rename(output, patchFile(desk, core.key))
      await rememberPatches(desk, core, platform)
    }
    const updates = trees.flatMap(({ base: { release } }, index) => {
      const cost = costs[index]
      return cost === undefined ? [] : [{ ...cost, release }]
    })
    const [newest] = costs
    const [tree] = trees
    const useless = newest !== undefined && tree !== undefined && isUseless(newest)
    const to = { folder, manifest: pack.manifest }
    const lint = useless ? await notDeltaAble(disk, tree.tree, to) : []
    return { core, updates, solidBytes, lint }
  } finally {
    await disk.remove(work)
  }
}

/** Numbers the works of this process. */
let works = 0

/** What a process left that was killed at work. */
async function clearWork({ disk, places }: Desk): Promise<void> {
  for (const name of await disk.list(`${places.home}/work`)) {
    const pid = Number(name.split('-')[0])
    if (!isAlive(pid)) await disk.remove(`${places.home}/work/${name}`)
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function withoutBlocks(pack: Pack): Omit<Pack, 'blocks'> {
  const { manifest, treeDigest, entries, bytes, core, head, blockSizes } = pack
  return { manifest, treeDigest, entries, bytes, core, head, blockSizes }
}
