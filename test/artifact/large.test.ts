import test, { type TestContext } from 'brittle'
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { disk } from './trees.ts'
import { writeLargeTree } from '../bench/large/tree.ts'
import type { Done, Job } from '../bench/large/worker.ts'

/** Files of a small and of a large tree; `npm run bench:large` has 10,000. */
const sizes = [250, 1_500] as const
/** What a node may take, and what caches may fill while six times the tree goes through. */
const nodeBytesMax = 250e6
const growthMax = 90e6

function start(job: Job): { readonly child: ChildProcess; readonly done: Promise<Done> } {
  const worker = join(import.meta.dirname, '..', 'bench', 'large', 'worker.js')
  const child = fork(worker, [], {
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

/** The most memory that each step of a node took, one process a step. */
async function peaks(t: TestContext, files: number): Promise<Readonly<Record<string, number>>> {
  const top = await t.tmp()
  const [a, b] = [`${top}/a`, `${top}/b`]
  await writeLargeTree(a, { seed: 'test', files, version: 1 })
  await writeLargeTree(b, { seed: 'test', files, version: 2 })
  const first = (await start({ do: 'pack', folder: a }).done).artifact!
  const second = (await start({ do: 'pack', folder: b }).done).artifact!
  const releases = [
    { folder: a, patches: null, artifact: first },
    { folder: b, patches: null, artifact: second }
  ]
  const serving = start({ do: 'serve', store: `${top}/publisher`, releases })
  t.teardown(() => serving.child.kill())
  const { port = 0 } = await serving.done
  const fetching = { do: 'fetch', store: `${top}/node`, port } as const
  const base = { folder: `${top}/op-1`, treeDigest: first.treeDigest }
  const jobs: Readonly<Record<string, Job>> = {
    all: { ...fetching, artifact: first, into: `${top}/op-1`, base: null },
    changed: { ...fetching, artifact: second, into: `${top}/op-2`, base },
    verify: { do: 'verify', artifact: second, folder: `${top}/op-2` },
    rebuild: { do: 'rebuild', store: `${top}/node`, artifact: second, folder: `${top}/op-2` }
  }
  const found: Record<string, number> = {}
  for (const [name, job] of Object.entries(jobs)) found[name] = (await start(job).done).peakBytes
  for (const name of await disk.list(top)) await disk.remove(`${top}/${name}`)
  return found
}

test('what a node does with a tree stays within its memory', { timeout: 170_000 }, async (t) => {
  const [small, large] = [await peaks(t, sizes[0]), await peaks(t, sizes[1])]
  for (const [step, bytes] of Object.entries(large)) {
    const before = small[step] ?? 0
    const text = `${step}: ${(before / 1e6).toFixed(0)} MB, then ${(bytes / 1e6).toFixed(0)} MB`
    t.ok(bytes < nodeBytesMax && bytes - before < growthMax, text)
  }
})
