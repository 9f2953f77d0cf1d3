import { packPatches, writeBlockFile, type BaseCost, type PackStep } from '../../artifact/index.ts'
import { realDisk } from '../disk.ts'
import type { MadePatches, PatchOrder } from './order.ts'

/** Makes what is ordered, here and now; `core` and its file only if something pays. */
export async function workOff(
  order: PatchOrder,
  onStep: (step: PackStep) => void
): Promise<MadePatches> {
  const { to, bases, scratch, output, memoryBytes } = order
  const disk = realDisk()
  const costs: BaseCost[] = []
  const patches = await packPatches(disk, {
    to: { folder: to.folder, platform: to.platform, pack: { ...to.pack, blocks: noBlocks } },
    bases,
    scratch,
    ...(memoryBytes === null ? {} : { memoryBytes }),
    onStep,
    onCost: (cost) => costs.push(cost)
  })
  if (patches === null) return { core: null, costs, solidBytes: null }
  await writeBlockFile(disk, output, patches.blocks())
  return { core: patches.core, costs, solidBytes: patches.solidBytes }
}

/** Nobody asks a maker of patches for the tree core. */
async function* noBlocks(): AsyncGenerator<never> {
  yield* await Promise.resolve([])
}
