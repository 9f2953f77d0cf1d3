import { writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { verifyTree, workHere } from '../../lib/artifact/index.ts'
import { MIB, type Disk } from '../../lib/base/index.ts'
import { Store, type LocalTree } from '../../lib/feed/index.ts'
import { realClock, realDice, realDisk, workAside } from '../../lib/host/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import type { Artifact, CoreRef } from '../../lib/records/index.ts'

/** What a node that may die is to do: fetch, place, make its core whole. */
export interface Deed {
  readonly home: string
  readonly port: number
  readonly release: string
  readonly artifact: Artifact
  readonly bases: readonly LocalTree[]
  readonly others: readonly Artifact[]
  /** Whether the work on trees lies in a thread, whose calls of the disk are its own. */
  readonly aside: boolean
  /** Dies before or after that call of the disk, or once it holds so many blocks. */
  readonly dies:
    { readonly call: number; readonly after: boolean } | { readonly blocks: number } | null
}

/** What it says, each line written before anything else is done. */
export type Said =
  | { readonly tag: 'held'; readonly tree: readonly number[]; readonly patch: readonly number[] }
  | { readonly tag: 'phase'; readonly phase: 'fetch' | 'place' | 'rebuild' }
  | {
      readonly tag: 'done'
      readonly calls: number
      readonly route: string
      readonly blocks: number
    }

const real = realDisk()
let calls = 0
let blocks = 0
let route = ''

function say(said: Said): void {
  writeSync(1, `${JSON.stringify(said)}\n`)
}

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** The disk, which a chosen call of is the last. */
function mortal(dies: Deed['dies']): Disk {
  const at = dies !== null && 'call' in dies ? dies : { call: Infinity, after: false }
  return new Proxy(real, {
    get(target, name: keyof Disk) {
      const deed = target[name] as (...args: unknown[]) => Promise<unknown>
      return async (...args: unknown[]): Promise<unknown> => {
        calls += 1
        const isLast = calls === at.call
        if (isLast && !at.after) die()
        const result = await deed.apply(target, args)
        if (isLast) die()
        return result
      }
    }
  })
}

async function held(corestore: Corestore, ref: CoreRef | null): Promise<readonly number[]> {
  if (ref === null) return []
  const core = corestore.get({ key: ref.key, active: false })
  await core.ready()
  const found: number[] = []
  for (let i = 0; i < ref.blocks; i += 1) if (await core.has(i)) found.push(i)
  await core.close()
  return found
}

/** What hypercore's own stream is beside a duplex. */
interface Stream extends Socket {
  readonly noiseStream: { on(event: 'error', fn: () => void): void }
}

async function connected(store: Store, port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  const stream = Hypercore.createProtocolStream(true) as Stream
  for (const end of [socket, stream, stream.noiseStream]) end.on('error', () => undefined)
  socket.pipe(stream).pipe(socket)
  store.replicate(stream)
}

async function work(deed: Deed): Promise<void> {
  const { artifact, release, bases, others, dies } = deed
  const disk = mortal(dies)
  const storage = Hypercore.defaultStorage(`${deed.home}/cores`, { writeBufferSize: MIB })
  const corestore = new Corestore(storage)
  await corestore.ready()
  const log = (event: string, facts?: Readonly<Record<string, unknown>>): void => {
    if (event === 'fetched') route = String(facts?.['route'])
  }
  const where = deed.aside ? workAside(disk, { smallBytes: 0 }) : workHere(disk)
  const options = { disk, folder: `${deed.home}/store`, corestore, stallMs: 20_000, work: where }
  const store = new Store(realClock(), realDice(), log, options)
  await store.ready()
  const [tree, patch] = [
    await held(corestore, artifact.tree),
    await held(corestore, artifact.patch)
  ]
  say({ tag: 'held', tree, patch })
  await connected(store, deed.port)
  const home = new Home(disk, deed.home)
  await home.prepare()
  await home.sweep(1)
  if ((await disk.stat(home.tree(release))) === null) {
    say({ tag: 'phase', phase: 'fetch' })
    await home.discard(1)
    await store.fetchTree(artifact, {
      into: home.work(1),
      bases,
      others,
      onProgress: (progress) => {
        blocks = progress.blocks
        if (dies !== null && 'blocks' in dies && blocks >= dies.blocks) die()
      }
    })
    say({ tag: 'phase', phase: 'place' })
    await home.place(1, release)
  }
  await home.place(1, release)
  await verifyTree(disk, home.tree(release), artifact)
  say({ tag: 'phase', phase: 'rebuild' })
  await store.rebuild(artifact, home.tree(release))
  say({ tag: 'done', calls, route, blocks })
  process.exit(0)
}

process.once('message', (deed: Deed) => {
  work(deed).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  })
})
process.once('disconnect', () => process.exit(1))
