import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Shipped } from '../demo/releases.ts'

/** What the packager of Verdaccio adds to it: a start, a check, a migration. */
const added = join(process.cwd(), 'fixtures', 'acceptance')

/** A version of Verdaccio in the registry, and the form in which it keeps its secret. */
export interface Version {
  readonly version: string
  readonly schema: 1 | 2
}

/** The last of these asks for a later Node than 20, and ends at once where there is none. */
export const versions: readonly Version[] = [
  { version: '5.0.4', schema: 1 },
  { version: '6.5.0', schema: 2 },
  { version: '6.10.4', schema: 2 }
]

const run = promisify(execFile)

/** Says why the registry cannot be asked; null if it can. */
export async function whyNoRegistry(): Promise<string | null> {
  const [{ version } = { version: '' }] = versions
  const patience = ['--fetch-retries=0', '--fetch-timeout=15000']
  try {
    await run('npm', ['view', `verdaccio@${version}`, 'version', ...patience], { timeout: 30_000 })
    return null
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string }
    return /npm (?:error|ERR!) (?!code)(.+)/.exec(stderr)?.[1] ?? message
  }
}

/** Installs one version below `root`, as a tree that can be shipped. */
export async function layVersion(root: string, { version, schema }: Version): Promise<Shipped> {
  const folder = join(root, version)
  await mkdir(folder, { recursive: true })
  // one of the versions asks for a tag of node-fetch that not every mirror of the registry keeps
  const about = { name: 'verdaccio-shipped', private: true, overrides: { 'node-fetch': '2' } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(about))
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-bin-links']
  const only = ['--omit=dev', '--omit=optional', '--engine-strict=false']
  await run('npm', ['install', `verdaccio@${version}`, ...quiet, ...only], {
    cwd: folder,
    timeout: 300_000
  })
  await prune(join(folder, 'node_modules'))
  await cp(added, folder, { recursive: true })
  await writeFile(join(folder, 'ota.json'), JSON.stringify(otaJson(version, schema), null, 2))
  return { label: version, folder }
}

/** Takes away what no program reads when it runs: maps, types, texts. It is a third of the tree. */
async function prune(modules: string): Promise<void> {
  const entries = await readdir(modules, { recursive: true, withFileTypes: true })
  const idle = /\.(map|[cm]?ts|flow|md|markdown)$/i
  for (const entry of entries) {
    if (entry.isFile() && idle.test(entry.name)) await rm(join(entry.parentPath, entry.name))
  }
}

function otaJson(version: string, schema: 1 | 2): object {
  const kinds = { packages: { is: 'durable' }, people: { is: 'durable' } }
  return {
    ota: 1,
    name: 'verdaccio',
    version,
    start: ['node', 'start.cjs', '${PORT}', '{state}'],
    startTimeout: 20,
    listen: [{ name: 'http', default: '127.0.0.1:4873' }],
    health: { probe: { http: 'http:/-/ping' }, interval: 0.5, badFor: 5 },
    handover: { class: 'exclusive', proxy: 'hold', warm: 2, observe: 1, drainMax: 5 },
    state: { class: 'snapshot', schema, ...(schema === 2 && { from: [1] }), kinds },
    ...(schema === 2 && { migrate: { run: ['node', 'migrate.cjs'], timeout: 60 } }),
    check: { run: ['node', 'check.cjs', String(schema)], timeout: 30 },
    // a shadow would refuse the third before it ever took charge: here it is to be taken back
    shadow: { policy: 'off' },
    network: { policy: 'off' }
  }
}
