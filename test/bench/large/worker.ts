import { readFileSync } from 'node:fs'
import { createServer, connect, type Socket } from 'node:net'
import Hypercore from 'hypercore'
import { packTree, readBlockFile, verifyTree, type Pack } from '../../../lib/artifact/index.ts'
import { assert } from '../../../lib/base/index.ts'
import { Store } from '../../../lib/feed/index.ts'
import { makePatches, realClock, realDice, realDisk, workAside } from '../../../lib/host/index.ts'
import type { Artifact } from '../../../lib/records/index.ts'

/** What one process is asked to do; it does one thing, says what it took, and ends. */
export type Job =
  | { readonly do: 'rest' }
  | { readonly do: 'pack'; readonly folder: string }
  | {
      readonly do: 'patch'
      readonly from: string
      readonly to: string
      readonly memoryBytes: number | null
      readonly output: string
    }
  | {
      readonly do: 'serve'
      readonly store: string
      readonly releases: readonly {
        readonly folder: string
        readonly patches: string | null
        readonly artifact: Artifact
      }[]
    }
  | {
      readonly do: 'fetch'
      readonly store: string
      readonly port: number
      readonly artifact: Artifact
      readonly into: string
      readonly base: { readonly folder: string; readonly treeDigest: Uint8Array } | null
    }
  | {
      readonly do: 'rebuild'
      readonly store: string
      readonly artifact: Artifact
      readonly folder: string
    }
  | { readonly do: 'verify'; readonly artifact: Artifact; readonly folder: string }

/** What came of it. */
export interface Done {
  readonly seconds: number
  readonly cpuS: number
  /** Most memory that was resident at one time, in bytes. */
  readonly peakBytes: number
  readonly artifact?: Artifact
  readonly facts?: Readonly<Record<string, number | string | null>>
  /** Of a server, which lives on until it is killed. */
  readonly port?: number
}

const disk = realDisk()
const platform = 'linux-x64'

async function work(job: Job): Promise<Partial<Done>> {
  switch (job.do) {
    case 'rest':
      break
    case 'pack':
      return { artifact: artifactOf(await packTree(disk, job.folder, platform)) }
    case 'patch':
      return await patch(job)
    case 'serve':
      return await serve(job)
    case 'fetch':
      return await fetch(job)
    case 'rebuild': {
      const { store } = await openStore(job.store)
      const result = await store.rebuild(job.artifact, job.folder)
      await store.close()
      return { facts: { result } }
    }
    case 'verify':
      await verifyTree(disk, job.folder, job.artifact)
      break
  }
  return {}
}

/** As the publisher's program makes them: in a process of its own, which is the one that counts. */
async function patch(job: Extract<Job, { do: 'patch' }>): Promise<Partial<Done>> {
  const [to, from] = [
    await packTree(disk, job.to, platform),
    await packTree(disk, job.from, platform)
  ]
  const order = {
    to: { folder: job.to, platform, pack: withoutBlocks(to) },
    bases: [{ folder: job.from, manifest: from.manifest }],
    scratch: `${job.output}.proof`,
    output: job.output,
    memoryBytes: job.memoryBytes
  }
  let peak = 0
  const look = setInterval(() => {
    peak = Math.max(peak, ...children().map(peakBytes))
  }, 200)
  const startedMs = performance.now()
  const made = await makePatches(order, {
    signal: new AbortController().signal,
    onStep: () => undefined
  })
  clearInterval(look)
  const [cost] = made.costs
  return {
    seconds: (performance.now() - startedMs) / 1_000,
    peakBytes: peak,
    artifact: { ...artifactOf(to), patch: made.core },
    facts: {
      patchBytes: cost?.patchBytes ?? null,
      chunkBytes: cost?.chunkBytes ?? null,
      solidBytes: made.solidBytes
    }
  }
}

function withoutBlocks(pack: Pack): Omit<Pack, 'blocks'> {
  const { manifest, treeDigest, entries, bytes, core, head, blockSizes } = pack
  return { manifest, treeDigest, entries, bytes, core, head, blockSizes }
}

function children(): readonly number[] {
  const path = `/proc/${process.pid}/task/${process.pid}/children`
  return readFileSync(path, 'utf8').split(' ').filter(Boolean).map(Number)
}

async function serve(job: Extract<Job, { do: 'serve' }>): Promise<Partial<Done>> {
  const { store } = await openStore(job.store)
  for (const { folder, patches, artifact } of job.releases) {
    await store.buildTreeCore(await packTree(disk, folder, platform))
    if (patches === null || artifact.patch === null) continue
    const file = await readBlockFile(disk, patches, artifact.patch)
    assert(file !== null, 'the patches were made before')
    await store.buildPatchCore(file)
  }
  const server = createServer((socket) => attach(store, socket, false))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert(address !== null && typeof address === 'object', 'a TCP server has an address')
  return { port: address.port }
}

async function fetch(job: Extract<Job, { do: 'fetch' }>): Promise<Partial<Done>> {
  const { store, log } = await openStore(job.store)
  const socket = connect(job.port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  attach(store, socket, true)
  const { artifact, into, base } = job
  await store.fetchTree(artifact, { into, bases: base === null ? [] : [base] })
  const bytes = socket.bytesRead
  socket.destroy()
  await store.close()
  return { facts: { route: log.route, wire: bytes } }
}

async function openStore(folder: string) {
  const log = { route: '' }
  const store = new Store(
    realClock(),
    realDice(),
    (event, facts) => {
      if (event === 'fetched') log.route = String(facts?.['route'])
      if (event === 'PATCH_FAILED') process.stderr.write(`${JSON.stringify(facts)}\n`)
    },
    { disk, folder, stallMs: 60_000, work: workAside(disk) }
  )
  await store.ready()
  return { store, log }
}

/** What hypercore's own stream is beside a duplex. */
interface Stream extends Socket {
  readonly noiseStream: { on(event: 'error', fn: () => void): void }
}

function attach(store: Store, socket: Socket, isInitiator: boolean): void {
  const stream = Hypercore.createProtocolStream(isInitiator) as Stream
  for (const end of [socket, stream, stream.noiseStream]) end.on('error', () => undefined)
  socket.pipe(stream).pipe(socket)
  store.replicate(stream)
}

function artifactOf(pack: Pack): Artifact {
  const { treeDigest, entries, bytes, core } = pack
  return { component: '', platform, treeDigest, entries, bytes, tree: core, patch: null }
}

/** Of one process alone: what the kernel counts as children's begins with the parent's. */
function peakBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024
  } catch {
    return 0
  }
}

async function answer(job: Job): Promise<void> {
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  const result = await work(job)
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - startedMs) / 1_000
  const own = { seconds, cpuS: (user + system) / 1e6, peakBytes: peakBytes(process.pid) }
  const done: Done = { ...own, ...result }
  process.send?.(done)
  if (job.do !== 'serve') process.disconnect()
}

process.once('message', (job: Job) => {
  answer(job).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  })
})
process.once('disconnect', () => process.exit())
