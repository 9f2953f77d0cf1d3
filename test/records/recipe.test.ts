import test from 'brittle'
import { fromHex, fromText, isOtaError } from '../../lib/base/index.ts'
import { decodeRecipe, isWithin, recipeFile, toolchainText } from '../../lib/records/index.ts'

const hash = 'ab'.repeat(32)
const least = {
  build: 1,
  toolchain: { node: '20.20.2' },
  steps: [['node', 'build.js']],
  out: 'dist'
}
const vendored = { vendor: ['vendor'], dependencies: [{ path: 'vendor/a.tgz', hash }] }

function refusal(value: unknown): string | null {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  try {
    decodeRecipe(fromText(text))
    return null
  } catch (error) {
    if (isOtaError(error, 'BAD_TREE')) return error.message
    throw error
  }
}

test('a recipe names its tools, steps, output, environment and dependencies', (t) => {
  t.alike(decodeRecipe(fromText(JSON.stringify(least))), {
    toolchain: new Map([['node', '20.20.2']]),
    steps: [['node', 'build.js']],
    out: 'dist',
    env: new Map(),
    vendor: [],
    dependencies: [],
    timeoutMs: 600_000,
    memoryBytes: 2 ** 31
  })
  const full = decodeRecipe(
    fromText(
      JSON.stringify({
        ...least,
        ...vendored,
        toolchain: { npm: '10.8.2', go: '1.23.1' },
        steps: [
          ['npm', 'ci', '--offline', '--cache', 'vendor/cache'],
          ['./tools/build', 'x=y']
        ],
        out: 'build/app',
        env: { NODE_ENV: 'production' },
        timeout: 90,
        memory: 2 ** 30,
        'x-note': 'anybody’s own'
      })
    )
  )
  t.is(toolchainText(full.toolchain), 'go 1.23.1, npm 10.8.2')
  t.alike(full.dependencies, [{ path: 'vendor/a.tgz', hash: fromHex(hash) }])
  t.alike([...full.env], [['NODE_ENV', 'production']])
  t.is(full.timeoutMs, 90_000)
})

test('a recipe that leaves anything open is refused by its place', (t) => {
  const path = (more: object): unknown => ({ ...least, ...more })
  const dependency = (...dependencies: readonly object[]): unknown =>
    path({ ...vendored, dependencies })
  const cases: readonly (readonly [unknown, string])[] = [
    ['', 'line 1'],
    ['{"build":1,"build":1}', 'key "build" twice'],
    [path({ build: 2 }), 'build: need one of 1'],
    [path({ toolchain: undefined }), 'toolchain: is missing'],
    [path({ toolchain: {} }), 'toolchain: names no program'],
    [path({ toolchain: { '../node': '1' } }), 'no name of a program'],
    [path({ toolchain: { node: '^20' } }), 'toolchain.node: "^20" does not fit'],
    [path({ toolchain: { node: '1'.repeat(32), npm: '1'.repeat(32) } }), 'at most 64 bytes'],
    [path({ steps: [] }), 'steps: names no step'],
    [path({ steps: [[]] }), 'steps[0]: names no program'],
    [path({ steps: 'make' }), 'steps: need a list'],
    [path({ steps: [['/bin/sh']] }), 'steps[0]: program "/bin/sh"'],
    [path({ steps: [['make', '../x']] }), 'leads out of the tree'],
    [path({ steps: [['make', 'O=/root']] }), null as never],
    [path({ out: '../dist' }), 'out: "../dist" is no path inside the tree'],
    [path({ out: '.' }), 'out: "." is no path inside the tree'],
    [path({ ...vendored, out: 'vendor/x' }), 'out: is, holds or lies in "vendor"'],
    [
      path({ ...vendored, vendor: ['dist/v'], dependencies: [] }),
      'out: is, holds or lies in "dist/v"'
    ],
    [path({ env: { PATH: '/x' } }), 'env.PATH: this variable is reserved'],
    [path({ env: { LD_PRELOAD: 'x' } }), 'reserved'],
    [path({ env: { 'A=B': 'x' } }), 'no name of a variable'],
    [path({ dependencies: [{ path: 'a', hash }] }), '"a" lies in no folder of vendor'],
    [dependency({ path: 'vendor/a' }), 'hash: is missing'],
    [dependency({ path: 'vendor/a', hash: hash.slice(2) }), 'does not fit'],
    [dependency({ path: 'vendor/../a', hash }), 'no path inside the tree'],
    [dependency({ path: 'vendor/a', hash }, { path: 'vendor/a', hash }), 'overlap'],
    [dependency({ path: 'vendor/a', hash }, { path: 'vendor/a/b', hash }), 'overlap'],
    [dependency({ path: 'vendor/a/b', hash }, { path: 'vendor/a', hash }), 'overlap'],
    [path({ timeout: 0 }), 'timeout: need 1 to 21600'],
    [path({ memory: 1 }), 'memory: need'],
    [path({ network: true }), 'unknown key "network"']
  ]
  for (const [value, says] of cases) {
    const said = refusal(value)
    if (says === null) t.is(said, null, 'what a step is told beside paths is its own affair')
    else
      t.ok(said?.startsWith(`${recipeFile}: `) === true && said.includes(says), `${says}: ${said}`)
  }
  t.is(refusal({ ...least, ...vendored, vendor: ['vendor', 'vendor'] }) === null, false)
})

test('a path is within a folder by whole parts', (t) => {
  t.ok(isWithin('a', 'a') && isWithin('a/b', 'a'))
  t.absent(isWithin('ab', 'a') || isWithin('a', 'a/b'))
})
