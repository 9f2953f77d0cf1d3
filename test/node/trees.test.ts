import test, { type TestContext } from 'brittle'
import { equal, fromText, OtaError, type Bytes, type Facts } from '../../lib/base/index.ts'
import type { FetchTreeOptions, Progress } from '../../lib/feed/index.ts'
import type { Event } from '../../lib/cutover/index.ts'
import { codeOf, whyOf } from '../../lib/cutover/reasons.ts'
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
  /** Of the build; null: it comes out as signed. */
  readonly built?: Error | null
  readonly sourceError?: Error
}

async function trees(t: TestContext, given: Given = {}) {
  const home = new Home(disk, await t.tmp())
  await home.prepare()
  const clock = drivenClock()
  const asked: FetchTreeOptions[] = []
  const dropped: Bytes[] = []
  const cores: Bytes[] = []
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
      fetchCore: async (ref) => {
        await Promise.resolve()
        if (given.sourceError !== undefined) throw given.sourceError
        cores.push(ref.key)
      },
      blocks: async function* () {
        yield* await Promise.resolve([fromText('bundle')])
      },
      rebuild: () => Promise.resolve('rebuilt'),
      drop: async (ref) => void dropped.push(await Promise.resolve(ref.key))
    },
    builder:
      given.built === undefined
        ? null
        : {
            check: () => Promise.resolve(),
            build: async ({ folder }) => {
              await disk.makeFolder(folder)
              await disk.create(`${folder}/bundle`, fromText('bundle'), 0o600)
              if (given.built) throw given.built
            }
          },
    machine: { home },
    emit: (event) => void events.push(event),
    tell: (event, facts) => void told.push({ event, facts }),
    find: (text) => {
      const found = all.get(text)
      const n = [...all.keys()].indexOf(text) + 1
      // Only the id is read of it here.
      const source = given.built === undefined ? null : { core: core(200 + n), commit: 'c0ffee' }
      const known = { id: id(n), body: { source } } as unknown as KnownRelease
      return found === undefined ? null : { known, artifact: found }
    },
    known: () => [...all.values()],
    judge: () => ({ tag: 'confirmed' })
  })
  made.open()
  t.teardown(async () => await made.close())
  return { made, home, clock, asked, dropped, cores, told, events }
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

test('S52 a node that builds takes its own tree, and fetches the source alone', async (t) => {
  const { made, home, asked, cores, events, dropped } = await trees(t, { built: null })
  made.fetch(5, name(2))
  t.alike((await over(events)).tag, 'fetched')
  t.is(asked.length, 0, 'the built tree is not fetched')
  t.alike(
    cores.map(([first]) => first),
    [202]
  )
  t.alike(await disk.list(`${home.path}/tmp/5`), [], 'nothing of the build is left')
  made.drop([name(2)], [])
  while (dropped.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  t.is(dropped[2]?.[0], 202, 'the source goes with its release')
})

test('S52 what cannot be built here, or has no source, is fetched built', async (t) => {
  const cannot = new OtaError('CANNOT_BUILD', 'this machine makes no jail')
  const gone = new OtaError('NO_PEERS', 'nobody has it')
  for (const given of [{ built: cannot }, { built: null, sourceError: gone }]) {
    const { made, asked, events } = await trees(t, given)
    made.fetch(5, name(2))
    t.is((await over(events)).tag, 'fetched')
    t.is(asked.length, 1)
  }
})

test('S52 S43 S53 a build that is not the signed tree runs nothing and is told', async (t) => {
  const facts = { have: 'aa', need: 'bb' }
  for (const code of ['BUILD_MISMATCH', 'HASH_MISMATCH', 'DEPENDENCY_DRIFT'] as const) {
    const { made, asked, events, told } = await trees(t, {
      built: new OtaError(code, 'another tree', { facts })
    })
    made.fetch(5, name(2))
    t.alike(await over(events), { tag: 'failed', op: 5, reason: 'unreproducible' })
    t.is(asked.length, 0, 'no other bytes are looked for')
    const { event, facts: alarm } = told[0]!
    t.alike([event, alarm['code'], alarm['have'], alarm['need']], ['alarm', code, 'aa', 'bb'])
  }
  t.is(whyOf('unreproducible'), 'own')
  t.is(codeOf('unreproducible'), 'BUILD_MISMATCH')
})
