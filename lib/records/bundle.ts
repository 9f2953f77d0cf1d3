import {
  alloc,
  compare,
  coreBlockBytesMax,
  evidenceBytesMax,
  fromText,
  offlineCoresMax,
  offlinePapersMax,
  OtaError,
  statementBytesMax,
  type Bytes
} from '../base/index.ts'
import { decodeBody } from './authority/body.ts'
import type { CoreRef } from './authority/release.ts'
import { decodeStatement, STATEMENT } from './authority/statement.ts'
import {
  decodeWhole,
  encodeWhole,
  id,
  key,
  list,
  struct,
  uint,
  within,
  type Codec
} from './codec/index.ts'

/** The first bytes of a bundle; frames follow, and the hash of all of it. */
export const bundleTag = fromText('upswell/bundle/1')

/** Before each frame: its length, u32, lowest byte first. */
export const frameHeadBytes = 4

/** The last bytes of a bundle: BLAKE2b-256 of everything before them. */
export const bundleSumBytes = 32

/** What a bundle says it holds. Nothing of it is believed because it says so. */
export interface BundleHead {
  readonly network: Bytes
  /** Frames with a statement or evidence each, which come first. */
  readonly papers: number
  /** Cores whose blocks follow, one frame a block, core after core in this order. */
  readonly cores: readonly CoreRef[]
}

/** A static core as head and index name it; whoever has the blocks can make its key again. */
export const coreRef: Codec<CoreRef> = struct({
  key,
  blocks: within(uint, { min: 1, max: 0xffffffff }),
  bytes: within(uint, { min: 1 })
})

const head: Codec<BundleHead> = struct({
  network: id,
  papers: within(uint, { min: 0, max: offlinePapersMax, code: 'OVER_LIMIT' }),
  cores: list(offlineCoresMax, coreRef)
})

const headWhole = { what: 'bundle', bytesMax: 128 + offlineCoresMax * 64 }

/** The largest frame of each part, before anything is allocated. */
export const frameBytesMaxOf = {
  head: headWhole.bytesMax,
  paper: statementBytesMax,
  block: coreBlockBytesMax
} as const

/** Cores are sorted by key. Throws `OVER_LIMIT` for more papers or cores than one file has. */
export function encodeBundleHead(value: BundleHead): Bytes {
  return encodeWhole(head, value, headWhole.what)
}

/** Throws `NOT_CANONICAL` and `OVER_LIMIT`. */
export function decodeBundleHead(bytes: Bytes): BundleHead {
  return decodeWhole(head, bytes, headWhole)
}

/** The length that stands before a frame. */
export function encodeFrameHead(size: number): Bytes {
  const bytes = alloc(frameHeadBytes)
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, size, true)
  return bytes
}

export function decodeFrameHead(bytes: Bytes): number {
  return new DataView(bytes.buffer, bytes.byteOffset, frameHeadBytes).getUint32(0, true)
}

/** A statement, or what a single key said. Its place in a file follows from its bytes. */
export interface Paper {
  readonly tag: 'statement' | 'evidence'
  readonly bytes: Bytes
  readonly place: readonly [group: number, version: number]
}

/** First byte of evidence in its wire form; a statement begins with its tag. */
const evidenceByte = 0x01
const evidenceGroup = 256

/**
 * What kind of paper it is, and where it stands; who may have signed it is not looked at. Throws
 * `OVER_LIMIT`, `NOT_CANONICAL`, and for a trust what its body throws.
 */
export function readPaper(bytes: Bytes): Paper {
  if (bytes[0] === evidenceByte) {
    if (bytes.byteLength > evidenceBytesMax) {
      const text = `evidence: at most ${evidenceBytesMax} bytes, have ${bytes.byteLength}`
      throw new OtaError('OVER_LIMIT', text)
    }
    return { tag: 'evidence', bytes, place: [evidenceGroup, 0] }
  }
  const statement = decodeStatement(bytes)
  const { type } = statement
  const body = type === STATEMENT.trust ? decodeBody(statement) : null
  const version = body?.tag === 'trust' ? body.trust.version : 0
  return { tag: 'statement', bytes, place: [type, version] }
}

/** Order of papers: trusts by version, other statements by type, then evidence; then by bytes. */
export function comparePapers(a: Paper, b: Paper): number {
  return a.place[0] - b.place[0] || a.place[1] - b.place[1] || compare(a.bytes, b.bytes)
}
