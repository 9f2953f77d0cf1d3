import { alloc, assert, concat, fromHex, type Bytes } from '../base/index.ts'
import type { CoreRef } from '../records/index.ts'
import { hash } from '../trust/index.ts'

/** Hypercore's domain tag of manifests, the fourth of its namespace `hypercore`. */
const manifestTag = fromHex('e64b7108eacce47cfc61ac850568f55f8b15b82ec5ed78c4ec597b036e2a1498')

/** A node of hypercore's flat tree: leaf i at 2i, its parents between. */
export interface TreeNode {
  readonly index: number
  readonly size: number
  readonly hash: Bytes
}

/**
 * The key of a static core from its blocks alone, nothing stored: hypercore's flat Merkle tree and
 * the hash of its static manifest. `test/contract` holds it equal to hypercore's own.
 */
export class CoreHasher {
  readonly #roots: TreeNode[] = []
  #blocks = 0
  #bytes = 0

  push(block: Bytes): this {
    return this.pushLeaf(leafHash(block), block.byteLength)
  }

  /** A block known by its leaf hash and size only. */
  pushLeaf(leaf: Bytes, size: number): this {
    let node: TreeNode = { index: 2 * this.#blocks, size, hash: leaf }
    this.#blocks += 1
    this.#bytes += size
    for (let k = this.#blocks; k % 2 === 0; k /= 2) {
      const left = this.#roots.pop()
      assert(left !== undefined, 'an even count has a left neighbour')
      node = parentOf(left, node)
    }
    this.#roots.push(node)
    return this
  }

  /** Hypercore's `treeHash()` at the present length. */
  treeHash(): Bytes {
    const parts: Bytes[] = [Uint8Array.of(2)]
    for (const root of this.#roots) parts.push(root.hash, u64(root.index), u64(root.size))
    return hash(parts)
  }

  core(): CoreRef {
    const manifest = staticManifest(this.treeHash(), this.#blocks)
    return { key: hash([manifestTag, manifest]), blocks: this.#blocks, bytes: this.#bytes }
  }
}

/** The node over two neighbours. */
export function parentOf(left: TreeNode, right: TreeNode): TreeNode {
  const size = left.size + right.size
  const index = (left.index + right.index) / 2
  return { index, size, hash: hash([Uint8Array.of(1), u64(size), left.hash, right.hash]) }
}

/** Hypercore's hash of one block. */
export function leafHash(block: Bytes): Bytes {
  return hash([Uint8Array.of(0), u64(block.byteLength), block])
}

function u64(value: number): Bytes {
  const bytes = alloc(8)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
  view.setUint32(0, value % 2 ** 32, true)
  view.setUint32(4, Math.floor(value / 2 ** 32), true)
  return bytes
}

/** Version 1, flag "prologue", hash BLAKE2b, quorum 0, no signers: nobody can append or fork it. */
function staticManifest(treeHash: Bytes, blocks: number): Bytes {
  return concat([Uint8Array.of(1, 2, 0, 0, 0), treeHash, hypercoreUint(blocks)])
}

/** Integers as hypercore's manifest has them. */
function hypercoreUint(value: number): Bytes {
  assert(value > 0 && value < 2 ** 32, 'a core has between 1 and 2^32 - 1 blocks')
  if (value <= 0xfc) return Uint8Array.of(value)
  const bytes = alloc(value <= 0xffff ? 3 : 5)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (value <= 0xffff) {
    view.setUint8(0, 0xfd)
    view.setUint16(1, value, true)
  } else {
    view.setUint8(0, 0xfe)
    view.setUint32(1, value, true)
  }
  return bytes
}
