import test from 'brittle'
import { chmod, lstat, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { readHead, unpackTree, verifyTree } from '../../lib/artifact/index.ts'
import { equal, KIB, MIB, type Bytes, type Disk } from '../../lib/base/index.ts'
import {
  artifactOf,
  codeOf,
  disk,
  noise,
  packFolder,
  prose,
  writeTree,
  type Packed,
  type Spec
} from './trees.ts'

const spec: Spec = {
  'bin/run': { exec: '#!/bin/sh\n' },
  'bin/cur': { link: 'run' },
  'data/deep': null,
  empty: '',
  'lib/large.js': prose(400 * KIB),
  'lib/same.js': prose(400 * KIB),
  'lib/noise.bin': noise(90 * KIB, 3),
  'lib/small.js': prose(3_000, 5)
}

/** Unpacks, and tells which blocks of the core were read. */
async function unpack(
  packed: Packed,
  into: string,
  reuse: readonly string[] = []
): Promise<readonly number[]> {
  const read = new Set<number>()
  const readBlock = async (index: number): Promise<Bytes> => {
    read.add(index)
    return await packed.readBlock(index)
  }
  await unpackTree(disk, { artifact: packed.artifact, readBlock, into, reuse })
  return [...read].toSorted((a, b) => a - b)
}

test('a tree comes out as it went in, read-only, links and empty folders too', async (t) => {
  const top = await t.tmp()
  const packed = await packFolder(await writeTree(`${top}/from`, spec))
  const into = `${top}/tmp/op`
  const read = await unpack(packed, into)
  t.is(read.length, packed.blocks.length, 'every block was needed')
  await verifyTree(disk, into, packed.artifact)
  t.is(await readlink(`${into}/bin/cur`), 'run')
  t.alike(await readdir(`${into}/data/deep`), [])
  t.ok(equal(await readFile(`${into}/lib/large.js`), prose(400 * KIB)))
  t.is((await lstat(`${into}/bin/run`)).mode & 0o7777, 0o555)
  t.is((await lstat(`${into}/lib/small.js`)).mode & 0o7777, 0o444)
  t.is((await lstat(`${into}/lib`)).mode & 0o7777, 0o555)
  t.is((await lstat(into)).mode & 0o7777, 0o700, 'the top one is still to be renamed')
})

test('what a local tree has is not fetched: files by hash, the rest by chunks', async (t) => {
  const top = await t.tmp()
  const old = prose(2 * MIB, 21)
  const before = await writeTree(`${top}/before`, {
    'kept.js': prose(200 * KIB, 22),
    'app.js': old
  })
  const changed = old.slice()
  changed.set(noise(100, 9), MIB)
  const packed = await packFolder(
    await writeTree(`${top}/from`, {
      'moved/kept.js': prose(200 * KIB, 22),
      'app.js': changed,
      run: { exec: prose(200 * KIB, 22) }
    })
  )
  const read = await unpack(packed, `${top}/into`, [before, `${top}/missing`])
  const head = await readHead(packed.artifact, packed.readBlock)
  const fetched = read.filter((index) => index >= head.blocks)
  t.ok(fetched.length >= 1 && fetched.length <= 3, `${fetched.length} chunks around the change`)
  t.is((await lstat(`${top}/into/run`)).mode & 0o777, 0o555)
  t.is((await lstat(`${before}/kept.js`)).mode & 0o777, 0o644, 'the local file keeps its mode')
})

test('a local chunk that lies is found out, and the core gives the true one', async (t) => {
  const top = await t.tmp()
  const old = prose(MIB, 31)
  const before = await writeTree(`${top}/before`, { 'app.js': old })
  const changed = old.slice()
  changed.set(noise(100, 9), MIB / 2)
  const packed = await packFolder(await writeTree(`${top}/from`, { 'app.js': changed }))
  // The file changes after it was hashed and cut: the first block asked for gives the moment.
  let lied = false
  const readBlock = async (index: number): Promise<Bytes> => {
    if (index > 0 && !lied) {
      lied = true
      await writeFile(`${before}/app.js`, noise(MIB, 4))
    }
    return await packed.readBlock(index)
  }
  const into = `${top}/into`
  await unpackTree(disk, { artifact: packed.artifact, readBlock, into, reuse: [before] })
  t.ok(lied)
  t.ok(equal(await readFile(`${into}/app.js`), changed))
})

test('a folder that is not empty is refused and stays as it is', async (t) => {
  const top = await t.tmp()
  const packed = await packFolder(await writeTree(`${top}/from`, spec))
  const into = await writeTree(`${top}/mine`, { precious: 'x' })
  t.is(await codeOf(unpack(packed, into)), 'USAGE')
  t.alike(await readdir(into), ['precious'])
})

test('too little free space is a hold of this host, before anything is written', async (t) => {
  const top = await t.tmp()
  const packed = await packFolder(await writeTree(`${top}/from`, spec))
  const small: Disk = { ...disk, freeBytes: async () => 1_000 }
  const options = { ...packed, into: `${top}/into`, reuse: [] }
  t.is(await codeOf(unpackTree(small, options)), 'NO_SPACE')
  t.alike(await readdir(top), ['from'])
})

test('an abort in the middle leaves nothing behind', async (t) => {
  const top = await t.tmp()
  const packed = await packFolder(await writeTree(`${top}/from`, spec))
  const abort = new AbortController()
  const readBlock = async (index: number): Promise<Bytes> => {
    if (index === 2) abort.abort(new Error('enough'))
    return await packed.readBlock(index)
  }
  const options = { ...packed, readBlock, into: `${top}/into`, reuse: [], signal: abort.signal }
  await t.exception(unpackTree(disk, options), /enough/)
  t.alike(await readdir(top), ['from'])
})

test('before it is executed a tree is hashed again: every change is found', async (t) => {
  const top = await t.tmp()
  const { pack } = await packFolder(await writeTree(`${top}/from`, spec))
  const artifact = artifactOf(pack)
  const changes: readonly [string, (folder: string) => Promise<unknown>, string][] = [
    ['nothing', async () => undefined, ''],
    ['a byte', (at) => writeFile(`${at}/lib/small.js`, prose(3_000, 6)), 'HASH_MISMATCH'],
    ['a mode', (at) => chmod(`${at}/lib/small.js`, 0o755), 'HASH_MISMATCH'],
    ['an extra file', (at) => writeFile(`${at}/lib/extra`, ''), 'BAD_TREE'],
    ['a missing file', (at) => disk.remove(`${at}/empty`), 'BAD_TREE'],
    ['a set-id bit', (at) => chmod(`${at}/bin/run`, 0o4755), 'BAD_TREE']
  ]
  for (const [i, [what, change, code]] of changes.entries()) {
    const folder = await writeTree(`${top}/copy${i}`, spec)
    await change(folder)
    t.is((await codeOf(verifyTree(disk, folder, artifact))) ?? '', code, what)
  }
})
