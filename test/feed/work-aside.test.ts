import test, { type TestContext } from 'brittle'
import { appendFile, chmod } from 'node:fs/promises'
import { makePatch, packTree, verifyTree, workHere } from '../../lib/artifact/index.ts'
import { equal, GIB, KIB, MIB, OtaError, type Bytes } from '../../lib/base/index.ts'
import { windowBits, workAside } from '../../lib/host/index.ts'
import { artifactOf, codeOf, disk, noise, packFolder, prose, writeTree } from '../artifact/trees.ts'
import { link, openStore } from './stores.ts'

/** Every tree in a thread, however small. */
const work = workAside(disk, { smallBytes: 0 })

const before = { 'app.js': prose(300 * KIB, 3), 'bin/run': { exec: noise(20 * KIB) } }
const after = { ...before, 'app.js': prose(310 * KIB, 3), 'more.js': prose(5 * KIB, 4) }

async function patchIn(t: TestContext) {
  const top = await t.tmp()
  const old = await packFolder(await writeTree(`${top}/old`, before))
  const now = await packFolder(await writeTree(`${top}/now`, after))
  const [from, to] = [
    { folder: `${top}/old`, manifest: old.pack.manifest },
    { folder: `${top}/now`, manifest: now.pack.manifest }
  ]
  const { bytes } = (await makePatch(disk, from, to))!
  const base = { folder: `${top}/old`, treeDigest: old.pack.treeDigest }
  // as a core gives them: views into something larger
  const large = new Uint8Array([...noise(100), ...bytes, ...noise(100)])
  const read = async (offset: number, size: number): Promise<Bytes> =>
    await Promise.resolve(large.subarray(100 + offset, 100 + offset + size))
  return { top, old, now, base, bytes, patch: { size: bytes.byteLength, read } }
}

test('a thread makes the same trees and the same cores as the loop', async (t) => {
  const { top, now, base, patch } = await patchIn(t)
  const { artifact, readBlock } = now
  await work.unpackPatch({ artifact, patch, from: base, into: `${top}/patched` })
  await verifyTree(disk, `${top}/patched`, artifact)
  const needed: number[] = []
  const onNeed = (blocks: readonly number[]): void => void needed.push(...blocks)
  const reuse = [base.folder]
  await work.unpackTree({ artifact, readBlock, into: `${top}/unpacked`, reuse, onNeed })
  await verifyTree(disk, `${top}/unpacked`, artifact)
  t.ok(needed.length > 0 && needed.length < now.blocks.length, 'what is here is not asked for')
  const tree = { folder: `${top}/now`, platform: '', bytes: artifact.bytes }
  for (const where of [work, workHere(disk)]) {
    const found = await where.packed(tree, async (pack) => {
      const blocks: Bytes[] = []
      for await (const block of pack.blocks()) blocks.push(block)
      return { pack, blocks }
    })
    t.ok(equal(found.pack.core.key, now.pack.core.key))
    t.is(found.blocks.length, now.blocks.length)
    t.ok(found.blocks.every((block, i) => equal(block, now.blocks[i]!)))
  }
})

test('what goes wrong in a thread is the same error, and leaves nothing', async (t) => {
  const { top, now, base, patch } = await patchIn(t)
  const { artifact, readBlock } = now
  const into = `${top}/into`
  const short = { artifact, patch: { ...patch, size: patch.size - 1 }, from: base, into }
  t.is(await codeOf(work.unpackPatch(short)), 'PATCH_FAILED')
  const other = { ...artifact, treeDigest: new Uint8Array(32) }
  t.is(
    await codeOf(work.unpackTree({ artifact: other, readBlock, into, reuse: [] })),
    'HASH_MISMATCH'
  )
  const gone = work.packed({ folder: `${top}/none`, platform: '', bytes: 1 }, (pack) =>
    Promise.resolve(pack)
  )
  t.ok((await codeOf(gone)) !== null)
  await chmod(`${base.folder}/app.js`, 0o644)
  await appendFile(`${base.folder}/app.js`, 'x')
  t.is(await codeOf(work.unpackPatch({ artifact, patch, from: base, into })), 'HASH_MISMATCH')
  t.is(await disk.stat(into), null)
})

test('what the owner throws when it is asked comes back as it was', async (t) => {
  const { top, now, base, patch } = await patchIn(t)
  const { artifact, readBlock } = now
  const into = `${top}/into`
  class Dearer extends Error {}
  const dearer = new Dearer('the next way costs less')
  const onNeed = (): never => {
    throw dearer
  }
  const late = new OtaError('TIMEOUT', 'no block came')
  const fails = async (): Promise<never> => await Promise.reject(late)
  const deeds = [
    [dearer, async () => await work.unpackTree({ artifact, readBlock, into, reuse: [], onNeed })],
    [late, async () => await work.unpackTree({ artifact, readBlock: fails, into, reuse: [] })],
    [
      late,
      async () =>
        await work.unpackPatch({ artifact, patch: { ...patch, read: fails }, from: base, into })
    ]
  ] as const
  for (const [error, deed] of deeds) {
    const thrown = await deed().catch((caught: unknown) => caught)
    t.is(thrown, error)
  }
  t.is(await disk.stat(into), null)
})

test('a signal ends a thread with its reason, before it begins and in the middle', async (t) => {
  const { top, now } = await patchIn(t)
  const { artifact } = now
  const into = `${top}/into`
  const reason = new Error('stop here')
  const ended = AbortSignal.abort(reason)
  const { readBlock } = now
  const first = work.unpackTree({ artifact, readBlock, into, reuse: [], signal: ended })
  t.is(await first.catch((error: unknown) => error), reason)
  const abort = new AbortController()
  const never = async (index: number): Promise<Bytes> => {
    if (index > 1) abort.abort(reason)
    return await readBlock(index)
  }
  const order = { artifact, readBlock: never, into, reuse: [], signal: abort.signal }
  t.is(await work.unpackTree(order).catch((error: unknown) => error), reason)
  t.is(await disk.stat(into), null)
})

test('a pack that is given up in the middle leaves no thread', async (t) => {
  const { top, now } = await patchIn(t)
  const tree = { folder: `${top}/now`, platform: '', bytes: now.artifact.bytes }
  const enough = new Error('enough')
  const deed = work.packed(tree, async (pack) => {
    for await (const block of pack.blocks()) if (block.byteLength > 0) throw enough
  })
  t.is(await deed.catch((error: unknown) => error), enough)
})

test('a node whose work lies aside fetches, patches and seeds', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const node = await openStore(t, `${top}/n`, { work })
  link(t, publisher, node)
  const pack = await packTree(disk, await writeTree(`${top}/now`, after))
  await publisher.store.buildTreeCore(pack)
  const artifact = artifactOf(pack)
  await writeTree(`${top}/old`, before)
  const into = `${top}/into`
  await node.store.fetchTree(artifact, { into, reuse: [`${top}/old`] })
  t.absent(await node.store.hasWhole(artifact.tree))
  t.is(await node.store.rebuild(artifact, into), 'rebuilt')
  t.ok(await node.store.hasWhole(artifact.tree))
  await verifyTree(disk, into, artifact)
  t.ok(equal(pack.treeDigest, artifact.treeDigest))
})

test('a large decoder window is granted where there is memory for it', (t) => {
  t.is(windowBits(512 * MIB), 24)
  t.is(windowBits(4 * GIB), 27)
  t.ok([24, 27].includes(windowBits()))
})
