import test, { type TestContext } from 'brittle'
import { equal, fromText, type Bytes, type Facts } from '../../lib/base/index.ts'
import type { FetchTreeOptions, Progress } from '../../lib/feed/index.ts'
import type { Event } from '../../lib/cutover/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import { Trees } from '../../lib/node/trees.ts'
import type { Artifact, CoreRef } from '../../lib/records/index.ts'
import { toName, type KnownRelease } from '../../lib/trust/index.ts'
import { drivenClock } from '../feed/driven.ts'
import { disk } from '../artifact/trees.ts'

const id = (n: number): Bytes => new Uint8Array(32).fill(n)
const name = (n: number): string => toName(id(n))
const core = (n: number): CoreRef => ({ key: id(n), blocks: 4, bytes: 1_000 })

/** The artifact of release `n`; release 9 has the tree of release 1 again. */
function artifact(n: number): Artifact {
  const tree = n === 9 ? 1 : n
  const sizes = { entries: 1, bytes: 10, tree: core(tree), patch: core(100 + n) }
  return { component: '', platform: 'linux-x64', treeDigest: id(50 + tree), ...sizes }
}

interface Given {
  readonly progress?: readonly Progress[]
  readonly error?: Error
}

async function trees(t: TestContext, given: Given = {}) {
  const home = new Home(disk, await t.tmp())
  await home.prepare()
  const clock = drivenClock()
  const asked: FetchTreeOptions[] = []
  const dropped: Bytes[] = []
  const told: { event: string; facts: Facts }[] = []
  const events: Event[] = []
  const all = new Map([1, 2, 3, 9].map((n) => [name(n), artifact(n)]))
  const made = new Trees({
    clock,
    disk,
    log: () => undefined,
    store: {
      fetchTree: async (_artifact, options) => {
        asked.push(options)
        t.alike(await disk.list(`${home.path}/tmp`), ['app'], 'nothing half is left')
        for (const one of given.progress ?? []) options.onProgress?.(one)
        if (given.error !== undefined) throw given.error
      },
      rebuild: () => Promise.resolve('rebuilt'),
      drop: async (ref) => void dropped.push(await Promise.resolve(ref.key))
    },
    machine: { home },
    emit: (event) => void events.push(event),
    tell: (event, facts) => void told.push({ event, facts }),
    find: (text) => {
      const found = all.get(text)
      const n = [...all.keys()].indexOf(text) + 1
      // Only the id is read of it here.
      const known = { id: id(n) } as unknown as KnownRelease
      return found === undefined ? null : { known, artifact: found }
    },
    known: () => [...all.values()],
    judge: () => ({ tag: 'confirmed' })
  })
  made.open()
  t.teardown(async () => await made.close())
  return { made, home, clock, asked, dropped, told, events }
}

async function over(events: readonly Event[]): Promise<Event> {
  for (;;) {
    const [event] = events
    if (event !== undefined) return event
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('versions here are what patches start from; what a crash left is made again', async (t) => {
  const { made, home, asked, events } = await trees(t)
  await disk.makeFolder(home.tree(name(1)))
  await disk.makeFolder(home.tree(name(77)))
  await disk.makeFolder(home.work(5))
  await disk.create(`${home.work(5)}/half`, fromText('half'), 0o600)
  made.fetch(5, name(2))
  t.is((await over(events)).tag, 'fetched')
  const [options] = asked
  t.is(options?.into, home.work(5))
  t.alike(
    options?.bases?.map(({ folder }) => folder),
    [home.tree(name(1))]
  )
  t.ok(equal(options?.bases?.[0]?.treeDigest ?? id(0), artifact(1).treeDigest))
  t.alike(options?.reuse, [home.tree(name(77))], 'a version of no known release has chunks')
  t.is(options?.others?.length, 4)
})

test('progress is told once a second, and at the end of each way', async (t) => {
  const one: Progress = {
    route: 'patch',
    blocks: 0,
    blocksNeeded: 3,
    bytes: 0,
    bytesNeeded: 900,
    rate: 300,
    peers: 2,
    msLeft: 3_000
  }
  const progress = [0, 1, 2, 3].map((blocks) => ({ ...one, blocks }))
  const { made, told, events } = await trees(t, { progress })
  made.fetch(5, name(2))
  await over(events)
  t.alike(
    told.map(({ event, facts }) => [event, facts['blocks']]),
    [
      ['progress', 0],
      ['progress', 3]
    ]
  )
  t.is(told[0]?.facts['release'], name(2))
})

test('cores go with their release, but for those that a kept one shares', async (t) => {
  const { made, dropped } = await trees(t)
  made.drop([name(1), name(2)], [name(9)])
  while (dropped.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  t.alike(
    dropped.map(([first]) => first),
    [101, 2, 102]
  )
})
