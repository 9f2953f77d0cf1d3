import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'brittle'
import { equal, isOtaError, OtaError, toHex } from '../../lib/base/index.ts'
import {
  buildSource,
  closeWorkshop,
  makeBundle,
  openSource,
  packBuilt,
  realDisk,
  type BundleFrom,
  type OpenSource,
  type Workshop
} from '../../lib/host/index.ts'
import { recipeFile } from '../../lib/records/index.ts'
import { findTools, hasVersion } from '../../lib/host/source/toolchain.ts'
import {
  buildScript,
  git,
  hasGit,
  jail,
  layFiles,
  layRepository,
  recipe,
  sourceFiles,
  type Files
} from './sources.ts'

const disk = realDisk()
/** Containers and hardened kernels permit no namespaces; without git there is nothing to open. */
const skip = jail === null || !hasGit

let count = 0

/** A workshop below `folder` that nobody used. */
function shopIn(folder: string): Workshop {
  if (jail === null) throw new Error('no jail')
  return { disk, jail, folder: join(folder, `shop-${count++}`) }
}

async function bundled(folder: string, from: BundleFrom): Promise<string> {
  const file = join(folder, `bundle-${count++}`)
  await makeBundle(from, { file, scratch: join(folder, `scratch-${count++}`) })
  return file
}

async function opened(shop: Workshop, folder: string, files: Files): Promise<OpenSource> {
  const source = join(folder, `source-${count++}`)
  layFiles(source, files)
  return await openSource(shop, await bundled(folder, { tag: 'folder', folder: source }), null)
}

async function errorOf(run: () => Promise<unknown>): Promise<OtaError> {
  try {
    await run()
  } catch (error) {
    if (isOtaError(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** How a build of these files ends. */
async function builds(folder: string, files: Files): Promise<OtaError | string> {
  const shop = shopIn(folder)
  const source = await opened(shop, folder, { ...sourceFiles, ...files })
  try {
    return await buildSource(shop, source)
  } catch (error) {
    if (isOtaError(error)) return error
    throw error
  }
}

test('two builds in two folders give one digest', { skip }, async (t) => {
  const folder = await t.tmp()
  const repository = join(folder, 'repository')
  const commit = layRepository(repository, sourceFiles)
  const digests: string[] = []
  for (const place of ['one', 'another/and deeper']) {
    mkdirSync(join(folder, place), { recursive: true })
    const bundle = await bundled(folder, { tag: 'git', repository, name: 'v1' })
    const shop = shopIn(join(folder, place))
    const source = await openSource(shop, bundle, null)
    t.is(source.facts.commit, commit)
    t.is(source.facts.toolchain, `node ${process.versions.node}`)
    const out = await buildSource(shop, source)
    t.alike(readdirSync(out).toSorted(), ['main.js', 'ota.json'])
    digests.push(toHex((await packBuilt(disk, out, 'linux-x64')).treeDigest))
    const seconds = Number(git(repository, 'show', '--no-patch', '--format=%ct', commit))
    const built = readFileSync(join(out, 'main.js'), 'utf8')
    t.ok(built.includes(`// ${seconds}/build${seconds * 1_000}test`), 'dates, path, environment')
  }
  t.is(digests[0], digests[1])
})

test(
  'a folder gives the same commit wherever it lies, and what was signed is held',
  { skip },
  async (t) => {
    const folder = await t.tmp()
    const one = await opened(shopIn(folder), folder, sourceFiles)
    const two = await opened(shopIn(folder), folder, sourceFiles)
    t.is(one.facts.commit, two.facts.commit)
    t.ok(equal(one.facts.listingHash, two.facts.listingHash))
    const bundle = await bundled(folder, { tag: 'folder', folder: join(folder, 'source-1') }).catch(
      async () => await bundled(folder, { tag: 'folder', folder: one.checkout.tree })
    )
    const { facts } = await openSource(shopIn(folder), bundle, null)
    await openSource(shopIn(folder), bundle, facts)
    const other = new Uint8Array(32).fill(7)
    for (const [field, value] of Object.entries({
      bundleHash: other,
      commit: '0'.repeat(40),
      listingHash: other,
      recipeHash: other,
      toolchain: 'node 1.0.0'
    })) {
      const signed = { ...facts, [field]: value }
      const error = await errorOf(() => openSource(shopIn(folder), bundle, signed))
      t.is(error.code, 'HASH_MISMATCH', field)
    }
  }
)

test('what a build tries beside building has no effect', { skip }, async (t) => {
  const folder = await t.tmp()
  writeFileSync(join(folder, 'outside'), 'mine\n')
  const tries = `const fs = require('fs'), net = require('net')
const tried = (name, deed) => { try { deed(); console.log('DID ' + name) } catch (e) {} }
for (const path of ['/root', '/home', '${folder}', '/etc/shadow', '/etc/ssh', '/var', '/run'])
  tried('read ' + path, () => {
    if (fs.statSync(path).isDirectory()) fs.readdirSync(path)
    else fs.readFileSync(path)
  })
for (const path of ['/x', '/usr/x', '/etc/x', '${folder}/outside', '/build/../x', '/proc/sys/x'])
  tried('write ' + path, () => fs.writeFileSync(path, 'yours'))
tried('key', () => fs.readFileSync(process.env.HOME + '/.config/upswell/keys/a'))
tried('kill', () => process.kill(${process.pid}, 0))
fs.symlinkSync('/', 'dist-link')
for (const [port, host] of [[80, '127.0.0.1'], [53, '1.1.1.1']])
  net.connect(port, host).on('connect', () => console.log('DID connect')).on('error', () => {})
require('dns').resolve('example.org', (e) => { if (!e) console.log('DID resolve') })
process.on('exit', (code) => { process.exitCode = 9 })
`
  const ended = await builds(folder, { 'build.js': tries })
  t.ok(ended instanceof OtaError)
  const { code, message, facts } = ended as OtaError
  t.is(code, 'CANNOT_BUILD')
  t.is(message, 'step 1 of 1 (node build.js) ended with 9')
  t.absent(String(facts['output']).includes('DID'), String(facts['output']).slice(0, 400))
  t.is(readFileSync(join(folder, 'outside'), 'utf8'), 'mine\n')
})

const bad = { skip, timeout: 60_000 }

test('a build that fails, hangs, forks, floods or leaves no tree cannot build', bad, async (t) => {
  const folder = await t.tmp()
  const cases: readonly (readonly [string, Files, RegExp])[] = [
    ['fails', { 'build.js': 'console.log("why it is so"); process.exit(3)' }, /ended with 3$/],
    [
      'hangs',
      { 'build.js': 'setInterval(() => 1, 1e6)', [recipeFile]: recipe({ timeout: 1 }) },
      /took longer than 1 s$/
    ],
    [
      'forks for ever',
      {
        'build.sh': 'f() { f | f & }; f; sleep 1000\n',
        [recipeFile]: recipe({ timeout: 1, steps: [['sh', 'build.sh']] })
      },
      /step 1 of 1/
    ],
    [
      'prints a gigabyte',
      {
        'build.sh': 'head -c 1000000000 /dev/zero\n',
        [recipeFile]: recipe({ steps: [['sh', 'build.sh']] })
      },
      /printed more than 4194304 bytes$/
    ],
    [
      'takes all memory',
      {
        'build.js': 'const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))',
        [recipeFile]: recipe({ memory: 300_000_000 })
      },
      /ended with/
    ],
    ['leaves nothing', { 'build.js': '' }, /leave the folder "dist": it is not there$/],
    [
      'leaves a link to elsewhere',
      { 'build.js': 'require("fs").symlinkSync("/usr", "dist")' },
      /it is link$/
    ],
    ['asks for a shell', { [recipeFile]: recipe({ steps: [['no-such-tool']] }) }, /ended with 127$/]
  ]
  for (const [name, files, says] of cases) {
    const ended = await builds(folder, files)
    t.is(ended instanceof OtaError && ended.code, 'CANNOT_BUILD', name)
    t.ok(says.test((ended as OtaError).message), (ended as OtaError).message)
  }
  const fifo = await builds(folder, {
    [recipeFile]: recipe({
      steps: [
        ['mkdir', 'dist'],
        ['mkfifo', 'dist/pipe']
      ]
    })
  })
  const error = await errorOf(() => packBuilt(disk, String(fifo), 'linux-x64'))
  t.is(error.code, 'CANNOT_BUILD')
  t.ok(error.message.includes('"pipe" is a device, fifo or socket'))
})

test(
  'other tools than the recipe names are no attack, and nothing is built',
  { skip },
  async (t) => {
    const folder = await t.tmp()
    const marker = 'require("fs").writeFileSync("ran", "")'
    for (const [toolchain, says] of [
      [{ node: '1.2.3' }, /^node here is "v[\d.]+", the recipe needs 1.2.3$/],
      [{ 'no-such-tool': '1' }, /^no-such-tool is not on this machine, need 1$/]
    ] as const) {
      const shop = shopIn(folder)
      const files = { ...sourceFiles, 'build.js': marker, [recipeFile]: recipe({ toolchain }) }
      const source = await opened(shop, folder, files)
      const error = await errorOf(() => buildSource(shop, source))
      t.is(error.code, 'CANNOT_BUILD')
      t.ok(says.test(error.message), error.message)
      t.absent(existsSync(join(shop.folder, 'tree/ran')))
    }
    t.ok(hasVersion('go version go1.23.1 linux/amd64', '1.23.1'))
    t.ok(hasVersion('v20.20.2\n', '20.20.2'))
    t.ok(hasVersion('cc (Debian 12.2.0-14) 12.2.0.\n', '12.2.0'))
    for (const text of ['v20.20.20', 'v120.20.2', 'v20.20.2-rc1', '20.20.2.1', 'v20x20y2']) {
      t.absent(hasVersion(text, '20.20.2'), text)
    }
    t.alike((await findTools(process.execPath, '/')).places, [], 'a home is never shown')
  }
)

test('a repository that is no plain source is refused', { skip }, async (t) => {
  const folder = await t.tmp()
  const refusal = async (files: Files): Promise<OtaError> =>
    await errorOf(async () => await opened(shopIn(folder), folder, files))
  const filter = { ...sourceFiles, 'deep/.gitattributes': '# x\n*.bin filter=lfs diff=lfs -text\n' }
  t.ok(/"deep\/.gitattributes" names a filter/.test((await refusal(filter)).message))
  const none: Record<string, string> = { ...sourceFiles }
  delete none[recipeFile]
  t.is((await refusal(none)).code, 'BAD_TREE', 'without a recipe')
  t.is((await refusal({ ...sourceFiles, [recipeFile]: '{"build":1}' })).code, 'BAD_TREE')

  const repository = join(folder, 'repository')
  layRepository(repository, sourceFiles)
  const inner = join(repository, 'inner')
  layRepository(inner, { x: 'x' })
  git(repository, 'add', 'inner')
  git(repository, 'commit', '--quiet', '--message', 'two')
  const bundle = await bundled(folder, { tag: 'git', repository, name: null })
  const sub = await errorOf(() => openSource(shopIn(folder), bundle, null))
  t.ok(/"inner" is a submodule/.test(sub.message), sub.message)

  const bytes = readFileSync(await bundled(folder, { tag: 'git', repository, name: 'v1' }))
  bytes[bytes.length - 40]! ^= 1
  writeFileSync(join(folder, 'damaged'), bytes)
  const damaged = await errorOf(() => openSource(shopIn(folder), join(folder, 'damaged'), null))
  t.is(damaged.code, 'CANNOT_BUILD')
  writeFileSync(join(folder, 'no bundle'), 'hello')
  const text = await errorOf(() => openSource(shopIn(folder), join(folder, 'no bundle'), null))
  t.is(text.code, 'CANNOT_BUILD')
  const missing = await errorOf(() => bundled(folder, { tag: 'git', repository, name: 'v9' }))
  t.alike([missing.code, missing.message], ['USAGE', `${repository} has no tag "v9" to bundle`])
  t.is(
    (await errorOf(() => bundled(folder, { tag: 'git', repository: folder, name: null }))).code,
    'USAGE'
  )
})

test('what a build leaves so that nobody could remove it is removed', { skip }, async (t) => {
  const folder = await t.tmp()
  const shop = shopIn(folder)
  const deep = `const fs = require('fs')
fs.mkdirSync('shut/in', { recursive: true })
fs.chmodSync('shut', 0)
for (let i = 0; i < 60; i++) {
  fs.mkdirSync('x'.repeat(200))
  process.chdir('x'.repeat(200))
}
`
  const source = await opened(shop, folder, { ...sourceFiles, 'build.js': deep })
  const { message } = await errorOf(() => buildSource(shop, source))
  t.ok(message.includes('it is not there'), message)
  await closeWorkshop(shop)
  t.absent(existsSync(shop.folder))
})

test('nothing of a repository is run when it is bundled or opened', { skip }, async (t) => {
  const folder = await t.tmp()
  const repository = join(folder, 'repository')
  const marker = join(folder, 'ran')
  const files = {
    ...sourceFiles,
    '.gitattributes': '*.js text eol=crlf ident\n',
    'id.js': '$Id$\n'
  }
  layRepository(repository, files)
  const hook = `#!/bin/sh\ntouch ${marker}\n`
  for (const name of [
    'post-checkout',
    'pre-commit',
    'post-index-change',
    'reference-transaction'
  ]) {
    writeFileSync(join(repository, '.git/hooks', name), hook, { mode: 0o755 })
  }
  git(repository, 'config', 'core.fsmonitor', join(repository, '.git/hooks/pre-commit'))
  const shop = shopIn(folder)
  const bundle = await bundled(folder, { tag: 'git', repository, name: 'v1' })
  const source = await openSource(shop, bundle, null)
  t.is(readFileSync(join(source.checkout.tree, 'id.js'), 'utf8'), '$Id$\n', 'bytes as committed')
  t.is(readFileSync(join(source.checkout.tree, 'build.js'), 'utf8'), buildScript)
  t.absent(existsSync(marker))
})

test('without git nothing is opened', { skip: jail === null }, async (t) => {
  const folder = await t.tmp()
  writeFileSync(join(folder, 'bundle'), '# v2 git bundle\n')
  const shop = { ...shopIn(folder), git: 'git-that-is-not-here' }
  const error = await errorOf(() => openSource(shop, join(folder, 'bundle'), null))
  t.alike([error.code, error.message], ['CANNOT_BUILD', 'git is not on this machine'])
  const from = { tag: 'folder', folder } as const
  const options = { file: join(folder, 'b'), scratch: join(folder, 's'), git: 'no-such-git' }
  t.is((await errorOf(() => makeBundle(from, options))).code, 'CANNOT_BUILD')
})
