import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'brittle'
import { VERSION } from '../lib/cli/version.ts'
import * as surface from '../lib/index.ts'
import { strip } from './tools/scan.ts'

/** Names that a program may import; more than this is no longer a small surface. */
const namesMax = 25

interface PublicNames {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

function listed(): PublicNames {
  return JSON.parse(readFileSync('fixtures/public.json', 'utf8')) as PublicNames
}

/** The names in the export clauses of lib/index.ts, types apart. */
function exported(): PublicNames {
  const code = strip(readFileSync('lib/index.ts', 'utf8'), 'comments')
  const values: string[] = []
  const types: string[] = []
  for (const clause of code.matchAll(/\bexport\s+(type\s+)?\{([^}]*)\}/g)) {
    for (const part of (clause[2] ?? '').split(',')) {
      const name = part.trim()
      if (name === '') continue
      const isType = clause[1] !== undefined || name.startsWith('type ')
      const last = name.split(/\s+/).at(-1) ?? ''
      if (isType) types.push(last)
      else values.push(last)
    }
  }
  return { values: values.toSorted(), types: types.toSorted() }
}

test('the public names are those of the list, and the list is short', (t) => {
  const list = listed()
  t.alike(exported(), list)
  t.alike(Object.keys(surface).toSorted(), list.values, 'what a program finds when it runs')
  t.absent(strip(readFileSync('lib/index.ts', 'utf8'), 'comments').includes('*'), 'by name')
  const count = list.values.length + list.types.length
  t.comment(`checked ${count} public names`)
  t.ok(count >= 5 && count <= namesMax, `${count} names, at most ${namesMax}`)
})

test('both programs say the version of the package', (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  t.is(VERSION, version)
})

/** What somebody may write who has installed the package and no types of Node. */
const consumer = `
import { subscribe, OtaError, isOtaError, type Code, type Subscription } from 'upswell'

export async function follow(network: string, signal: AbortSignal): Promise<void> {
  const subscription: Subscription = subscribe({ network, folder: './upswell', signal })
  const off: () => void = subscription.on('release', ({ release }) => {
    const label: string = release.label
    const bytes: number | null = release.bytes
    void [label, bytes]
  })
  try {
    for await (const event of subscription) {
      switch (event.tag) {
        case 'release':
        case 'halted':
          break
        case 'turn':
          await subscription.fetch(event.release.id, './next')
          break
        case 'freshness': {
          const state: 'none' | 'fresh' | 'stale' | 'frozen' = event.freshness.state
          void [state, subscription.freshness().withheld]
          break
        }
        case 'brake':
        case 'attested':
          void event.release.id
          break
        case 'fetched': {
          const folder: string = event.folder
          subscription.running(event.release.id)
          void folder
          break
        }
      }
    }
  } catch (error) {
    if (isOtaError(error, 'NO_PEERS')) return
    if (error instanceof OtaError) {
      const code: Code = error.code
      void code
    }
    throw error
  } finally {
    off()
    await subscription.close()
  }
}

// @ts-expect-error an event that there is not
subscribe({ network: '', folder: '' }).on('frobnicated', () => {})
// @ts-expect-error a folder is needed
subscribe({ network: '' })
`

/** A package as npm would install it, its types only, far from the types of this repository. */
function install(folder: string): void {
  const target = join(folder, 'node_modules', 'upswell')
  mkdirSync(join(target, 'dist'), { recursive: true })
  cpSync('package.json', join(target, 'package.json'))
  cpSync(join(import.meta.dirname, '..', 'lib'), join(target, 'dist', 'lib'), {
    recursive: true,
    filter: (path) => !path.endsWith('.js') && !path.endsWith('.map')
  })
  const options = {
    target: 'es2023',
    module: 'node20',
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['main.ts'] })
  )
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
}

function compile(folder: string, source: string): { exit: number | null; output: string } {
  writeFileSync(join(folder, 'main.ts'), source)
  const tsc = join(process.cwd(), 'node_modules', '.bin', 'tsc')
  const ended = spawnSync(tsc, ['-p', folder], { encoding: 'utf8' })
  return { exit: ended.status, output: ended.stdout }
}

test('a program without the types of Node compiles against the package', async (t) => {
  const folder = await t.tmp()
  install(folder)
  const good = compile(folder, consumer)
  t.is(good.output, '')
  t.is(good.exit, 0)
  const bad = compile(folder, consumer.replace('release.label', 'release.colour'))
  t.ok(bad.output.includes('TS2339'), 'and a wrong one does not')
  t.not(bad.exit, 0)
})
