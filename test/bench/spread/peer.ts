import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packTree } from '../../../lib/artifact/index.ts'
import { Authority } from '../../../lib/authority/index.ts'
import { fromHex, SECOND, toHex, type Clock } from '../../../lib/base/index.ts'
import { Pool } from '../../../lib/crowd/index.ts'
import { Store } from '../../../lib/feed/index.ts'
import { Wire } from '../../../lib/gossip/index.ts'
import { realClock, realDice, realDisk } from '../../../lib/host/index.ts'
import type { Artifact } from '../../../lib/records/index.ts'
import { foundNetwork, testNowMs, wire as bytesOf } from '../../tools/people.ts'

/**
 * One node of a network as far as bytes go: real wire, real store. The seed publishes a folder; the
 * others fetch it when they are told, and serve what they have.
 *
 *   node peer.js FOLDER BOOTSTRAP [TREE]
 */
const [folder = '', bootstrap = '', tree] = process.argv.slice(2)
const platform = 'linux-x64'

const say = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** The machine's clock at the date of the network's papers; its timers keep the process alive. */
const real = realClock()
const clock: Clock = {
  wallMs: () => testNowMs + real.steadyMs(),
  steadyMs: () => real.steadyMs(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  }
}

/** How an artifact is told from the seed to the others, in place of a signed release. */
export interface Told {
  readonly digest: string
  readonly entries: number
  readonly bytes: number
  readonly core: { readonly key: string; readonly blocks: number; readonly bytes: number }
}

function told(artifact: Artifact): Told {
  const { treeDigest, entries, bytes, tree: core } = artifact
  return { digest: toHex(treeDigest), entries, bytes, core: { ...core, key: toHex(core.key) } }
}

function heard({ digest, entries, bytes, core }: Told): Artifact {
  const ref = { ...core, key: fromHex(core.key) }
  const id = { component: '', platform, treeDigest: fromHex(digest) }
  return { ...id, entries, bytes, tree: ref, patch: null }
}

async function openWire(): Promise<Wire> {
  const network = foundNetwork()
  const disk = realDisk()
  const authority = await Authority.open(disk, noop, {
    folder: join(folder, 'home'),
    join: { network: network.id, checkpoint: null },
    nowMs: () => clock.wallMs()
  })
  await authority.intake(bytesOf(network.first), 'the bench')
  const [host = '', port = ''] = bootstrap.split(':')
  const wire = new Wire(clock, realDice(), noop, {
    authority,
    pool: new Pool(authority.believed),
    options: {
      network: network.id,
      keyPair: null,
      port: null,
      host: null,
      peers: [],
      bootstrap: [{ host, port: Number(port) }],
      rendezvous: false,
      membership: null,
      nodePair: null
    }
  })
  await wire.ready()
  return wire
}

async function openStore(wire: Wire): Promise<Store> {
  const options = { disk: realDisk(), folder: join(folder, 'store'), cache: true }
  const store = new Store(clock, realDice(), noop, options)
  await store.ready()
  wire.onStream((stream) => store.replicate(stream))
  return store
}

/** Said once a second: how many peers there are. */
function countPeers(wire: Wire): void {
  say({ peers: wire.peers().length })
  clock.after(SECOND, () => countPeers(wire))
}

const wire = await openWire()
const store = await openStore(wire)
if (tree !== undefined) {
  const pack = await packTree(realDisk(), tree, platform)
  await store.buildTreeCore(pack)
  const { treeDigest, entries, bytes, core } = pack
  const artifact = { component: '', platform, treeDigest, entries, bytes, tree: core, patch: null }
  say({ published: told(artifact) })
} else {
  say({ open: true })
}
countPeers(wire)
createInterface({ input: process.stdin }).on('line', (line) => {
  const artifact = heard(JSON.parse(line) as Told)
  store
    .fetchTree(artifact, { into: join(folder, 'tree') })
    .then(() => say({ done: true }))
    .catch((error: unknown) => say({ failed: String(error) }))
})

function noop(): void {}
