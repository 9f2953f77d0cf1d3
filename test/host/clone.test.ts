import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import test from 'brittle'
import { packTree, unpackTree } from '../../lib/artifact/index.ts'
import { realDisk } from '../../lib/host/index.ts'
import { codeOf, packFolder, writeTree } from '../artifact/trees.ts'

async function verified(top: string, mode: number): Promise<string> {
  const path = `${top}/verified-${mode.toString(8)}`
  await writeFile(path, 'content')
  await chmod(path, mode)
  return path
}

test('a verified file gets a second name, or shares its blocks', async (t) => {
  const top = await t.tmp()
  const from = await verified(top, 0o444)
  await realDisk().clone(`${top}/one`, from, 0o444)
  const [a, b] = [await stat(from), await stat(`${top}/one`)]
  const isLinked = a.ino === b.ino
  t.comment(isLinked ? 'hard link' : 'shared blocks')
  t.is(b.mode & 0o777, 0o444)
  t.is(await readFile(`${top}/one`, 'utf8'), 'content')
  await realDisk().remove(`${top}/one`)
  t.is(await readFile(from, 'utf8'), 'content', 'removing one name leaves the other')
})

test('another executable bit, a writable file, and links switched off make a copy', async (t) => {
  const top = await t.tmp()
  const plain = await verified(top, 0o444)
  const writable = await verified(top, 0o644)
  await realDisk().clone(`${top}/exec`, plain, 0o555)
  await realDisk().clone(`${top}/from-writable`, writable, 0o644)
  await realDisk({ links: false }).clone(`${top}/off`, plain, 0o444)
  for (const [path, from, mode] of [
    ['exec', plain, 0o555],
    ['from-writable', writable, 0o644],
    ['off', plain, 0o444]
  ] as const) {
    const found = await stat(`${top}/${path}`)
    t.not(found.ino, (await stat(from)).ino, path)
    t.is(found.mode & 0o777, mode)
  }
  t.is((await stat(plain)).mode & 0o777, 0o444, 'the first one keeps its mode')
})

test('what is there already is not replaced, what is missing is told', async (t) => {
  const top = await t.tmp()
  const from = await verified(top, 0o444)
  await writeFile(`${top}/there`, 'mine')
  t.is(await codeOf(realDisk().clone(`${top}/there`, from, 0o444)), 'INTERNAL')
  t.is(await readFile(`${top}/there`, 'utf8'), 'mine')
  t.is(await codeOf(realDisk().clone(`${top}/new`, `${top}/none`, 0o444)), 'INTERNAL')
})

test('a tree made beside its predecessor writes only what changed', async (t) => {
  const top = await t.tmp()
  const before = { 'bin/app': { exec: 'old program' }, 'lib/same.js': 'same', tool: { exec: 'x' } }
  const old = await packFolder(await writeTree(`${top}/from-1`, before))
  const disk = realDisk()
  const folders = { into: `${top}/1`, reuse: [] }
  await unpackTree(disk, { artifact: old.artifact, readBlock: old.readBlock, ...folders })
  const after = { ...before, 'bin/app': { exec: 'new program' }, tool: 'x' }
  const now = await packFolder(await writeTree(`${top}/from-2`, after))
  const options = { into: `${top}/2`, reuse: [`${top}/1`] }
  await unpackTree(disk, { artifact: now.artifact, readBlock: now.readBlock, ...options })
  const inode = async (path: string): Promise<number> => (await stat(`${top}/${path}`)).ino
  const [one, two] = [await inode('1/lib/same.js'), await inode('2/lib/same.js')]
  t.comment(one === two ? 'linked' : 'blocks shared')
  t.not(await inode('2/bin/app'), await inode('1/bin/app'))
  t.not(await inode('2/tool'), await inode('1/tool'), "the bit is the inode's")
  // The older version can go without harm to the newer one.
  await disk.remove(`${top}/1`)
  t.alike((await packTree(disk, `${top}/2`)).treeDigest, now.artifact.treeDigest)
})
