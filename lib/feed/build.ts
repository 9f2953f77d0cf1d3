import Hypercore from 'hypercore'
import {
  alloc,
  assert,
  equal,
  fromHex,
  fromText,
  MIB,
  OtaError,
  toHex,
  toText
} from '../base/index.ts'
import type { Bytes, Dice, Disk } from '../base/index.ts'
import { CoreHasher } from '../artifact/index.ts'
import type { CoreRef } from '../records/index.ts'
import { keyPairFromSeed } from '../trust/index.ts'
import type { Cores } from './cores.ts'
import { atDoor } from './failure.ts'

/** Up to here all blocks are appended at once; above, memory would grow with the core. */
const atOnceBytesMax = 16 * MIB
const batchBytes = 2 * MIB

export interface BuildTools {
  readonly cores: Cores
  readonly dice: Dice
  readonly disk: Disk
  /** File that names the throw-away core while one exists. */
  readonly journal: string
}

/**
 * Writes a whole static core from its blocks. Nothing of it may be stored before. Throws
 * `HASH_MISMATCH` and leaves nothing if the blocks are not those of the key.
 */
export async function buildCore(
  tools: BuildTools,
  ref: CoreRef,
  blocks: AsyncIterable<Bytes>
): Promise<void> {
  await atDoor('build core', async () => {
    if (ref.bytes <= atOnceBytesMax) await buildAtOnce(tools, ref, blocks)
    else await buildInBatches(tools, ref, blocks)
  })
  if (await tools.cores.isWhole(ref.key, ref.blocks)) return
  await tools.cores.erase(ref.key)
  throw wrongBlocks(ref)
}

function wrongBlocks(ref: CoreRef): OtaError {
  const facts = { key: toHex(ref.key), blocks: ref.blocks }
  return new OtaError('HASH_MISMATCH', 'the blocks do not make the core that is named', { facts })
}

/** One append with an empty signature: a static core takes all its blocks or none. */
async function buildAtOnce(
  { cores }: BuildTools,
  ref: CoreRef,
  blocks: AsyncIterable<Bytes>
): Promise<void> {
  const all: Bytes[] = []
  const hasher = new CoreHasher()
  for await (const block of blocks) {
    hasher.push(block)
    all.push(block)
  }
  if (!equal(hasher.core().key, ref.key)) throw wrongBlocks(ref)
  const prologue = { hash: hasher.treeHash(), length: all.length }
  const manifest = { version: 1, quorum: 0, signers: [], prologue }
  const core = cores.store.session({ active: false }).get({ manifest, active: false })
  try {
    await core.ready()
    await core.append(all, { signature: alloc(0) })
  } finally {
    await core.close()
  }
}

/**
 * A throw-away core in the same store, then its static twin over the same blocks. Both share one
 * storage record: the source is never opened again, and its key is journaled until it is forgotten.
 */
async function buildInBatches(
  { cores, dice, disk, journal }: BuildTools,
  ref: CoreRef,
  blocks: AsyncIterable<Bytes>
): Promise<void> {
  const pair = keyPairFromSeed(dice.fill(alloc(32)))
  const keyPair = { publicKey: pair.key, secretKey: pair.secret }
  const manifest = { version: 1, signers: [{ publicKey: pair.key }] }
  const source = Hypercore.key(manifest)
  await disk.writeDurable(journal, fromText(`${toHex(source)} ${toHex(ref.key)}\n`))
  const store = cores.store.session({ active: false })
  const core = store.get({ manifest, keyPair, active: false })
  try {
    await core.ready()
    if (!equal(await appendBatches(core, blocks), ref.key)) throw wrongBlocks(ref)
    const made = await store.staticify(core)
    assert(equal(made.key, ref.key), 'the key from blocks alone is that of the static core')
    await made.close()
  } catch (error) {
    await core.close()
    await cores.erase(source)
    throw error
  } finally {
    await core.close()
    await cores.unload(source)
    await disk.remove(journal)
  }
}

/** Appends all blocks and returns the key of their static core. */
async function appendBatches(core: Hypercore, blocks: AsyncIterable<Bytes>): Promise<Bytes> {
  const hasher = new CoreHasher()
  let batch: Bytes[] = []
  let size = 0
  for await (const block of blocks) {
    hasher.push(block)
    batch.push(block)
    size += block.byteLength
    if (size < batchBytes) continue
    await core.append(batch)
    batch = []
    size = 0
  }
  if (batch.length > 0) await core.append(batch)
  return hasher.core().key
}

/** At start: deletes the throw-away core of a build that a crash cut off before its static twin. */
export async function clearHalfBuilt({ cores, disk, journal }: BuildTools): Promise<void> {
  const line = await disk.read(journal)
  if (line === null) return
  const [source = '', target = ''] = toText(line).trim().split(' ')
  if (source.length === 64 && target.length === 64) {
    // With the twin in place both names share one record, and deleting one deletes both.
    if (!(await cores.isStored(fromHex(target)))) await cores.erase(fromHex(source))
  }
  await disk.remove(journal)
}
