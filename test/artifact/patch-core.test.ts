import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { decodeIndex, packPatches, packTree, routesOf } from '../../lib/artifact/index.ts'
import { encodeIndex, type IndexItem } from '../../lib/artifact/patch/core-index.ts'
import { concat, equal, isOtaError, type Bytes } from '../../lib/base/index.ts'
import type { Artifact } from '../../lib/records/index.ts'
import { artifactOf, disk, noise, prose, writeTree, type Spec } from './trees.ts'

async function packOf(t: TestContext, spec: Spec) {
  const folder = await writeTree(join(await t.tmp(), 'tree'), spec)
  const pack = await packTree(disk, folder, 'linux-x64')
  return { folder, pack, manifest: pack.manifest }
}

function release(version: number): Spec {
  const program = prose(300_000).slice()
  for (let at = version * 37; at < program.length; at += 9_001) program[at] = 90 - version
  // nearly the same again: chunks do not see that, a stream over the whole tree does
  const twin = concat([program.subarray(5), program.subarray(0, 5)])
  return { program: { exec: program }, twin, 'doc/readme': `version ${version}\n` }
}

test('a patch core serves the last releases and those who have nothing', async (t) => {
  const old = [await packOf(t, release(2)), await packOf(t, release(1))]
  const now = await packOf(t, release(3))
  const made = await packPatches(disk, {
    to: { folder: now.folder, pack: now.pack, platform: 'linux-x64' },
    bases: old,
    scratch: join(await t.tmp(), 'scratch')
  })
  if (made === null) return t.fail('it pays')
  const blocks: Bytes[] = []
  for await (const block of made.blocks()) blocks.push(block)
  t.is(blocks.length, made.core.blocks)
  t.is(
    blocks.reduce((sum, { byteLength }) => sum + byteLength, 0),
    made.core.bytes
  )
  const items = decodeIndex(blocks[0] ?? new Uint8Array(0), made.core.blocks)
  t.alike(
    items.map(({ kind }) => kind),
    ['patch', 'patch', 'solid']
  )
  for (const [index, cost] of made.costs.entries()) {
    t.ok(equal(cost.treeDigest, old[index]?.pack.treeDigest ?? new Uint8Array(32)))
    t.ok(
      (cost.patchBytes ?? Infinity) < cost.chunkBytes / 10,
      `${cost.patchBytes} for ${cost.chunkBytes}`
    )
  }
})

test('what no patch shrinks is listed with its price, and alone makes no core', async (t) => {
  const old = await packOf(t, { blob: noise(200_000, 5) })
  const now = await packOf(t, { blob: noise(200_000, 6) })
  const options = {
    to: { folder: now.folder, pack: now.pack, platform: 'linux-x64' },
    bases: [old],
    scratch: join(await t.tmp(), 'scratch')
  }
  t.is(await packPatches(disk, options), null)
})

const digest = (n: number): Bytes => new Uint8Array(32).fill(n)
const place = (startBlock: number, bytes: number, lgwin = 24) => ({ startBlock, bytes, lgwin })
const patchFrom = (n: number, bytes: number, startBlock = 1): IndexItem => ({
  kind: 'patch',
  from: digest(n),
  chunkBytes: 500_000,
  place: place(startBlock, bytes)
})

function artifact(n: number): Artifact {
  const pack = { treeDigest: digest(n), entries: 1, bytes: 2_000_000 }
  const core = { key: digest(n), blocks: 40, bytes: 1_000_000 }
  return { ...artifactOf({ ...pack, core } as never), tree: core }
}

test('the cheapest way comes first, and chunks are always among them', (t) => {
  const solid: IndexItem = { kind: 'solid', place: place(2, 700_000, 27) }
  const items = [patchFrom(1, 9_000), solid]
  const base = { artifact: artifact(3), items, local: [digest(1)], others: [], lgwinMax: 27 }
  t.alike(
    routesOf(base).map(({ tag }) => tag),
    ['patch', 'chunks', 'solid']
  )
  t.alike(
    routesOf({ ...base, local: [] }).map(({ tag }) => tag),
    ['solid', 'chunks'],
    'who has nothing takes the solid stream'
  )
  t.alike(
    routesOf({ ...base, local: [], lgwinMax: 24 }).map(({ tag }) => tag),
    ['chunks'],
    'unless its window is too large here'
  )
  t.alike(
    routesOf({ ...base, items: [], local: [] }).map(({ tag }) => tag),
    ['chunks']
  )
  const costly = { ...base, items: [{ ...patchFrom(1, 9_000), chunkBytes: 2_000 } as IndexItem] }
  t.is(routesOf(costly)[0]?.tag, 'chunks', 'few lacking chunks cost less than a patch')
})

const step = (n: number) => ({ artifact: artifact(n), items: [patchFrom(n - 1, 1_000 * n)] })

const input = (last: number) => ({
  ...step(last),
  local: [digest(1)],
  others: [2, 3, 4, 5, 6].filter((n) => n < last).map(step),
  lgwinMax: 24
})

test('patches in a row are a way, at most four of them', (t) => {
  const [chain] = routesOf(input(5))
  if (chain?.tag !== 'chain') return t.fail('a chain of four is cheapest')
  t.is(chain.steps.length, 4)
  t.alike(
    chain.steps.map((one) => one.artifact.treeDigest[0]),
    [2, 3, 4, 5]
  )
  t.is(chain.cost, 14_000 + 4 * 350)
  t.absent(
    routesOf(input(6)).some(({ tag }) => tag === 'chain'),
    'five are too many'
  )
})

test('S34 an index that is not strict is refused', (t) => {
  const good = encodeIndex([patchFrom(1, 300_000), { kind: 'solid', place: place(3, 5) }])
  t.is(decodeIndex(good, 4).length, 2)
  const cases: [string, Bytes, number][] = [
    ['other blocks than signed', good, 5],
    ['bytes after its end', concat([good, digest(0)]), 4],
    ['a hole between routes', encodeIndex([patchFrom(1, 10, 2)]), 3],
    ['an empty route', encodeIndex([patchFrom(1, 0)]), 1],
    ['a window of 30 bits', encodeIndex([{ kind: 'solid', place: place(1, 5, 30) }]), 2],
    ['no item', encodeIndex([]), 1],
    ['ten items', encodeIndex(Array.from({ length: 10 }, (_, i) => patchFrom(1, 10, i + 1))), 11]
  ]
  for (const [what, bytes, blocks] of cases) {
    try {
      decodeIndex(bytes, blocks)
      t.fail(what)
    } catch (error) {
      t.ok(isOtaError(error, 'PATCH_FAILED') || isOtaError(error, 'BAD_TREE'), what)
    }
  }
  for (let cut = 0; cut < good.byteLength; cut += 1) {
    try {
      decodeIndex(good.subarray(0, cut), 4)
      t.fail(`cut to ${cut}`)
    } catch (error) {
      if (!isOtaError(error)) throw error
    }
  }
})
