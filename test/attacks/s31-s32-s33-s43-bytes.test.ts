import test from 'brittle'
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import {
  CoreHasher,
  packBytes,
  packTree,
  treeDigest,
  unpackTree
} from '../../lib/artifact/index.ts'
import { encodeHead } from '../../lib/artifact/head.ts'
import { ByteWriter } from '../../lib/artifact/varint.ts'
import { concat, fromText, KIB, type Bytes, type Disk } from '../../lib/base/index.ts'
import type { Artifact } from '../../lib/records/index.ts'
import { hash } from '../../lib/trust/index.ts'
import {
  artifactOf,
  codeOf,
  disk,
  noise,
  packFolder,
  prose,
  writeTree,
  type Packed
} from '../artifact/trees.ts'

type Line = readonly [type: number, path: string, body?: string]

/** A tree core as a hostile publisher would sign it: any list of entries, in any order. */
async function forge(lines: readonly Line[]): Promise<Packed> {
  const out = new ByteWriter().bytes(fromText('OTAM')).u8(1).u8(1).varint(lines.length)
  const bodies = new Map<string, Bytes>()
  let bytes = 0
  for (const [type, path, body = ''] of lines) {
    out.u8(type).sized(fromText(path))
    const content = fromText(body)
    if (type < 2) {
      out.varint(content.byteLength).bytes(hash([content]))
      bytes += content.byteLength
      if (body !== '') bodies.set(body, content)
    } else if (type === 2) out.sized(content)
  }
  const raw = concat([...bodies.values()])
  const manifest = out.join()
  const hash8 = hash([raw]).subarray(0, 8)
  const chunks = raw.byteLength === 0 ? [] : [{ rawSize: raw.byteLength, codec: 0 as const, hash8 }]
  const packed = await packBytes(manifest)
  const order = chunks.map((_, i) => i)
  const head = encodeHead({ raw: manifest.byteLength, packed }, chunks, order)
  const blocks = raw.byteLength === 0 ? [head] : [head, raw]
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  const pack = {
    treeDigest: treeDigest(manifest),
    entries: lines.length,
    bytes,
    core: hasher.core()
  } as Packed['pack']
  return { pack, artifact: artifactOf(pack), blocks, readBlock: async (i) => blocks[i]! }
}

/** Unpacks into a folder that must not exist afterwards; the code of the refusal. */
async function refusal(
  packed: Packed,
  top: string,
  changed: Partial<Artifact> = {},
  on: Disk = disk
): Promise<string | null> {
  const { readBlock } = packed
  const artifact = { ...packed.artifact, ...changed }
  const code = await codeOf(unpackTree(on, { artifact, readBlock, into: `${top}/into`, reuse: [] }))
  if (code !== null && (await readdir(top)).includes('into'))
    return `${code}, and left files behind`
  return code
}

/** A disk that must not be written to. */
const readOnly: Disk = {
  ...disk,
  create: async () => await Promise.reject(new Error('written')),
  makeLink: async () => await Promise.reject(new Error('written')),
  clone: async () => await Promise.reject(new Error('written'))
}

test('S31 a tree core whose blocks are not those of the signed tree is refused', async (t) => {
  const top = await t.tmp()
  const spec = { a: noise(200 * KIB, 1), b: noise(40 * KIB, 2), c: prose(90 * KIB, 3) }
  const packed = await packFolder(await writeTree(`${top}/from`, spec))
  for (let at = 1; at < packed.blocks.length; at += 1) {
    const readBlock = async (index: number): Promise<Bytes> =>
      index === at ? Uint8Array.from(packed.blocks[index]!).fill(0x0b, 5) : packed.blocks[index]!
    const code = await refusal({ ...packed, readBlock }, top)
    t.ok(code === 'HASH_MISMATCH' || code === 'LENGTH_EXCEEDED', `block ${at}: ${code}`)
  }
  const other = await packFolder(
    await writeTree(`${top}/other`, { ...spec, b: noise(40 * KIB, 3) })
  )
  const mixed = { ...packed, readBlock: other.readBlock }
  t.is(await refusal(mixed, top, {}, readOnly), 'HASH_MISMATCH', 'all blocks of another core')
  t.is(await refusal(packed, top), null, 'the true ones are taken afterwards')
})

test('S32 a core longer than declared is refused, and no block beyond asked', async (t) => {
  const top = await t.tmp()
  const packed = await packFolder(await writeTree(`${top}/from`, { a: noise(300 * KIB, 1) }))
  const { tree } = packed.artifact
  const asked: number[] = []
  const readBlock = async (index: number): Promise<Bytes> => {
    asked.push(index)
    return packed.blocks[index]!
  }
  const watched = { ...packed, readBlock }
  for (const blocks of [tree.blocks - 1, tree.blocks + 1, 1]) {
    const code = await refusal(watched, top, { tree: { ...tree, blocks } }, readOnly)
    t.ok(code === 'LENGTH_EXCEEDED' || code === 'BAD_TREE', `${blocks} blocks signed: ${code}`)
  }
  t.is(await refusal(watched, top, { tree: { ...tree, bytes: tree.bytes - 1 } }), 'LENGTH_EXCEEDED')
  t.ok(asked.every((index) => index < tree.blocks))
})

test('S32 a small block that unpacks to more than declared is refused', async (t) => {
  const top = await t.tmp()
  const packed = await packFolder(await writeTree(`${top}/from`, { a: prose(20 * KIB, 1) }))
  const bomb = await packBytes(new Uint8Array(64 * KIB * KIB))
  const readBlock = async (index: number): Promise<Bytes> =>
    index === 0 ? packed.blocks[0]! : bomb.bytes
  t.ok(bomb.bytes.byteLength < 4 * KIB)
  t.is(await refusal({ ...packed, readBlock }, top), 'LENGTH_EXCEEDED')
  const wide = encodeHead({ raw: 64 * KIB * KIB, packed: bomb }, [], [])
  const core = new CoreHasher().push(wide).core()
  const hostile = { ...packed, readBlock: async () => wide }
  t.is(await refusal(hostile, top, { tree: core }, readOnly), 'LENGTH_EXCEEDED', 'as the manifest')
})

test('S33 a listing with a hostile name, link or twin is refused unwritten', async (t) => {
  const top = await t.tmp()
  const hostile: readonly (readonly Line[])[] = [
    [[0, '../evil', 'x']],
    [[0, '/etc/passwd', 'x']],
    [[0, 'a\\b', 'x']],
    [[0, 'a\u0000b', 'x']],
    [[0, 'aux.txt', 'x']],
    [[0, 'README', 'x'], [0, 'readme', 'y']],
    [[0, 'e\u0301', 'x']],
    [[2, 'out', '../../etc']],
    [[2, 'out', '/etc']],
    [[2, 'loop', 'loop']],
    [[0, 'a', 'x'], [0, 'a/b', 'y']],
    [[2, 'd', 'e'], [0, 'd/f', 'x'], [3, 'e']],
    [[0, 'b', 'x'], [0, 'a', 'y']],
    [[0, 'a', 'x'], [0, 'a', 'y']],
    [[4, 'device']]
  ] // prettier-ignore
  for (const lines of hostile) {
    t.is(await refusal(await forge(lines), top, {}, readOnly), 'BAD_TREE', JSON.stringify(lines[0]))
  }
  t.is(await refusal(await forge([[0, 'a', 'x'], [2, 'b', 'a']]), top), null) // prettier-ignore
})

test('S33 more entries or bytes than signed, and a million of them, are refused', async (t) => {
  const top = await t.tmp()
  const packed = await forge([[0, 'a', 'x'], [0, 'b', 'y']]) // prettier-ignore
  t.is(await refusal(packed, top, { entries: 1 }, readOnly), 'BAD_TREE')
  t.is(await refusal(packed, top, { bytes: 1 }, readOnly), 'BAD_TREE')
  const count = new ByteWriter().bytes(fromText('OTAM')).u8(1).u8(1).varint(1_000_000).join()
  const head = encodeHead({ raw: count.byteLength, packed: { codec: 0, bytes: count } }, [], [])
  const changed = {
    tree: new CoreHasher().push(head).core(),
    treeDigest: treeDigest(count),
    entries: 1_000_000
  }
  t.is(
    await refusal({ ...packed, readBlock: async () => head }, top, changed, readOnly),
    'BAD_TREE'
  )
})

test('S33 a staged folder with an extra, missing or other file is refused', async (t) => {
  const top = await t.tmp()
  const packed = await packFolder(await writeTree(`${top}/from`, { a: 'one', 'd/b': 'two' }))
  const extra: Disk = {
    ...disk,
    create: async (path, bytes, mode) => {
      await disk.create(path, bytes, mode)
      if (path.endsWith('/a')) await disk.create(`${path}.extra`, bytes, mode)
    }
  }
  const missing: Disk = {
    ...disk,
    create: async (path, bytes, mode) => {
      if (!path.endsWith('/b')) await disk.create(path, bytes, mode)
    }
  }
  const other: Disk = {
    ...disk,
    create: async (path, bytes, mode) => {
      await disk.create(path, path.endsWith('/b') ? fromText('twO') : bytes, mode)
    }
  }
  t.is(await refusal(packed, top, {}, extra), 'BAD_TREE')
  t.is(await refusal(packed, top, {}, missing), 'BAD_TREE')
  t.is(await refusal(packed, top, {}, other), 'HASH_MISMATCH')
})

test('S33 the publisher refuses fifos, set-id files and twins by path', async (t) => {
  const top = await t.tmp()
  const make = async (name: string): Promise<string> =>
    await writeTree(`${top}/${name}`, { 'bin/run': 'x' })
  const refuses = async (folder: string, path: string): Promise<void> => {
    await t.exception(packTree(disk, folder), new RegExp(path))
    t.is(await codeOf(packTree(disk, folder)), 'BAD_TREE')
  }
  const fifo = await make('fifo')
  await promisify(execFile)('mkfifo', [`${fifo}/bin/pipe`])
  await refuses(fifo, 'bin/pipe')
  const setId = await make('set-id')
  await chmod(`${setId}/bin/run`, 0o4755)
  await refuses(setId, 'bin/run')
  await refuses(await writeTree(await make('twins'), { 'bin/RUN': 'y' }), 'bin/run')
  await refuses(await writeTree(await make('link'), { out: { link: '/etc/passwd' } }), 'out')
  await mkdir(`${top}/none`)
  t.is(await codeOf(packTree(disk, `${top}/none`)), 'BAD_TREE', 'an empty folder is no tree')
})

test('S43 a release with the tree core of another moment is refused', async (t) => {
  const top = await t.tmp()
  const one = await packFolder(await writeTree(`${top}/one`, { a: 'one' }))
  const two = await packFolder(await writeTree(`${top}/two`, { a: 'two' }))
  const mixed = { tree: two.artifact.tree }
  t.is(await refusal({ ...one, readBlock: two.readBlock }, top, mixed, readOnly), 'HASH_MISMATCH')
})
