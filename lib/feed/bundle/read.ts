import {
  coreBlockBytesMax,
  equal,
  offlinePapersBytesMax,
  OtaError,
  type Bytes,
  type Disk
} from '../../base/index.ts'
import { CoreHasher } from '../../artifact/index.ts'
import {
  bundleSumBytes,
  bundleTag,
  comparePapers,
  decodeBundleHead,
  decodeFrameHead,
  frameBytesMaxOf,
  frameHeadBytes,
  readPaper,
  type BundleHead,
  type CoreRef,
  type Paper
} from '../../records/index.ts'
import { toShortName } from '../../trust/index.ts'
import { FileReader } from './file.ts'
import { otherCore, type Carried } from './write.ts'

/** A file that was read to its end once, and is what it says it is. */
export interface Bundle {
  readonly network: Bytes
  /** In order: trusts by version, other statements, evidence. */
  readonly papers: readonly Paper[]
  /** Their blocks are read from the file again, and have to be judged again by who takes them. */
  readonly cores: readonly Carried[]
}

export interface ReadBundleOptions {
  /** The network of who reads it; null: any. */
  readonly network: Bytes | null
  readonly signal?: AbortSignal
  /** Bytes of the file read so far. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Reads a bundle whole, with a window of it in memory, and writes nothing. What it says of itself
 * is held against it: every length before anything is allocated (`LENGTH_EXCEEDED`), the number of
 * bytes that follow (`INCOMPLETE`, `LENGTH_EXCEEDED`), each core by its key and all of it by its
 * hash (`HASH_MISMATCH`), its order and forms (`NOT_CANONICAL`), and its network (`WRONG_NETWORK`).
 * Whether a statement holds is for the authority to say, as if a peer had brought it.
 */
export async function readBundle(
  disk: Disk,
  path: string,
  options: ReadBundleOptions
): Promise<Bundle> {
  const found = await disk.stat(path)
  if (found?.type !== 'file') throw new OtaError('USAGE', `there is no file "${path}"`)
  const file = new FileReader(disk, path, { size: found.size })
  const head = await readHead(file, path)
  checkNetwork(head, options.network)
  const papers = await readPapers(file, head)
  checkLength(file, path, head)
  const starts: number[] = []
  for (const core of head.cores) {
    starts.push(file.at)
    const hasher = new CoreHasher()
    for await (const block of blocksOf(file, core)) {
      options.signal?.throwIfAborted()
      hasher.push(block)
      options.onBytes?.(file.at)
    }
    if (!equal(hasher.core().key, core.key)) throw otherCore(core)
  }
  const sum = file.sum()
  if (!equal(sum, await file.take(bundleSumBytes))) {
    throw new OtaError('HASH_MISMATCH', `"${path}" is not what was exported: its hash differs`, {
      hint: 'copy it again, or have it exported again'
    })
  }
  const cores = head.cores.map((core, at) => ({
    core,
    blocks: () =>
      blocksOf(new FileReader(disk, path, { size: found.size, at: starts[at] ?? 0 }), core)
  }))
  return { network: head.network, papers, cores }
}

async function readHead(file: FileReader, path: string): Promise<BundleHead> {
  const isLong = file.left >= bundleTag.byteLength
  if (!isLong || !equal(await file.take(bundleTag.byteLength), bundleTag)) {
    throw new OtaError('NOT_CANONICAL', `"${path}" is no bundle`, {
      hint: 'a bundle is written by: ota-publish export -o FILE, or ota-node export -o FILE'
    })
  }
  return decodeBundleHead(await takeFrame(file, 'head'))
}

/** S8: what belongs to another network is refused before anything of it is judged. */
function checkNetwork({ network }: BundleHead, own: Bytes | null): void {
  if (own === null || equal(network, own)) return
  const [theirs, mine] = [toShortName(network), toShortName(own)]
  throw new OtaError('WRONG_NETWORK', `the bundle is of network ${theirs}, not of ${mine}`, {
    hint: 'give the --home of that network, or a bundle of this one'
  })
}

async function readPapers(file: FileReader, { papers: count }: BundleHead): Promise<Paper[]> {
  const papers: Paper[] = []
  let bytes = 0
  for (let at = 0; at < count; at++) {
    const paper = readPaper(await takeFrame(file, 'paper'))
    bytes += paper.bytes.byteLength
    if (bytes > offlinePapersBytesMax) throw tooLong('its statements', bytes, offlinePapersBytesMax)
    const before = papers.at(-1)
    if (before !== undefined && comparePapers(before, paper) >= 0) {
      throw new OtaError('NOT_CANONICAL', `paper ${at + 1} of the bundle is not in its place`)
    }
    papers.push(paper)
  }
  return papers
}

/** All that follows has its length from the head: neither less of it nor more may be there. */
function checkLength(file: FileReader, path: string, { cores }: BundleHead): void {
  const need = cores.reduce((sum, { blocks, bytes }) => sum + blocks * frameHeadBytes + bytes, 0)
  const have = file.left - bundleSumBytes
  if (have === need) return
  const facts = { path, have, need }
  if (have > need) {
    const text = `"${path}" goes on for ${have - need} bytes behind its end`
    throw new OtaError('LENGTH_EXCEEDED', text, { facts })
  }
  throw new OtaError('INCOMPLETE', `"${path}" lacks ${need - have} bytes of what it names`, {
    hint: 'copy it again, or have it exported again',
    facts
  })
}

async function takeFrame(file: FileReader, part: 'head' | 'paper'): Promise<Bytes> {
  const size = decodeFrameHead(await file.take(frameHeadBytes))
  if (size > frameBytesMaxOf[part]) throw tooLong(`a ${part}`, size, frameBytesMaxOf[part])
  return await file.take(size)
}

/** Exactly the blocks and bytes that the core has. */
async function* blocksOf(file: FileReader, { blocks, bytes }: CoreRef): AsyncGenerator<Bytes> {
  let left = bytes
  for (let at = 0; at < blocks; at++) {
    const size = decodeFrameHead(await file.take(frameHeadBytes))
    const max = Math.min(left, coreBlockBytesMax)
    if (size > max) throw tooLong('a block', size, max)
    left -= size
    yield await file.take(size)
  }
}

function tooLong(what: string, size: number, max: number): OtaError {
  const text = `${what} of the bundle says it has ${size} bytes, at most ${max} are there`
  return new OtaError('LENGTH_EXCEEDED', text, { facts: { size, max } })
}
