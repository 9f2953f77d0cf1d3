import {
  compare,
  equal,
  offlinePapersBytesMax,
  OtaError,
  toHex,
  type Bytes,
  type Disk
} from '../../base/index.ts'
import { CoreHasher } from '../../artifact/index.ts'
import {
  bundleTag,
  comparePapers,
  encodeBundleHead,
  encodeFrameHead,
  readPaper,
  type CoreRef,
  type Paper
} from '../../records/index.ts'
import { FileWriter } from './file.ts'

/** A core that goes into a file, from wherever its blocks are. */
export interface Carried {
  readonly core: CoreRef
  blocks(): AsyncIterable<Bytes>
}

export interface BundleParts {
  readonly network: Bytes
  /** Statements and evidence, in any order; what is there twice is written once. */
  readonly papers: readonly Bytes[]
  readonly cores: readonly Carried[]
  readonly signal?: AbortSignal
  /** Bytes of blocks written so far. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Writes everything into one file, whole or not at all, a few MiB in memory at a time. Throws
 * `HASH_MISMATCH` for blocks that are not those of their core, `OVER_LIMIT` for more than one file
 * has, what the disk throws, and the reason of the signal.
 */
export async function writeBundle(disk: Disk, path: string, parts: BundleParts): Promise<void> {
  const papers = sortedPapers(parts.papers)
  const cores = sortedCores(parts.cores)
  const head = encodeBundleHead({
    network: parts.network,
    papers: papers.length,
    cores: cores.map(({ core }) => core)
  })
  const file = new FileWriter(disk, path)
  try {
    await file.write(bundleTag)
    for (const bytes of [head, ...papers.map((paper) => paper.bytes)]) await writeFrame(file, bytes)
    let written = 0
    for (const carried of cores) {
      for await (const block of sameBlocks(carried)) {
        parts.signal?.throwIfAborted()
        await writeFrame(file, block)
        written += block.byteLength
        parts.onBytes?.(written)
      }
    }
    await file.sign()
    await file.finish()
  } catch (error) {
    await file.abandon()
    throw error
  }
}

async function writeFrame(file: FileWriter, bytes: Bytes): Promise<void> {
  await file.write(encodeFrameHead(bytes.byteLength))
  await file.write(bytes)
}

/** Papers as a file has them: in order, each once. Throws `OVER_LIMIT` for too many bytes. */
function sortedPapers(all: readonly Bytes[]): readonly Paper[] {
  const papers = all.map(readPaper).toSorted(comparePapers)
  const bytes = papers.reduce((sum, paper) => sum + paper.bytes.byteLength, 0)
  if (bytes > offlinePapersBytesMax) {
    const most = offlinePapersBytesMax
    const text = `a file carries at most ${most} bytes of statements, have ${bytes}`
    throw new OtaError('OVER_LIMIT', text)
  }
  return papers.filter((paper, at) => {
    const before = papers[at - 1]
    return before === undefined || comparePapers(before, paper) < 0
  })
}

function sortedCores(all: readonly Carried[]): readonly Carried[] {
  const sorted = all.toSorted((a, b) => compare(a.core.key, b.core.key))
  return sorted.filter(({ core }, at) => !isKey(sorted[at - 1]?.core, core.key))
}

function isKey(core: CoreRef | undefined, key: Bytes): boolean {
  return core !== undefined && equal(core.key, key)
}

/** The blocks of a core as they pass; throws `HASH_MISMATCH` behind the last if they are others. */
async function* sameBlocks(carried: Carried): AsyncGenerator<Bytes> {
  const { core } = carried
  const hasher = new CoreHasher()
  let count = 0
  for await (const block of carried.blocks()) {
    hasher.push(block)
    count += 1
    yield block
  }
  const found = count === 0 ? null : hasher.core()
  if (found !== null && equal(found.key, core.key) && found.bytes === core.bytes) return
  throw otherCore(core)
}

export function otherCore(core: CoreRef): OtaError {
  const facts = { core: toHex(core.key), blocks: core.blocks, bytes: core.bytes }
  return new OtaError('HASH_MISMATCH', 'the blocks are not those of the core they stand for', {
    facts
  })
}
