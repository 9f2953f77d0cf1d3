import { OtaError, type Bytes } from '../../base/index.ts'
import { routeBlockBytes, type IndexItem, type PatchBytes } from '../../artifact/index.ts'
import type { Fetch } from '../fetch.ts'

/** Where the bytes of a way lie in its patch core. */
export type Place = Extract<IndexItem, { kind: 'solid' }>['place']

/** The blocks of one way, in order. */
export function blocksAt({ startBlock, bytes }: Place): readonly number[] {
  const count = Math.ceil(bytes / routeBlockBytes)
  return Array.from({ length: count }, (_, i) => startBlock + i)
}

/** Bytes of some blocks of a way: all are of one size but the last. */
export function bytesOfBlocks(place: Place, blocks: readonly number[]): number {
  return blocks.reduce((sum, block) => sum + sizeOf(place, block - place.startBlock), 0)
}

function sizeOf({ bytes }: Place, index: number): number {
  return Math.min(routeBlockBytes, bytes - index * routeBlockBytes)
}

/**
 * One way of a sparse patch core as the bytes it is. All its blocks are asked for before the first
 * is waited for, the one with the header first.
 */
export async function openRoute(fetch: Fetch, place: Place): Promise<PatchBytes> {
  const blocks = blocksAt(place)
  await fetch.ask(blocks, place.bytes / blocks.length)
  return {
    size: place.bytes,
    read: async (offset, size) => await readAt(fetch, place, offset, size)
  }
}

async function readAt(fetch: Fetch, place: Place, offset: number, size: number): Promise<Bytes> {
  const end = Math.min(place.bytes, offset + size)
  const bytes = new Uint8Array(Math.max(0, end - offset))
  for (let at = offset; at < end;) {
    const index = Math.floor(at / routeBlockBytes)
    const start = index * routeBlockBytes
    const block = await fetch.block(place.startBlock + index)
    const need = sizeOf(place, index)
    if (block.byteLength !== need) {
      const facts = { block: place.startBlock + index, have: block.byteLength, need }
      throw new OtaError('PATCH_FAILED', `a block of the patch is not ${need} bytes long`, {
        facts
      })
    }
    const piece = block.subarray(at - start, end - start)
    bytes.set(piece, at - offset)
    at += piece.byteLength
  }
  return bytes
}
