import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { packPatches, packTree, type Pack, type PatchPack } from '../../../lib/artifact/index.ts'
import { lackingBytes } from '../../../lib/artifact/patch/core.ts'
import type { Clock, Facts } from '../../../lib/base/index.ts'
import { Store } from '../../../lib/feed/index.ts'
import { realClock, realDice, realDisk } from '../../../lib/host/index.ts'
import type { Artifact } from '../../../lib/records/index.ts'
import { link } from './link.ts'

/** What came over the connection of one node, all of it: handshake, proofs, headers. */
export interface Fetched {
  /** The way it took. */
  readonly route: string
  readonly down: number
  readonly up: number
}

/** One release published to real stores, and what nodes fetched of it. */
export interface Published {
  readonly treeBytes: number
  readonly headBytes: number
  readonly patchBytes: number | null
  /** Of the tree core, for a holder of the old release: head included. */
  readonly chunkBytes: number | null
  readonly solidBytes: number | null
  /** By a node that holds the old release; null where no patch core was made. */
  readonly update: Fetched | null
  /** The same, with the patch core withheld. */
  readonly chunks: Fetched
  /** By a node that holds nothing; null as above. */
  readonly first: Fetched | null
}

const platform = 'linux-x64'
/** The newcomer grants decoders their largest window. */
const lgwinMax = 27

export async function measureFetching(job: {
  readonly old: string
  readonly now: string
  readonly scratch: string
  /** Without: only chunks, for trees whose solid stream takes a quarter of an hour. */
  readonly hasPatches: boolean
}): Promise<Published> {
  const disk = realDisk()
  const old = await packTree(disk, job.old, platform)
  const pack = await packTree(disk, job.now, platform)
  const to = { folder: job.now, pack, platform }
  const from = { folder: job.old, manifest: old.manifest }
  const scratch = join(job.scratch, 'proof')
  const patches = job.hasPatches ? await packPatches(disk, { to, bases: [from], scratch }) : null
  const artifact = artifactOf(pack, patches)
  const publisher = await openStore(join(job.scratch, 'publisher'))
  try {
    await publisher.store.buildTreeCore(pack)
    if (patches !== null) await publisher.store.buildPatchCore(patches)
    const base = { folder: job.old, treeDigest: old.treeDigest }
    const fetch = async (given: Omit<Node, 'scratch'>): Promise<Fetched> =>
      await fetchFrom(publisher.store, { ...given, scratch: job.scratch })
    const [cost] = patches?.costs ?? []
    return {
      treeBytes: pack.core.bytes,
      headBytes: pack.head.byteLength,
      patchBytes: cost?.patchBytes ?? null,
      chunkBytes: cost?.chunkBytes ?? (await lackingBytes(disk, { to }, from)),
      solidBytes: patches?.solidBytes ?? null,
      update: job.hasPatches ? await fetch({ artifact, bases: [base] }) : null,
      chunks: await fetch({ artifact: { ...artifact, patch: null }, bases: [base] }),
      first: job.hasPatches ? await fetch({ artifact, bases: [] }) : null
    }
  } finally {
    await publisher.store.close()
  }
}

function artifactOf(pack: Pack, patches: PatchPack | null): Artifact {
  const { treeDigest, entries, bytes, core } = pack
  const patch = patches?.core ?? null
  return { component: '', platform, treeDigest, entries, bytes, tree: core, patch }
}

interface Node {
  readonly artifact: Artifact
  readonly bases: readonly { readonly folder: string; readonly treeDigest: Uint8Array }[]
  readonly scratch: string
}

/** A fresh node with a store of its own, connected to nobody but the publisher. */
async function fetchFrom(publisher: Store, { artifact, bases, scratch }: Node): Promise<Fetched> {
  const folder = join(scratch, 'node')
  const into = join(scratch, 'fetched')
  const node = await openStore(folder)
  const wire = link(publisher, node.store)
  try {
    await node.store.fetchTree(artifact, { into, bases, lgwinMax })
    return { ...wire.bytes, route: node.route() }
  } finally {
    await wire.cut()
    await node.store.close()
    await realDisk().remove(into)
    await rm(folder, { recursive: true, force: true })
  }
}

async function openStore(folder: string): Promise<{ store: Store; route: () => string }> {
  let route = 'none'
  const log = (event: string, facts?: Facts): void => {
    if (event === 'fetched') route = String(facts?.['route'])
  }
  const store = new Store(clock, realDice(), log, { disk: realDisk(), folder, cache: true })
  await store.ready()
  return { store, route: () => route }
}

/** The machine's clock; its timers keep the process alive. */
const clock: Clock = {
  ...realClock(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  }
}
