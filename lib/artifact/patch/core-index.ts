import { equal, fromText, KIB, type Bytes } from '../../base/index.ts'
import { ByteReader } from '../varint.ts'
import { badPatch, Sink } from './sink.ts'

const magic = fromText('OPC1')
const indexBytesMax = 4 * KIB
/** Routes begin at blocks of this size. */
export const routeBlockBytes = 256 * KIB
const itemsMax = 9

/** Where a route lies in the patch core. */
export interface Place {
  readonly startBlock: number
  readonly bytes: number
  /** Bits of the decoder window it needs. */
  readonly lgwin: number
}

export type IndexItem =
  /** `chunkBytes`: what a holder of that base would need of the tree core, head included. */
  | {
      readonly kind: 'patch'
      readonly from: Bytes
      readonly chunkBytes: number
      readonly place: Place
    }
  | { readonly kind: 'solid'; readonly place: Place }
  | { readonly kind: 'base'; readonly from: Bytes; readonly chunkBytes: number }

export function encodeIndex(items: readonly IndexItem[]): Bytes {
  const out = new Sink()
  out.bytes(magic)
  out.varint(items.length)
  for (const item of items) {
    out.u8(item.kind === 'patch' ? 0 : item.kind === 'solid' ? 1 : 2)
    if (item.kind !== 'solid') {
      out.bytes(item.from)
      out.varint(item.chunkBytes)
    }
    if (item.kind !== 'base') writePlace(out, item.place)
  }
  return out.done()
}

/**
 * Reads block 0 of a patch core. Routes lie one after the other and end at the signed number of
 * blocks. Throws `PATCH_FAILED` or `BAD_TREE`.
 */
export function decodeIndex(bytes: Bytes, blocks: number): readonly IndexItem[] {
  if (bytes.byteLength > indexBytesMax) throw badPatch('has an index that is too long')
  const reader = new ByteReader(bytes, 'the patch index')
  if (!equal(reader.bytes(4), magic)) throw badPatch('does not begin with "OPC1"')
  const count = reader.varint(itemsMax)
  if (count === 0) throw badPatch('has an empty index')
  const items: IndexItem[] = []
  let next = 1
  for (let i = 0; i < count; i += 1) {
    const item = readItem(reader)
    if (item.kind !== 'base') {
      if (item.place.startBlock !== next) throw badPatch('has routes that do not follow each other')
      next += blocksOf(item.place.bytes)
    }
    items.push(item)
  }
  reader.end()
  if (next !== blocks) throw badPatch('has other blocks than signed')
  return items
}

/** Blocks that a route of so many bytes fills. */
export function blocksOf(bytes: number): number {
  return Math.ceil(bytes / routeBlockBytes)
}

function readItem(reader: ByteReader): IndexItem {
  const kind = reader.u8()
  if (kind === 1) return { kind: 'solid', place: readPlace(reader) }
  if (kind !== 0 && kind !== 2) throw badPatch(`has a route of unknown kind ${kind}`)
  const from = reader.bytes(32)
  const chunkBytes = reader.varint()
  return kind === 2
    ? { kind: 'base', from, chunkBytes }
    : { kind: 'patch', from, chunkBytes, place: readPlace(reader) }
}

function writePlace(out: Sink, { startBlock, bytes, lgwin }: Place): void {
  out.varint(startBlock)
  out.varint(bytes)
  out.u8(lgwin)
}

function readPlace(reader: ByteReader): Place {
  const startBlock = reader.varint()
  const bytes = reader.varint()
  const lgwin = reader.u8()
  if (bytes === 0) throw badPatch('has an empty route')
  if (lgwin !== 24 && lgwin !== 27) throw badPatch(`asks for a window of ${lgwin} bits`)
  return { startBlock, bytes, lgwin }
}
