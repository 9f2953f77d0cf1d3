import { fork, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { assert, MIB } from '../../lib/base/index.ts'
import { realDisk } from '../../lib/host/index.ts'
import { writeLargeTree } from './large/tree.ts'
import type { Done, Job } from './large/worker.ts'

/**
 * A tree of 10,000 files and 300 MB, published and installed by real code:
 *
 *   npm run bench:large [-- --seed X] [--files N] [--patch-memory MIB] [--keep FOLDER]
 *
 * Every step is a process of its own, so that each has its own peak of memory. What a node does
 * must stay under 250 MB, the process that makes patches under `--patch-memory`; speeds depend on
 * the machine and are only shown. The solid stream alone takes minutes.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    files: { type: 'string', default: '10060' },
    'patch-memory': { type: 'string', default: '512' },
    keep: { type: 'string' }
  }
})
const nodeBytesMax = 250e6
const memoryBytes = Number(values['patch-memory']) * MIB

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function start(job: Job): { readonly child: ChildProcess; readonly done: Promise<Done> } {
  const child = fork(join(import.meta.dirname, 'large', 'worker.js'), [], {
    serialization: 'advanced',
    // as a launcher starts a daemon
    env: { MALLOC_ARENA_MAX: '2', ...process.env }
  })
  const done = new Promise<Done>((resolve, reject) => {
    child.once('message', (found: Done) => resolve(found))
    child.once('exit', (code) => reject(new Error(`${job.do} ended with ${code}`)))
  })
  child.send(job)
  return { child, done }
}

const faults: string[] = []

async function step(name: string, job: Job, bytesMax: number | null): Promise<Done> {
  const done = await start(job).done
  const { seconds, cpuS, peakBytes, facts = {} } = done
  const mb = peakBytes / 1e6
  const more = Object.entries(facts).map(([key, value]) => `${key} ${value?.toLocaleString('en')}`)
  const columns = [
    name.padEnd(34),
    `${seconds.toFixed(1)} s`.padStart(9),
    `${cpuS.toFixed(1)} s`.padStart(9),
    `${mb.toFixed(0)} MB`.padStart(8),
    bytesMax === null ? '' : peakBytes <= bytesMax ? 'met    ' : 'not met'
  ]
  say([...columns, ...more].join('  ').trimEnd())
  if (bytesMax !== null && peakBytes > bytesMax) {
    faults.push(`${name}: ${mb.toFixed(0)} MB where ${(bytesMax / 1e6).toFixed(0)} are the most`)
  }
  return done
}

async function bench(top: string): Promise<void> {
  const [a, b] = [join(top, 'a'), join(top, 'b')]
  const files = Number(values.files)
  if (values.keep === undefined || !existsSync(b)) {
    await writeLargeTree(a, { seed: values.seed, files, version: 1 })
    await writeLargeTree(b, { seed: values.seed, files, version: 2 })
  }
  say(`${'step'.padEnd(34)}  ${'wall'.padStart(9)}  ${'CPU'.padStart(9)}  ${'peak'.padStart(8)}`)
  await step('a process at rest', { do: 'rest' }, null)
  const first = (await step('publisher: pack the first', { do: 'pack', folder: a }, null)).artifact
  const output = join(top, 'patches')
  const patching = { do: 'patch', from: a, to: b, memoryBytes, output } as const
  const second = (await step('publisher: patches', patching, memoryBytes)).artifact
  assert(first !== undefined && second !== undefined, 'packing gives what is signed')
  const releases = [
    { folder: a, patches: null, artifact: first },
    { folder: b, patches: output, artifact: second }
  ]
  const serving = start({ do: 'serve', store: join(top, 'publisher'), releases })
  try {
    const { port = 0 } = await serving.done
    await node(top, port, { first, second })
  } finally {
    serving.child.kill()
  }
}

async function node(
  top: string,
  port: number,
  { first, second }: Readonly<Record<'first' | 'second', NonNullable<Done['artifact']>>>
): Promise<void> {
  const store = join(top, 'node')
  const old = join(top, 'op-1')
  const fetching = { do: 'fetch', store, port } as const
  await step(
    'node: fetch all, by chunks',
    { ...fetching, artifact: first, into: old, base: null },
    nodeBytesMax
  )
  const base = { folder: old, treeDigest: first.treeDigest }
  const now = join(top, 'op-2')
  await step(
    'node: fetch and patch',
    { ...fetching, artifact: second, into: now, base },
    nodeBytesMax
  )
  const byChunks = { ...second, patch: null }
  const other = join(top, 'op-3')
  const again = { ...fetching, store: join(top, 'node-3'), artifact: byChunks, into: other, base }
  await step('node: fetch what changed, by chunks', again, nodeBytesMax)
  const solid = { ...fetching, store: join(top, 'node-4'), artifact: second, base: null }
  await step('node: fetch all, cheapest way', { ...solid, into: join(top, 'op-4') }, nodeBytesMax)
  const verify = { do: 'verify', artifact: second, folder: now } as const
  await step('node: verify', verify, nodeBytesMax)
  const rebuild = { do: 'rebuild', store, artifact: second, folder: now } as const
  await step('node: make its core whole', rebuild, nodeBytesMax)
}

const top = values.keep ?? (await mkdtemp(join(tmpdir(), 'large-')))
try {
  await bench(top)
} finally {
  if (values.keep === undefined) await realDisk().remove(top)
}
say(faults.length === 0 ? 'ok' : `not ok: ${faults.join('; ')}`)
process.exitCode = faults.length === 0 ? 0 : 1
