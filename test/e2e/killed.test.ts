// A node that dies by SIGKILL in every phase of a fetch, an unpacking and a seeding.
import test, { type TestContext } from 'brittle'
import { fork } from 'node:child_process'
import type { EventEmitter } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { verifyTree } from '../../lib/artifact/index.ts'
import { concat, fromText, KIB, MIB, toHex, type Bytes } from '../../lib/base/index.ts'
import type { CoreRef } from '../../lib/records/index.ts'
import { disk, noise, prose, type Spec } from '../artifact/trees.ts'
import { Dice } from '../fuzz/dice.ts'
import { baseOf, publish, release, spec, type Release } from '../feed/releases.ts'
import { openStore } from '../feed/stores.ts'
import type { Deed, Said } from './driver.ts'

/** A file that is written in several pieces, and many that are written whole. */
function treeOf(version: number): Spec {
  const piece = noise(96 * KIB, 77)
  const parts = Array.from({ length: 48 }, (_, i) => concat([piece, fromText(`${i} ${version}`)]))
  const small = Array.from({ length: 30 }, (_, i): [string, Bytes] => [
    `small/${i % 6}/${i}.js`,
    prose(3_000 + 100 * i, i < 20 ? i + 1 : 100 * version + i)
  ])
  return { ...spec(version, 300_000), 'lib/big': concat(parts), ...Object.fromEntries(small) }
}

interface Publisher {
  readonly port: number
  /** Blocks it sent since the last look, of any core: `key index`. */
  readonly sent: Set<string>
}

async function serve(t: TestContext, top: string, all: readonly Release[]): Promise<Publisher> {
  const storage = Hypercore.defaultStorage(`${top}/publisher`, { writeBufferSize: MIB })
  const corestore = new Corestore(storage)
  t.teardown(async () => await corestore.close(), { order: 3 })
  const opened = await openStore(t, `${top}/p`, { corestore })
  const sent = new Set<string>()
  for (const one of all) {
    await publish(opened, one)
    for (const ref of [one.artifact.tree, one.artifact.patch]) if (ref !== null) await watch(ref)
  }
  const server = createServer((socket) => attach(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close(), { order: 1 })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return { port: address.port, sent }

  async function watch({ key }: CoreRef): Promise<void> {
    const core = corestore.get({ key })
    await core.ready()
    const events = core as unknown as EventEmitter
    events.on('upload', (index: number) => sent.add(`${toHex(key)} ${index}`))
  }

  function attach(socket: Socket): void {
    const stream = Hypercore.createProtocolStream(false) as Socket & { noiseStream: EventEmitter }
    for (const end of [socket, stream, stream.noiseStream]) end.on('error', () => undefined)
    socket.pipe(stream).pipe(socket)
    opened.store.replicate(stream)
    t.teardown(() => socket.destroy(), { order: 0 })
  }
}

interface Life {
  readonly said: readonly Said[]
  readonly signal: NodeJS.Signals | null
  readonly phase: string
  /** Since it began to fetch. */
  readonly ms: number
}

/** One life of the node; `afterMs`: it is killed from outside, so long after it began to fetch. */
async function live(deed: Deed, afterMs: number | null = null): Promise<Life> {
  const child = fork(join(import.meta.dirname, 'driver.js'), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'inherit', 'ipc']
  })
  let out = ''
  let startedMs: number | null = null
  let timer: NodeJS.Timeout | null = null
  child.stdout?.on('data', (part) => {
    out += String(part)
    if (startedMs !== null || !out.includes('"phase"')) return
    startedMs = performance.now()
    if (afterMs !== null) timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  child.send(deed)
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('close', (code, by) => {
      if (code === 0 || by === 'SIGKILL') resolve(by)
      else reject(new Error(`the node ended with ${code}`))
    })
  })
  if (timer !== null) clearTimeout(timer)
  const ms = performance.now() - (startedMs ?? performance.now())
  // A line that was not written to its end is the death of its writer.
  const said = out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Said)
  const phases = said.flatMap((one) => (one.tag === 'phase' ? [one.phase] : []))
  return { said, signal, phase: phases.at(-1) ?? 'start', ms }
}

/** Lives of one node until it is done; after each of them nothing half-made is in use. */
class Lives {
  readonly phases = new Map<string, number>()
  readonly #t: TestContext
  readonly #publisher: Publisher
  readonly #deed: Omit<Deed, 'dies'>
  isDone = false
  ms = 0
  last: Extract<Said, { tag: 'done' }> | null = null

  constructor(t: TestContext, publisher: Publisher, deed: Omit<Deed, 'dies'>) {
    this.#t = t
    this.#publisher = publisher
    this.#deed = deed
  }

  async next(dies: Deed['dies'], afterMs: number | null = null): Promise<void> {
    const { sent } = this.#publisher
    sent.clear()
    const life = await live({ ...this.#deed, dies }, afterMs)
    this.ms = life.ms
    if (life.signal !== null) {
      this.phases.set(life.phase, (this.phases.get(life.phase) ?? 0) + 1)
    }
    for (const one of life.said) if (one.tag === 'done') [this.isDone, this.last] = [true, one]
    const { artifact, home, release: name } = this.#deed
    const again = life.said.flatMap((one) => {
      if (one.tag !== 'held') return []
      const patch = artifact.patch === null ? '' : toHex(artifact.patch.key)
      const blocks = [
        ...one.tree.map((index) => `${toHex(artifact.tree.key)} ${index}`),
        ...one.patch.map((index) => `${patch} ${index}`)
      ]
      return blocks.filter((block) => sent.has(block))
    })
    if (again.length > 0) this.#t.fail(`held and fetched again: ${again.join(', ')}`)
    const version = `${home}/versions/${name}`
    if ((await disk.stat(version)) !== null) await verifyTree(disk, version, artifact)
    else if (this.isDone) this.#t.fail('it is done, and has no version')
  }
}

async function world(t: TestContext) {
  const top = await t.tmp()
  const a = await release(top, treeOf(1))
  const b = await release(top, treeOf(2), [a])
  const c = await release(top, treeOf(3), [b])
  const publisher = await serve(t, top, [b, c])
  const ways = {
    chunks: { artifact: { ...c.artifact, patch: null }, bases: [], others: [] },
    reuse: { artifact: { ...c.artifact, patch: null }, bases: [baseOf(a)], others: [] },
    patch: { artifact: c.artifact, bases: [baseOf(b)], others: [] },
    chain: { artifact: c.artifact, bases: [baseOf(a)], others: [b.artifact] }
  }
  const deedOf = (way: keyof typeof ways, home: string): Omit<Deed, 'dies'> => ({
    ...ways[way],
    aside: home.endsWith('aside'),
    home: `${top}/${home}`,
    port: publisher.port,
    release: 'r'.repeat(52)
  })
  return { publisher, deedOf, ways: Object.keys(ways) as (keyof typeof ways)[] }
}

test(
  'a node killed at any call of a fetch ends with the same tree, and asks no block twice',
  { timeout: 400_000 },
  async (t) => {
    const seed = String(Date.now())
    t.comment(`seed ${seed}`)
    const dice = new Dice(seed, 0)
    const { publisher, deedOf, ways } = await world(t)
    for (const way of ways) {
      const whole = new Lives(t, publisher, deedOf(way, `whole-${way}`))
      await whole.next(null)
      const { calls = 0, blocks = 0, route = '' } = whole.last ?? {}
      t.is(route, way === 'reuse' ? 'chunks' : way)
      const lives = new Lives(t, publisher, deedOf(way, way))
      const deaths = 9
      await lives.next({ blocks: Math.ceil(blocks / 3) })
      for (let i = 0; i < deaths && !lives.isDone; i += 1) {
        const call = Math.ceil((calls * (i + dice.below(100) / 100)) / deaths)
        await lives.next({ call: Math.max(1, call), after: dice.chance(1, 2) })
      }
      // what is left once the tree is placed: the core made whole
      for (let i = 1; i <= 3 && !lives.isDone; i += 1) {
        await lives.next({ call: 20 + dice.below(calls >> 1), after: true })
      }
      if (!lives.isDone) await lives.next(null)
      t.ok(lives.isDone, `${way}, ${calls} calls: killed in ${shown(lives)}`)
      const killed = [...lives.phases.values()].reduce((sum, count) => sum + count, 0)
      t.ok(killed >= 6)
    }
  }
)

test(
  'a node killed at unforeseen moments ends with the same tree',
  { timeout: 300_000 },
  async (t) => {
    const seed = String(Date.now())
    t.comment(`seed ${seed}`)
    const dice = new Dice(seed, 1)
    const { publisher, deedOf } = await world(t)
    for (const [way, where] of [
      ['chunks', 'here'],
      ['patch', 'here'],
      ['chunks', 'aside'],
      ['patch', 'aside']
    ] as const) {
      const whole = new Lives(t, publisher, deedOf(way, `whole-${way}-${where}`))
      await whole.next(null)
      const lives = new Lives(t, publisher, deedOf(way, `${way}-${where}`))
      for (let i = 0; i < 12 && !lives.isDone; i += 1) {
        await lives.next(null, (whole.ms * dice.below(700)) / 1_000)
      }
      if (!lives.isDone) await lives.next(null)
      t.ok(lives.isDone, `${way} ${where}: killed in ${shown(lives)}`)
    }
  }
)

function shown({ phases }: Lives): string {
  return [...phases].map(([phase, times]) => `${phase} ${times}`).join(', ')
}
