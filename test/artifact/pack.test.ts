import test from 'brittle'
import { utimes, writeFile } from 'node:fs/promises'
import { brotliCompressSync, constants } from 'node:zlib'
import { CoreHasher, decodeHead, packBytes, packTree } from '../../lib/artifact/index.ts'
import { equal, fromText, KIB, toHex, type Bytes } from '../../lib/base/index.ts'
import { codeOf, disk, noise, packFolder, prose, writeTree, type Spec } from './trees.ts'

const spec: Spec = {
  'bin/run': { exec: '#!/bin/sh\n' },
  'bin/cur': { link: 'run' },
  data: null,
  'lib/large.js': prose(400 * KIB),
  'lib/noise.bin': noise(90 * KIB, 3),
  'lib/same.bin': noise(90 * KIB, 3),
  'a-b': 'one',
  'a/b': 'two'
}

test('equal files give equal digests and keys, whatever their order and times', async (t) => {
  const top = await t.tmp()
  const one = await writeTree(`${top}/one`, spec)
  const two = await writeTree(`${top}/two`, Object.fromEntries(Object.entries(spec).toReversed()))
  await utimes(`${two}/a/b`, 1, 1)
  const [a, b] = [await packTree(disk, one), await packTree(disk, two)]
  t.is(toHex(a.treeDigest), toHex(b.treeDigest))
  t.is(toHex(a.core.key), toHex(b.core.key))
  t.alike(a.core, b.core)
  await writeFile(`${two}/a/b`, 'twO')
  const c = await packTree(disk, two)
  t.not(toHex(a.treeDigest), toHex(c.treeDigest))
})

test('the blocks have the key that the first pass computed, equal chunks once', async (t) => {
  const { pack, artifact, blocks } = await packFolder(await writeTree(await t.tmp(), spec))
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  t.alike(hasher.core(), pack.core)
  const head = await decodeHead(pack.head, artifact)
  t.is(head.blocks + head.chunks.length, pack.core.blocks)
  t.is(head.order.length, head.chunks.length, 'equal files are one content')
  t.is(pack.entries, 8)
})

test('a chunk that comes again inside one file is stored once', async (t) => {
  const zeros = new Uint8Array(1_000 * KIB)
  const { pack, artifact, readBlock } = await packFolder(await writeTree(await t.tmp(), { zeros }))
  const head = await decodeHead(pack.head, artifact)
  t.is(head.order.length, 4)
  t.is(head.chunks.length, 2)
  t.ok((await readBlock(1)).byteLength < 100)
})

test('a head that is damaged anywhere is refused with our codes only', async (t) => {
  const { pack, artifact } = await packFolder(
    await writeTree(await t.tmp(), { a: 'one', b: 'two' })
  )
  const known = ['BAD_TREE', 'HASH_MISMATCH', 'LENGTH_EXCEEDED', 'UNSUPPORTED']
  let accepted = 0
  for (let bit = 0; bit < pack.head.byteLength * 8; bit += 1) {
    const flipped = Uint8Array.from(pack.head)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    const code = await codeOf(decodeHead(flipped, artifact))
    // A chunk's eight bytes of hash and its codec bit are held by the core key, not by the tree.
    if (code === null) accepted += 1
    else if (!known.includes(code)) t.fail(code)
  }
  t.is(accepted, 65)
  for (let size = 0; size < pack.head.byteLength; size += 1) {
    const code = await codeOf(decodeHead(pack.head.subarray(0, size), artifact))
    if (!known.includes(code ?? '')) t.fail(`${size}: ${code}`)
  }
})

test('encoder 1 is brotli in one shot, and raw where it saves too little', async (t) => {
  const raw = prose(100_000)
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_GENERIC,
    [constants.BROTLI_PARAM_SIZE_HINT]: raw.byteLength
  }
  const packed = await packBytes(raw)
  t.is(packed.codec, 1)
  t.ok(equal(packed.bytes, brotliCompressSync(raw, { params })))
  t.is((await packBytes(noise(100_000))).codec, 0)
  t.is((await packBytes(fromText('x'))).codec, 0)
})

test('the core key of a committed tree is the same on every machine', async (t) => {
  const folder = await writeTree(await t.tmp(), {
    'a.js': prose(300 * KIB, 1),
    'b.bin': noise(100 * KIB, 2),
    'c.js': prose(20 * KIB, 3)
  })
  const { core, treeDigest } = await packTree(disk, folder)
  t.is(
    toHex(treeDigest),
    'c2225daa7e9aaac2b7fdcd3098994bc5312a1f09bdccd15f3e0054f576061bb2',
    'identity: another one is a change of the format'
  )
  // Other bytes of brotli are another encoder id: such a machine seeds less, and refuses nothing.
  t.is(toHex(core.key), 'c724bee9a876bb08383efd8fed6f28c28e8e34f17dbeceb21f84eca80a1e793e')
  t.alike([core.blocks, core.bytes], [9, 252_866])
})

test('a file that changes between the two passes ends the packing', async (t) => {
  const folder = await writeTree(await t.tmp(), { a: prose(100_000), b: 'two' })
  const pack = await packTree(disk, folder)
  await writeFile(`${folder}/a`, prose(100_000, 8))
  const drain = async (): Promise<Bytes[]> => {
    const blocks: Bytes[] = []
    for await (const block of pack.blocks()) blocks.push(block)
    return blocks
  }
  t.is(await codeOf(drain()), 'HASH_MISMATCH')
})
