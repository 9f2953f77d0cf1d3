import { equal, type Bytes, type Disk } from '../../base/index.ts'
import { leafHash } from '../../artifact/index.ts'
import {
  coreTableBytes,
  decodeCoreTable,
  encodeCoreTable,
  encodeMirrorIndex,
  type AuthId,
  type BlockEntry,
  type CoreRef
} from '../../records/index.ts'
import { toName } from '../../trust/index.ts'
import { FileWriter } from '../bundle/file.ts'
import { otherCore, type Carried } from '../bundle/write.ts'
import { CoreTree } from './tree.ts'

export interface MirrorParts {
  readonly network: Bytes
  readonly statements: readonly { readonly id: AuthId; readonly bytes: Bytes }[]
  readonly evidence: readonly { readonly id: Bytes; readonly bytes: Bytes }[]
  /** Cores to write; those that lie there whole already are left as they are. */
  readonly cores: readonly Carried[]
  /** Cores that stay if they are there; all others go. */
  readonly keep: readonly CoreRef[]
  readonly signal?: AbortSignal
  readonly onBytes?: (bytes: number) => void
}

/** What is in a folder now. */
export interface MirrorMade {
  readonly cores: readonly CoreRef[]
  readonly written: number
}

/**
 * Brings a folder up to date that a web server or a share gives out: `statements/`, `evidence/` and
 * `cores/` by id, then the index. Every file is replaced whole, the index last, so that whoever
 * reads meanwhile sees the old state or the new. Throws `HASH_MISMATCH` for blocks that are not
 * those of their core.
 */
export async function writeMirror(
  disk: Disk,
  folder: string,
  parts: MirrorParts
): Promise<MirrorMade> {
  for (const name of ['', '/statements', '/evidence', '/cores']) {
    await disk.makeFolder(`${folder}${name}`, 0o755)
  }
  let written = 0
  const cores: CoreRef[] = []
  for (const carried of parts.cores) {
    const { core } = carried
    cores.push(core)
    if (await isThere(disk, folder, core)) continue
    await writeCore(disk, pathOf(folder, core), carried, {
      ...parts,
      onBytes: (bytes) => parts.onBytes?.(written + bytes)
    })
    written += core.bytes
  }
  for (const core of parts.keep) {
    const isKnown = cores.some(({ key }) => equal(key, core.key))
    if (!isKnown && (await isThere(disk, folder, core))) cores.push(core)
  }
  for (const { id, bytes } of parts.statements) {
    await writeFile(disk, `${folder}/statements/${toName(id.id)}`, bytes)
  }
  for (const { id, bytes } of parts.evidence) {
    await writeFile(disk, `${folder}/evidence/${toName(id)}`, bytes)
  }
  const index = encodeMirrorIndex({
    network: parts.network,
    statements: parts.statements.map(({ id }) => id),
    evidence: parts.evidence.map(({ id }) => id),
    cores
  })
  await writeFile(disk, `${folder}/index`, index)
  await removeOthers(
    disk,
    `${folder}/cores`,
    cores.map(({ key }) => key)
  )
  await removeOthers(
    disk,
    `${folder}/evidence`,
    parts.evidence.map(({ id }) => id)
  )
  return { cores, written }
}

function pathOf(folder: string, { key }: CoreRef): string {
  return `${folder}/cores/${toName(key)}`
}

/** A core file has one size only. It got its name when all of it was there. */
async function isThere(disk: Disk, folder: string, core: CoreRef): Promise<boolean> {
  const found = await disk.stat(pathOf(folder, core))
  return found?.type === 'file' && found.size === coreTableBytes(core.blocks) + core.bytes
}

async function writeCore(
  disk: Disk,
  path: string,
  carried: Carried,
  { signal, onBytes }: Pick<MirrorParts, 'signal' | 'onBytes'>
): Promise<void> {
  const { core } = carried
  const entries: BlockEntry[] = []
  for await (const block of carried.blocks()) {
    signal?.throwIfAborted()
    entries.push({ size: block.byteLength, leaf: leafHash(block) })
  }
  const table = encodeCoreTable(entries)
  decodeCoreTable(table, core)
  const tree = new CoreTree(core, table)
  const file = new FileWriter(disk, path)
  try {
    await file.write(table)
    let [index, bytes] = [0, 0]
    for await (const block of carried.blocks()) {
      signal?.throwIfAborted()
      // The files that blocks are made from may have changed since.
      if (index >= core.blocks || !tree.holds(index, block)) throw otherCore(core)
      await file.write(block)
      index += 1
      bytes += block.byteLength
      onBytes?.(bytes)
    }
    if (index !== core.blocks) throw otherCore(core)
    await file.finish()
  } catch (error) {
    await file.abandon()
    throw error
  }
}

async function writeFile(disk: Disk, path: string, bytes: Bytes): Promise<void> {
  const before = await disk.read(path)
  if (before !== null && equal(before, bytes)) return
  const file = new FileWriter(disk, path)
  try {
    await file.write(bytes)
    await file.finish()
  } catch (error) {
    await file.abandon()
    throw error
  }
}

/** Only files that are named as ours are: whatever else lies there is not ours to remove. */
async function removeOthers(disk: Disk, folder: string, keep: readonly Bytes[]): Promise<void> {
  const names = new Set(keep.map(toName))
  for (const name of await disk.list(folder)) {
    if (!/^[a-z0-9]{52}(\.part)?$/.test(name) || names.has(name)) continue
    await disk.remove(`${folder}/${name}`)
  }
}
