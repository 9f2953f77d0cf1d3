import { fromText, isOtaError, toText, type Bytes } from '../../base/index.ts'
import { decodeIndex, readBlockFile, type BlockFile, type IndexItem } from '../../artifact/index.ts'
import type { CoreRef } from '../../records/index.ts'
import { toName } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'

/** Patch cores of one platform of which something is kept. */
const CORES_KEPT = 10

/** Where the blocks of a patch core lie between `pack` and `commit`. */
export function patchFile({ places }: Desk, key: Bytes): string {
  return `${places.packs}/${toName(key)}.patches`
}

/** The blocks of a patch core that was made here; null when they are not here any more. */
export async function keptPatches(desk: Desk, core: CoreRef): Promise<BlockFile | null> {
  try {
    return await readBlockFile(desk.disk, patchFile(desk, core.key), core)
  } catch (error) {
    if (isOtaError(error, 'HASH_MISMATCH')) return null
    throw error
  }
}

/** What a patch core offers, as long as its index is remembered; empty after that. */
export async function knownIndex(desk: Desk, core: CoreRef): Promise<readonly IndexItem[]> {
  const bytes = await desk.disk.read(indexFile(desk, core.key))
  return bytes === null ? [] : decodeIndex(bytes, core.blocks)
}

/**
 * Remembers a patch core that was just written to its file, and forgets all but the last ten of its
 * platform.
 */
export async function rememberPatches(desk: Desk, core: CoreRef, platform: string): Promise<void> {
  const kept = await keptPatches(desk, core)
  if (kept === null) return
  await desk.disk.writeDurable(indexFile(desk, core.key), kept.first)
  const mine = { platform, name: toName(core.key) }
  const before = (await readLedger(desk)).filter(({ name }) => name !== mine.name)
  const all = [...before, mine]
  const old = all.filter((one) => one.platform === platform).slice(0, -CORES_KEPT)
  for (const { name } of old) await removeFiles(desk, name)
  await writeLedger(
    desk,
    all.filter((one) => !old.includes(one))
  )
}

/** The store has its blocks now: only the index is kept. */
export async function dropPatchFile(desk: Desk, core: CoreRef): Promise<void> {
  await desk.disk.remove(patchFile(desk, core.key))
}

interface Line {
  readonly platform: string
  readonly name: string
}

/** Patch cores made here, in that order. */
async function readLedger({ disk, places }: Desk): Promise<readonly Line[]> {
  const bytes = await disk.read(`${places.packs}/patches`)
  const lines = bytes === null ? [] : toText(bytes).split('\n')
  return lines.flatMap((line) => {
    const [platform, name] = line.split(' ')
    return platform === undefined || name === undefined ? [] : [{ platform, name }]
  })
}

async function writeLedger({ disk, places }: Desk, lines: readonly Line[]): Promise<void> {
  const text = lines.map(({ platform, name }) => `${platform} ${name}\n`).join('')
  await disk.writeDurable(`${places.packs}/patches`, fromText(text))
}

async function removeFiles({ disk, places }: Desk, name: string): Promise<void> {
  await disk.remove(`${places.packs}/${name}.patches`)
  await disk.remove(`${places.packs}/${name}.index`)
}

function indexFile({ places }: Desk, key: Bytes): string {
  return `${places.packs}/${toName(key)}.index`
}
