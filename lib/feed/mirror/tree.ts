import { assert, equal, OtaError, toHex, type Bytes } from '../../base/index.ts'
import { CoreHasher, leafHash, parentOf, type TreeNode } from '../../artifact/index.ts'
import { coreTableBytes, decodeCoreTable, type CoreRef } from '../../records/index.ts'

/**
 * All hashes of a core, from the table before its blocks; made only if they are those of its key.
 * So each block can be judged by itself, whoever gives it, and proved to hypercore.
 */
export class CoreTree {
  readonly core: CoreRef
  readonly #nodes = new Map<number, TreeNode>()
  readonly #roots: readonly TreeNode[]
  readonly #starts: readonly number[]
  readonly #treeHash: Bytes

  /** Throws `LENGTH_EXCEEDED` and `HASH_MISMATCH` for the table of another core. */
  constructor(core: CoreRef, table: Bytes) {
    this.core = core
    const entries = decodeCoreTable(table, core)
    const hasher = new CoreHasher()
    for (const { leaf, size } of entries) hasher.pushLeaf(leaf, size)
    if (!equal(hasher.core().key, core.key)) {
      throw new OtaError('HASH_MISMATCH', 'the table of a core is not that of its key', {
        facts: { core: toHex(core.key) }
      })
    }
    this.#treeHash = hasher.treeHash()
    let at = coreTableBytes(core.blocks)
    this.#starts = entries.map(({ size }) => {
      at += size
      return at - size
    })
    this.#roots = this.#grow(entries.map(({ leaf, size }) => ({ size, hash: leaf })))
  }

  /** Where a block begins in the core file, and its size. */
  place(index: number): { readonly start: number; readonly size: number } {
    return { start: this.#starts[index] ?? 0, size: this.#leaf(index).size }
  }

  holds(index: number, block: Bytes): boolean {
    const { size, hash } = this.#leaf(index)
    return block.byteLength === size && equal(leafHash(block), hash)
  }

  /** What makes an empty copy of this core a sparse one, in hypercore's form. */
  upgrade(): object {
    const prologue = { hash: this.#treeHash, length: this.core.blocks }
    return {
      fork: 0,
      block: null,
      hash: null,
      seek: null,
      upgrade: {
        start: 0,
        length: this.core.blocks,
        nodes: this.#roots,
        additionalNodes: [],
        signature: new Uint8Array(0)
      },
      manifest: { version: 1, hash: 'blake2b', allowPatch: false, quorum: 0, signers: [], prologue }
    }
  }

  /** A block with its siblings up to a root, in hypercore's form. */
  proof(index: number, value: Bytes): object {
    const nodes: TreeNode[] = []
    let offset = index
    for (let half = 1; ; half *= 2) {
      const parent = this.#nodes.get((offset - (offset % 2)) * half * 2 + 2 * half - 1)
      const sibling = this.#nodes.get((offset ^ 1) * half * 2 + half - 1)
      if (parent === undefined || sibling === undefined) break
      nodes.push(sibling)
      offset = Math.floor(offset / 2)
    }
    const block = { index, value, nodes }
    return { fork: 0, block, hash: null, seek: null, upgrade: null, manifest: null }
  }

  #leaf(index: number): TreeNode {
    const leaf = this.#nodes.get(2 * index)
    assert(leaf !== undefined, 'only blocks of the core are asked for')
    return leaf
  }

  /** The nodes over all leaves; returns those that have no parent. */
  #grow(leaves: readonly { readonly size: number; readonly hash: Bytes }[]): readonly TreeNode[] {
    const roots: TreeNode[] = []
    for (const [n, leaf] of leaves.entries()) {
      let node: TreeNode = { index: 2 * n, ...leaf }
      this.#nodes.set(node.index, node)
      for (let k = n + 1; k % 2 === 0; k /= 2) {
        const left = roots.pop()
        assert(left !== undefined, 'an even count has a left neighbour')
        node = parentOf(left, node)
        this.#nodes.set(node.index, node)
      }
      roots.push(node)
    }
    return roots
  }
}
