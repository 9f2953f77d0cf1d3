import { OtaError, type Bytes } from '../base/index.ts'
import { decodeIndex, routeBlockBytes, type IndexItem, type PatchBytes } from '../artifact/index.ts'
import type { CoreRef } from '../records/index.ts'
import type { Fetch } from './fetch.ts'

/** Where the bytes of a route lie in its patch core. */
type Place = Extract<IndexItem, { kind: 'solid' }>['place']

/** Reads block 0 of a patch core. Throws `PATCH_FAILED` or `BAD_TREE`, and what the fetch throws. */
export async function readIndex(fetch: Fetch, ref: CoreRef): Promise<readonly IndexItem[]> {
  return decodeIndex(await fetch.block(0), ref.blocks)
}

/** The blocks of one route, in order. */
export function blocksAt({ startBlock, bytes }: Place): readonly number[] {
  const count = Math.ceil(bytes / routeBlockBytes)
  return Array.from({ length: count }, (_, i) => startBlock + i)
}

/** Bytes of the blocks of a route that `has` does not name. */
export function missingBytes(place: Place, has: (block: number) => boolean): number {
  const last = place.startBlock + Math.ceil(place.bytes / routeBlockBytes) - 1
  const sizeOf = (block: number): number =>
    block < last ? routeBlockBytes : place.bytes - (last - place.startBlock) * routeBlockBytes
  return blocksAt(place)
    .filter((block) => !has(block))
    .reduce((sum, block) => sum + sizeOf(block), 0)
}

/**
 * One route of a sparse patch core as the bytes it is. All its blocks are asked for before the first
 * is waited for, the one with the header first.
 */
export async function openRoute(fetch: Fetch, place: Place): Promise<PatchBytes> {
  await fetch.need(blocksAt(place), place.bytes)
  return {
    size: place.bytes,
    read: async (offset, size) => await readAt(fetch, place, offset, size)
  }
}

async function readAt(fetch: Fetch, place: Place, offset: number, size: number): Promise<Bytes> {
  const end = Math.min(place.bytes, offset + size)
  const parts = new Uint8Array(Math.max(0, end - offset))
  for (let at = offset; at < end;) {
    const index = Math.floor(at / routeBlockBytes)
    const start = index * routeBlockBytes
    const block = await fetch.block(place.startBlock + index)
    const need = Math.min(routeBlockBytes, place.bytes - start)
    if (block.byteLength !== need) {
      const facts = { block: place.startBlock + index, have: block.byteLength, need }
      throw new OtaError('PATCH_FAILED', `a block of the patch is not ${need} bytes long`, {
        facts
      })
    }
    const piece = block.subarray(at - start, Math.min(need, end - start))
    parts.set(piece, at - offset)
    at += piece.byteLength
  }
  return parts
}
