import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'brittle'
import { packTree, verifyTree } from '../../lib/artifact/index.ts'
import { fromText, isOtaError, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  buildRelease,
  makeBundle,
  realDisk,
  SourceBuilder,
  type BundleFrom,
  type Workshop
} from '../../lib/host/index.ts'
import { recipeFile, type Artifact, type Source } from '../../lib/records/index.ts'
import { offerFor } from '../../lib/rollout/index.ts'
import { hash } from '../../lib/trust/index.ts'
import { needJail, packSource } from '../../lib/publish/index.ts'
import { InsideDesk, stretchLess } from '../cli/inside.ts'
import type { Ended, Line } from '../cli/signers.ts'
import {
  git,
  hasGit,
  jail,
  layFiles,
  layRepository,
  recipe,
  sourceFiles,
  vendored,
  type Files
} from '../host/sources.ts'

const disk = realDisk()
const platform = `${process.platform}-${process.arch}`
/** Containers and hardened kernels permit no namespaces; without git there is nothing to open. */
const skip = jail === null || !hasGit
const slow = { skip, timeout: 60_000 }

stretchLess()

/** The last line of a command that prints JSON. */
const last = (ended: Ended): Line | undefined => ended.lines.at(-1)

let count = 0

function shopIn(folder: string, more: Partial<Workshop> = {}): Workshop {
  if (jail === null) throw new Error('no jail')
  return { disk, jail, folder: join(folder, `shop-${count++}`), ...more }
}

async function bundled(folder: string, from: BundleFrom): Promise<string> {
  const file = join(folder, `bundle-${count++}`)
  await makeBundle(from, { file, scratch: join(folder, `scratch-${count++}`) })
  return file
}

interface Signed {
  readonly repository: string
  readonly bundle: string
  readonly source: Source
  /** The tree that the signers released: what a build of the source gives. */
  readonly artifact: Artifact
}

/** A release with its source: a repository, the bundle of its tag, and the tree it gives. */
async function signedIn(folder: string, files: Files = sourceFiles): Promise<Signed> {
  const repository = join(folder, 'repository')
  layRepository(repository, files)
  const bundle = await bundled(folder, { tag: 'git', repository, name: 'v1' })
  const shop = shopIn(folder)
  // Cast: the desk's disk alone is used to open a bundle.
  const desk = { disk } as Parameters<typeof packSource>[0]
  const { source } = await packSource(desk, { bundle, folder: shop.folder, jail: shop.jail })
  const seconds = Number(git(repository, 'show', '--no-patch', '--format=%ct', source.commit))
  const released = join(folder, 'released')
  layFiles(released, {
    'main.js': `${vendored}// ${seconds}/build${seconds * 1_000}test\n`,
    'ota.json': files['ota.json'] ?? ''
  })
  const pack = await packTree(disk, released, platform)
  const { treeDigest, entries, bytes, core } = pack
  const artifact = { component: '', platform, treeDigest, entries, bytes, tree: core, patch: null }
  return { repository, bundle, source, artifact }
}

/** How a node's build ends: `built`, or the code; nothing may be left of one that is not. */
async function outcome(
  folder: string,
  signed: Signed,
  more: { readonly bundle?: string; readonly artifact?: Artifact; readonly git?: string } = {}
): Promise<string> {
  const into = join(folder, `into-${count++}`)
  const { git: program = 'git', ...order } = more
  const shop = shopIn(folder, { git: program })
  try {
    await buildRelease(shop, { ...signed, ...order, into })
    await verifyTree(disk, into, signed.artifact)
    if (existsSync(shop.folder)) return 'workshop left'
    return 'built'
  } catch (error) {
    if (!isOtaError(error)) throw error
    if (existsSync(into) || existsSync(shop.folder)) return `${error.code}, and something is left`
    return error.code
  }
}

test(
  'S52 a source gives the signed tree, by the door of every tree, in any folder',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const signed = await signedIn(folder)
    t.is(await outcome(folder, signed), 'built')
    mkdirSync(join(folder, 'a/deep er/place'), { recursive: true })
    t.is(await outcome(join(folder, 'a/deep er/place'), signed), 'built')
  }
)

test(
  'S52 a moved tag, or other bytes for the same commit, are refused before git sees them',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const signed = await signedIn(folder)
    const { repository } = signed
    writeFileSync(join(repository, 'build.js'), 'console.log("other")\n')
    git(repository, 'commit', '--quiet', '--all', '--message', 'two')
    git(repository, 'tag', '--force', '--annotate', '--message', 'v1', 'v1')
    const moved = await bundled(folder, { tag: 'git', repository, name: 'v1' })
    t.is(await outcome(folder, signed, { bundle: moved }), 'HASH_MISMATCH')
    // even one who signed the hash of that bundle signed another commit
    const { source } = signed
    const hashed = { ...source, bundleHash: hash([readFileSync(moved)]) }
    t.is(await outcome(folder, { ...signed, source: hashed }, { bundle: moved }), 'HASH_MISMATCH')
    const bytes = Uint8Array.from(readFileSync(signed.bundle))
    bytes[bytes.byteLength - 1]! ^= 1
    writeFileSync(join(folder, 'changed'), bytes)
    t.is(await outcome(folder, signed, { bundle: join(folder, 'changed') }), 'HASH_MISMATCH')
  }
)

test('S52 a failed build, other tools, no git and no jail run nothing', slow, async (t) => {
  const folder = await t.tmp()
  const failing = await signedIn(join(folder, 'a'), {
    ...sourceFiles,
    'build.js': 'process.exit(1)'
  })
  t.is(await outcome(folder, failing), 'CANNOT_BUILD')
  const tools = recipe({ toolchain: { node: '1.0.0' } })
  const other = await signedIn(join(folder, 'b'), { ...sourceFiles, [recipeFile]: tools })
  t.is(await outcome(folder, other), 'CANNOT_BUILD')
  t.is(await outcome(folder, other, { git: 'no-git-here' }), 'CANNOT_BUILD')
  const path = process.env['PATH']
  const shop = {
    ...shopIn(folder),
    jail: { kind: 'unshare' as const, path: '/nonexistent', system: { readOnly: [], links: [] } }
  }
  try {
    await buildRelease(shop, { ...failing, into: join(folder, 'into') })
    t.fail('built without a jail')
  } catch (error) {
    t.ok(isOtaError(error, 'CANNOT_BUILD'))
  }
  t.is(process.env['PATH'], path)
  t.absent(existsSync(join(folder, 'into')))
})

test(
  'S52 another tree than the signed one is reported with both digests and never run',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const signed = await signedIn(folder)
    const treeDigest = new Uint8Array(32).fill(9)
    const artifact = { ...signed.artifact, treeDigest }
    const into = join(folder, 'into')
    try {
      await buildRelease(shopIn(folder), { ...signed, artifact, into })
      t.fail('another tree was taken')
    } catch (error) {
      t.ok(isOtaError(error, 'BUILD_MISMATCH'))
      const { facts, message } = error as { facts: Record<string, unknown>; message: string }
      const [have, need] = [toHex(signed.artifact.treeDigest), toHex(treeDigest)]
      t.alike([facts['have'], facts['need']], [have, need])
      t.ok(message.includes(have) && message.includes(need))
    }
    t.absent(existsSync(into))
  }
)

test('S52 a node that builds gets the signed tree from the blocks of a source', slow, async (t) => {
  const folder = await t.tmp()
  const signed = await signedIn(folder)
  const own = join(folder, 'tmp/7/tree')
  const order = { ...signed, folder: `${own}.source`, into: own }
  const blocks = readBlocks(signed.bundle)
  await new SourceBuilder(disk).build({ ...order, blocks })
  await verifyTree(disk, own, signed.artifact)
  t.alike(readdirSync(`${own}.source`), ['bundle'], 'of the workshop nothing is left')

  const again = { ...order, folder: join(folder, 'again'), into: join(folder, 'other') }
  const treeDigest = new Uint8Array(32).fill(9)
  const artifact = { ...signed.artifact, treeDigest }
  const other = { ...again, artifact, blocks: readBlocks(signed.bundle) }
  t.is(await endOf(new SourceBuilder(disk).build(other)), 'BUILD_MISMATCH')
  const long = { ...again, folder: join(folder, 'long'), blocks: readBlocks(signed.bundle, 2) }
  t.is(await endOf(new SourceBuilder(disk).build(long)), 'LENGTH_EXCEEDED')
  const away = new SourceBuilder(disk, { path: '/nonexistent' })
  t.is(await endOf(away.check()), 'CANNOT_BUILD')
  t.is(await endOf(away.build({ ...again, blocks: readBlocks(signed.bundle) })), 'CANNOT_BUILD')
  t.absent(existsSync(again.into))
})

async function endOf(deed: Promise<void>): Promise<string> {
  return await deed.then(
    () => 'built',
    (error: unknown) => (isOtaError(error) ? error.code : String(error))
  )
}

/** The bundle as a core gives it, so many times. */
async function* readBlocks(file: string, times = 1): AsyncGenerator<Bytes> {
  for (let i = 0; i < times; i += 1) yield new Uint8Array(await disk.readAt(file, 0, 1e9))
}

test(
  'S53 a dependency that is changed, added or gone stops before anything is run',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const ran = 'require("fs").writeFileSync("ran", "")'
    const lock = { lockfileVersion: 3, packages: {} }
    const drifts: readonly (readonly [string, Files])[] = [
      ['changed', { 'vendor/hello.js': `${vendored} ` }],
      ['added', { 'vendor/more.js': 'module.exports = 1\n' }],
      ['added elsewhere', { 'lib/node_modules/more/index.js': 'module.exports = 1\n' }],
      ['gone', { [recipeFile]: gone() }],
      ['listed as a folder', { [recipeFile]: asFolder(new Uint8Array(32)) }]
    ]
    for (const [name, files] of drifts) {
      const own = join(folder, name.replaceAll(' ', '-'))
      const all = {
        ...sourceFiles,
        'build.js': ran,
        'package-lock.json': JSON.stringify(lock),
        ...files
      }
      try {
        await signedIn(own, all)
        t.fail(name)
      } catch (error) {
        t.ok(isOtaError(error, 'DEPENDENCY_DRIFT'), name)
        t.ok(isOtaError(error) && 'path' in error.facts && 'need' in error.facts)
      }
      const left = readdirSync(own, { recursive: true, encoding: 'utf8' })
      t.absent(
        left.some((path) => path.endsWith('/ran')),
        'nothing ran'
      )
    }
    const listed = { ...sourceFiles, [recipeFile]: asFolder(await folderHash(folder)) }
    t.is(await outcome(folder, await signedIn(join(folder, 'whole'), listed)), 'built')
  }
)

test('S52 a source without a signed tree for this platform is not for this machine', (t) => {
  const { artifact, code, text } = offerFor([], 'linux-x64')
  t.alike([artifact, code], [null, 'NOT_ELIGIBLE'])
  t.is(text, 'linux-x64, offered: a source alone, of which no tree is signed')
})

/** What the recipe lists is not in the source. */
function gone(): string {
  const own = { path: 'vendor/hello.js', hash: toHex(hash([fromText(vendored)])) }
  const away = { path: 'vendor/away.tgz', hash: '00'.repeat(32) }
  return recipe({ dependencies: [own, away] })
}

function asFolder(digest: Bytes): string {
  return recipe({ dependencies: [{ path: 'vendor', hash: toHex(digest) }] })
}

async function folderHash(folder: string): Promise<Bytes> {
  layFiles(join(folder, 'as-folder'), { 'hello.js': vendored })
  return (await packTree(disk, join(folder, 'as-folder'))).treeDigest
}

test('S52 S53 signers review a source, and a builder attests what it gives', slow, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const sure = ['--json', '-y'] as const
  await desk.found(['a'], '--builder', 'acme=file:a.card', '--attest', '1')
  const repository = desk.file('repository')
  const commit = layRepository(repository, sourceFiles)
  const tag = ['--git', repository, '--tag', 'v1']
  await desk.must('a', 'pack', ...tag, '--into', 'file:tree', '-o', 'file:app.source')
  await desk.must('a', 'pack', 'file:tree', '-o', 'file:r1.pack')
  const kind = ['--channel', 'stable', '--kind', 'code', '-o', 'file:r1.req']
  const alone = await desk.run('a', 'propose', 'file:app.source', ...kind, ...sure)
  t.is(alone.exit, 2, 'a source alone signs no tree')
  const files = ['file:r1.pack', 'file:app.source']
  const { release } = await desk.must('a', 'propose', ...files, ...kind)
  const review = await desk.run('a', 'review', 'file:r1.req')
  for (const line of [`source commit ${commit}`, 'step 1: node build.js', 'vendor/hello.js  ']) {
    t.ok(review.stdout.includes(line), line)
  }
  const answers = await desk.sign('r1', 'a')
  await desk.must('a', 'commit', 'file:r1.req', ...answers, '--alone')

  const attest = ['attest', String(release).slice(0, 8), '--recipe', '--alone']
  const said = await desk.run('a', ...attest, ...sure)
  t.is(said.exit, 0, said.stderr)
  const { data } = last(said)!
  t.is(data['equal'], true)
  t.ok(typeof data['recipe'] === 'string')
  const both = await desk.run('a', ...attest, '--build', 'file:tree', ...sure)
  t.is(both.exit, 2)
  t.is((await needJail()).kind, jail?.kind)

  // the bundle is gone from the desk: it comes from the core that the release names
  const packs = join(desk.person('a').home, 'packs')
  for (const name of readdirSync(packs).filter((one) => one.endsWith('.bundle'))) {
    await disk.remove(join(packs, name))
  }
  const again = await desk.run('a', ...attest, ...sure)
  t.is(again.exit, 0, again.stderr)
})

test('S53 a publisher cannot bundle what drifted', slow, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  layFiles(desk.file('source'), { ...sourceFiles, 'vendor/more.js': 'x\n' })
  const ended = await desk.run('a', 'pack', '--source', 'file:source', '-o', 'file:x', '--json')
  t.is(ended.exit, 15)
  t.is(last(ended)?.code, 'DEPENDENCY_DRIFT')
  t.absent(existsSync(desk.file('x')))
  for (const words of [
    ['--tag', 'v1'],
    ['--source', 'file:source', '--git', 'file:source'],
    ['file:source', '--source', 'file:source'],
    ['--into', 'file:y']
  ]) {
    t.is((await desk.run('a', 'pack', ...words, '--json')).exit, 2, words.join(' '))
  }
})
