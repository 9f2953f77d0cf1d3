import test from 'brittle'
import { scanTree, unpackTree } from '../../lib/artifact/index.ts'
import { KIB } from '../../lib/base/index.ts'
import { Lanes } from '../../lib/artifact/lanes.ts'
import { disk, noise, packFolder, writeTree, type Spec } from './trees.ts'

/** A folder comes before what its own name begins: a walk sees `a/…` before `a-…`. */
function awkward(): Spec {
  const files = Array.from({ length: 40 }, (_, i): [string, Uint8Array][] => [
    [`a/${i}.js`, noise(3 * KIB, i + 1)],
    [`a-${i}.js`, noise(3 * KIB, i + 100)]
  ])
  return Object.fromEntries(files.flat())
}

test('a folder is listed in the order of its manifest, cut as its publisher cut it', async (t) => {
  const top = await t.tmp()
  const old = await writeTree(`${top}/old`, awkward())
  const { entries } = await scanTree(disk, old)
  const paths = entries.map(({ path }) => path)
  t.alike(paths, paths.toSorted())
  const packed = await packFolder(await writeTree(`${top}/new`, { ...awkward(), z: noise(9, 9) }))
  let need = Infinity
  await unpackTree(disk, {
    artifact: packed.artifact,
    readBlock: packed.readBlock,
    into: `${top}/into`,
    reuse: [old],
    onNeed: (blocks) => {
      need = blocks.length
    }
  })
  t.is(need, 1, 'the group with the new file, and no other')
})

test('lanes run a few deeds at once and end with the last, also after a failure', async (t) => {
  const lanes = new Lanes()
  let running = 0
  let most = 0
  let over = 0
  const deed = async (fails: boolean): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    over += 1
    if (fails) throw new Error('spoiled')
  }
  let started = 0
  const all = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) {
      await lanes.start(async () => await deed(i === 5))
      started += 1
    }
  }
  await t.exception(all(), /spoiled/)
  await lanes.settle()
  t.is(running, 0)
  t.is(over, started, 'nothing is left half-way')
  t.ok(most > 1 && most <= 3, `${most} at once`)
  t.ok(started < 20, 'nothing is begun after a failure')
  await t.exception(lanes.end(), /spoiled/)
})
