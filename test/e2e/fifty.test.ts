// Fifty releases, one after the other, through the real store of one node.
import test from 'brittle'
import { lstat, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  CoreHasher,
  encodeIndex,
  makePatch,
  packTree,
  routeBlockBytes,
  treeDigest,
  encodeManifest,
  verifyTree
} from '../../lib/artifact/index.ts'
import { equal, MIB, type Bytes } from '../../lib/base/index.ts'
import type { CoreRef } from '../../lib/records/index.ts'
import { artifactOf, disk, noise, prose, writeTree } from '../artifact/trees.ts'
import { publish, type Release } from '../feed/releases.ts'
import { link, openStore, type TestStore } from '../feed/stores.ts'

const releases = 50
const packedBytes = 1.5 * MIB
/** Memory is looked at from here on: caches and code have warmed up. */
const warm = 10

setFlagsFromString('--expose-gc')
// Cast: the flag puts the function there.
const collect = runInNewContext('gc') as () => void

/** What no coder makes smaller, so a core is as large as its tree; each version spoils a bit. */
function program(version: number): Bytes {
  const bytes = noise(packedBytes, 99)
  for (let v = 1; v <= version; v += 1) {
    for (let at = (v * 7_919) % 60_000; at < bytes.length; at += 60_000) bytes[at] = v
  }
  return bytes
}

/** A release with a patch from the one before it, and nothing else in its patch core. */
async function next(top: string, version: number, before: Release | null): Promise<Release> {
  const files = { app: { exec: program(version) }, 'lib/same.js': prose(40_000, 3) }
  const folder = await writeTree(`${top}/from-${version}`, { ...files, version: `${version}` })
  const pack = await packTree(disk, folder, 'linux-x64')
  const artifact = artifactOf(pack)
  const manifest = before?.pack.manifest
  if (before === null || manifest === undefined) return { folder, pack, patches: null, artifact }
  const from = { folder: before.folder, manifest }
  const made = await makePatch(disk, from, { folder, manifest: pack.manifest })
  if (made === null) throw new Error('a patch could not be made')
  const place = { startBlock: 1, bytes: made.bytes.byteLength, lgwin: made.lgwin }
  const base = treeDigest(encodeManifest(manifest))
  const chunkBytes = pack.core.bytes
  const blocks = [encodeIndex([{ kind: 'patch', from: base, chunkBytes, place }])]
  for (let at = 0; at < made.bytes.byteLength; at += routeBlockBytes) {
    blocks.push(made.bytes.subarray(at, at + routeBlockBytes))
  }
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  const patches = { core: hasher.core(), blocks: () => each(blocks) }
  return { folder, pack, patches, artifact: { ...artifact, patch: patches.core } }
}

async function* each(blocks: readonly Bytes[]): AsyncGenerator<Bytes> {
  yield* await Promise.resolve(blocks)
}

/** Bytes on disk, as the file system counts them, but for the words of the storage about itself. */
async function used(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder, { recursive: true })) {
    if (/(^|\/)LOG(\.old\.\d+)?$/.test(name)) continue
    try {
      bytes += (await lstat(join(folder, name))).blocks * 512
    } catch (error) {
      // the storage drops files of its own while they are counted
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return bytes
}

function resident(): number {
  for (let i = 0; i < 3; i += 1) collect()
  return process.memoryUsage().rss
}

async function dropped(
  { store }: TestStore,
  old: Release,
  kept: readonly Release[]
): Promise<void> {
  const stays = kept.flatMap(coresOf)
  for (const ref of coresOf(old)) {
    if (!stays.some(({ key }) => equal(key, ref.key))) await store.drop(ref)
  }
}

function coresOf({ artifact }: Release): readonly CoreRef[] {
  return [artifact.tree, artifact.patch].filter((ref) => ref !== null)
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

test(
  'fifty releases in a row leave the cores of three on disk, and memory flat',
  { timeout: 400_000 },
  async (t) => {
    const top = await t.tmp()
    const publisher = await openStore(t, `${top}/p`)
    const node = await openStore(t, `${top}/n`)
    link(t, publisher, node)
    const versions: { readonly one: Release; readonly folder: string }[] = []
    const published: Release[] = []
    const sizes: number[] = []
    let warmBytes = 0
    for (let version = 1; version <= releases; version += 1) {
      const one = await next(top, version, published.at(-1) ?? null)
      await publish(publisher, one)
      published.push(one)
      if (published.length > 3) {
        const [oldest] = published.splice(0, 1)
        await dropped(publisher, oldest!, published)
        await disk.remove(oldest!.folder)
      }
      const running = versions.at(-1)
      const into = `${top}/op/tree`
      const bases =
        running === undefined
          ? []
          : [{ folder: running.folder, treeDigest: running.one.artifact.treeDigest }]
      await node.store.fetchTree(one.artifact, { into, bases })
      const folder = `${top}/version-${version}`
      await rename(into, folder)
      await node.store.rebuild(one.artifact, folder)
      versions.push({ one, folder })
      // what runs and what ran before stay, as a node keeps them
      if (versions.length > 2) {
        const [oldest] = versions.splice(0, 1)
        await dropped(
          node,
          oldest!.one,
          versions.map((kept) => kept.one)
        )
        await disk.remove(oldest!.folder)
      }
      sizes.push(await used(`${top}/n`))
      if (version === warm) warmBytes = resident()
    }
    const endBytes = resident()
    const last = versions.at(-1)!
    await verifyTree(disk, last.folder, last.one.artifact)
    const routes = node.log.filter(({ event }) => event === 'fetched')
    t.is(routes.filter(({ facts }) => facts?.['route'] === 'patch').length, releases - 1)

    const stored = coresOf(last.one).reduce((sum, { bytes }) => sum + bytes, 0)
    const most = Math.max(...sizes)
    const late = Math.max(...sizes.slice(warm))
    t.comment(`a release stores ${mb(stored)}, all of them ${mb(stored * releases)}`)
    t.comment(`the store of the node: most ${mb(most)}, at the end ${mb(sizes.at(-1)!)}`)
    const tens = sizes.filter((_, i) => i % 10 === 9).map(mb)
    t.comment(`every ten releases: ${tens.join(', ')}`)
    t.comment(`resident, both stores: ${mb(warmBytes)} after ${warm}, ${mb(endBytes)} at the end`)
    // Running, previous and candidate, twice: the disk comes back one release late.
    t.ok(late <= 2 * 3 * stored + 8 * MIB, `${mb(late)} of at most ${mb(6 * stored + 8 * MIB)}`)
    const early = Math.max(...sizes.slice(warm, releases / 2))
    t.ok(Math.max(...sizes.slice(releases / 2)) <= early + 2 * stored, 'and it does not grow')
    t.ok(endBytes - warmBytes < 60 * MIB, `memory grew by ${mb(endBytes - warmBytes)}`)
  }
)
