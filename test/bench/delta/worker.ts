import { cp, lstat, mkdir, readdir, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { packTree } from '../../../lib/artifact/index.ts'
import { toHex } from '../../../lib/base/index.ts'
import { realDisk } from '../../../lib/host/index.ts'
import { measureApplying } from './applying.ts'
import { measureFetching } from './fetching.ts'
import { measureMaking } from './making.ts'

/**
 * One measurement in a process of its own, so that its memory and its CPU are its own. Printed as
 * one line of JSON.
 *
 *   node worker.js make|apply|fetch|pack|copy FOLDER...
 */
const [deed = '', ...folders] = process.argv.slice(2)
const [one = '', two = '', three = '', four = ''] = folders

async function measured(): Promise<unknown> {
  switch (deed) {
    case 'make':
      return await measureMaking({ old: one, now: two, patch: three })
    case 'apply':
      return await measureApplying({ old: one, now: two, patch: three, into: four })
    case 'fetch':
      return await measureFetching({ old: one, now: two, scratch: three, hasPatches: four === '' })
    case 'pack':
      return await packed(one)
    case 'copy':
      return await copied(one, two)
    default:
      throw new Error(`no measurement named ${deed}`)
  }
}

async function packed(folder: string): Promise<{ digest: string; key: string; node: string }> {
  const pack = await packTree(realDisk(), folder, 'linux-x64')
  const { version } = process
  return { digest: toHex(pack.treeDigest), key: toHex(pack.core.key), node: version }
}

/** The same tree, made in the other order, with other times and under another umask. */
async function copied(from: string, to: string): Promise<null> {
  process.umask(0o027)
  await mkdir(to)
  const names = (await readdir(from, { recursive: true })).toSorted().toReversed()
  for (const name of names) {
    const stat = await lstat(join(from, name))
    const folder = stat.isDirectory() ? name : dirname(name)
    await mkdir(join(to, folder), { recursive: true })
    if (!stat.isDirectory()) await cp(join(from, name), join(to, name), { verbatimSymlinks: true })
    if (stat.isFile()) await utimes(join(to, name), 1_000_000, 2_000_000)
  }
  return null
}

process.stdout.write(`${JSON.stringify(await measured())}\n`)
