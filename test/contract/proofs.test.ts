// What mirrors rely on in hypercore beyond its promise: a block can be handed to a core with a
// proof made elsewhere, is stored as if a peer had sent it, and what is not of the core is refused.
import test, { type TestContext } from 'brittle'
import { join } from 'node:path'
import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { equal, MIB, type Bytes } from '../../lib/base/index.ts'
import { CoreHasher, leafHash } from '../../lib/artifact/index.ts'
import { CoreTree } from '../../lib/feed/mirror/tree.ts'
import { encodeCoreTable } from '../../lib/records/index.ts'
import { noise } from '../artifact/trees.ts'

async function open(t: TestContext): Promise<Corestore> {
  const folder = join(await t.tmp(), 'store')
  const store = new Corestore(Hypercore.defaultStorage(folder, { writeBufferSize: MIB }))
  await store.ready()
  t.teardown(async () => await store.close(), { order: 2 })
  return store
}

function treeOf(blocks: readonly Bytes[]): CoreTree {
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  const entries = blocks.map((block) => ({ size: block.byteLength, leaf: leafHash(block) }))
  return new CoreTree(hasher.core(), encodeCoreTable(entries))
}

test('a block with its proof is stored in an empty core, whatever the shape', async (t) => {
  const store = await open(t)
  for (const count of [1, 2, 3, 5, 8, 13]) {
    const blocks = Array.from({ length: count }, (_, i) => noise(50 + i, count * 100 + i))
    const tree = treeOf(blocks)
    const core = store.get({ key: tree.core.key })
    await core.ready()
    t.is(core.length, 0)
    t.ok(await core.core.verify(tree.upgrade()), `${count} blocks: the length is proved`)
    t.is(core.length, count)
    for (let index = count - 1; index >= 0; index -= 2) {
      const block = blocks[index] ?? noise(1)
      t.ok(await core.core.verify(tree.proof(index, block)))
      const stored = await core.get(index, { wait: false })
      t.ok(stored !== null && equal(stored, block), `block ${index} of ${count}`)
    }
    t.is(await core.has(0, count), count === 1, 'the others are not there')
    await core.close()
  }
})

test('what is not of the core is refused, and changes nothing', async (t) => {
  const store = await open(t)
  const blocks = [noise(60, 1), noise(61, 2), noise(62, 3)]
  const [tree, other] = [treeOf(blocks), treeOf(blocks.toReversed())]
  const core = store.get({ key: tree.core.key })
  await core.ready()
  await t.exception(async () => await core.core.verify(other.upgrade()), 'the tree of another core')
  t.is(core.length, 0)
  await core.core.verify(tree.upgrade())
  const wrong = noise(60, 9)
  await t.exception(async () => await core.core.verify(tree.proof(0, wrong)), 'another block')
  t.absent(await core.has(0))
  t.ok(await core.core.verify(tree.proof(0, blocks[0] ?? wrong)), 'the right one is still taken')
})
