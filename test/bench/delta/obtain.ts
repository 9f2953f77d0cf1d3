import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failed, isInstalled, run } from './run.ts'
import type { Pair } from './pairs.ts'

/** What was fetched once is kept here. */
export const cacheFolder = join(tmpdir(), 'upswell-bench-delta')

/** Folders of both releases, or why there are none. */
export type Trees =
  | { readonly tag: 'here'; readonly old: string; readonly now: string }
  | { readonly tag: 'skip'; readonly why: string }

/** Both releases of a pair, unpacked; fetched by the client of their registry unless kept. */
export async function treesOf(pair: Pair): Promise<Trees> {
  const unpack = pair.from === 'npm' ? fromNpm : fromDebian
  if (pair.from === 'debian' && !(isInstalled('apt-get') && isInstalled('dpkg-deb'))) {
    return { tag: 'skip', why: 'Debian packages need apt-get and dpkg-deb' }
  }
  try {
    const old = await treeOf(pair, pair.old, unpack)
    return { tag: 'here', old, now: await treeOf(pair, pair.now, unpack) }
  } catch (error) {
    if (error instanceof Failed) return { tag: 'skip', why: error.message }
    throw error
  }
}

type Unpack = (spec: { name: string; version: string }, into: string, scratch: string) => unknown

async function treeOf(pair: Pair, version: string, unpack: Unpack): Promise<string> {
  const name = `${pair.from}-${pair.name}@${version}`.replaceAll(/[/:]/g, '+')
  const folder = join(cacheFolder, 'trees', name)
  if (await isThere(folder)) return folder
  await mkdir(join(cacheFolder, 'trees'), { recursive: true })
  const scratch = await mkdtemp(join(cacheFolder, 'get-'))
  try {
    const into = join(scratch, 'tree')
    await mkdir(into)
    await unpack({ name: pair.name, version }, into, scratch)
    await run('chmod', ['-R', 'u+rwX', into])
    await rename(into, folder)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return folder
}

async function fromNpm(
  { name, version }: { name: string; version: string },
  into: string,
  scratch: string
): Promise<void> {
  const got = join(scratch, 'got')
  await mkdir(got)
  await run('npm', ['pack', `${name}@${version}`, '--pack-destination', got], { cwd: scratch })
  const file = join(got, await onlyFile(got, '.tgz'))
  await run('tar', ['-xzf', file, '-C', into, '--strip-components=1', '--no-same-owner'])
}

async function fromDebian(
  { name, version }: { name: string; version: string },
  into: string,
  scratch: string
): Promise<void> {
  const got = join(scratch, 'got')
  await mkdir(got)
  await run('chmod', ['a+rwx', scratch, got])
  await run('apt-get', ['download', `${name}=${version}`], { cwd: got })
  await run('dpkg-deb', ['-x', join(got, await onlyFile(got, '.deb')), into])
  // links of a package lead anywhere on the machine; no tree of ours may
  await run('find', [into, '-type', 'l', '-delete'])
}

async function onlyFile(folder: string, end: string): Promise<string> {
  const name = (await readdir(folder)).find((one) => one.endsWith(end))
  if (name === undefined) throw new Failed(`no *${end} came`)
  return name
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
