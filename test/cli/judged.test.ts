// What becomes of a file's content: statements as from any peer, bytes only for what has its quorum
// here, and where something goes wrong, nothing at all.
import test, { type TestContext } from 'brittle'
import { join } from 'node:path'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { isOtaError, OtaError, toHex, type Bytes } from '../../lib/base/index.ts'
import { CoreHasher } from '../../lib/artifact/index.ts'
import { importBundle, type ImportView } from '../../lib/cli/node/bundle/import.ts'
import type { Shelf } from '../../lib/cli/node/bundle/ports.ts'
import { writeBundle, type Carried } from '../../lib/feed/index.ts'
import type { Artifact, Statement } from '../../lib/records/index.ts'
import { disk, noise } from '../artifact/trees.ts'
import { bareNode, type TestNode } from '../tools/authority.ts'
import {
  foundNetwork,
  idOfStatement,
  makeArtifact,
  makeRelease,
  makeTrust,
  signRelease,
  signTrust,
  testNowMs,
  wire
} from '../tools/people.ts'

const network = foundNetwork()
const blocks = [noise(300, 1), noise(200, 2)]

function carried(all: readonly Bytes[]): Carried {
  const hasher = new CoreHasher()
  for (const block of all) hasher.push(block)
  async function* each(): AsyncGenerator<Bytes> {
    for (const block of all) yield await Promise.resolve(block)
  }
  return { core: hasher.core(), blocks: each }
}

const tree = carried(blocks)
const artifact: Artifact = { ...makeArtifact(), tree: tree.core, patch: null }
const body = makeRelease(network.id, { artifacts: [artifact] })

interface Bench {
  readonly shelf: Shelf
  readonly node: TestNode
  /** Keys of the cores that are stored, in hex. */
  readonly stored: Set<string>
  /** Stored or believed, in order. */
  readonly deeds: string[]
}

/** A shelf whose store keeps what it is given in a set. */
async function bench(t: TestContext, full: 'full' | 'empty' | 'breaks' = 'empty'): Promise<Bench> {
  const home = await t.tmp()
  const node = await bareNode(network, { disk: new MemoryDisk() })
  const stored = new Set<string>()
  const deeds: string[] = []
  node.authority.onChange(() => deeds.push('believed'))
  const shelf: Shelf = {
    disk: { ...disk, freeBytes: async () => await Promise.resolve(full === 'full' ? 1_000 : 1e12) },
    home,
    authority: node.authority,
    pool: { kept: () => [] },
    store: {
      hasWhole: async ({ key }) => await Promise.resolve(stored.has(toHex(key))),
      blocks: () => {
        throw new Error('nothing is read')
      },
      buildTreeCore: async ({ core, blocks: all }) => {
        if (full === 'breaks') throw new OtaError('NO_SPACE', 'the core store could not write')
        let count = 0
        for await (const _ of all()) count += 1
        deeds.push(`stored ${count}`)
        stored.add(toHex(core.key))
      },
      drop: async ({ key }) => {
        deeds.push('dropped')
        stored.delete(toHex(key))
        await Promise.resolve()
      }
    },
    nowMs: () => testNowMs,
    hear: () => ({ answer: 'ignored', id: null, spread: 'none', ref: null }),
    versionOf: () => null
  }
  return { shelf, node, stored, deeds }
}

interface Content {
  readonly statements: readonly Statement[]
  readonly cores?: readonly Carried[]
  readonly evidence?: readonly Bytes[]
}

async function take({ shelf }: Bench, content: Content): Promise<ImportView> {
  const file = join(shelf.home, 'file.bundle')
  const { statements, cores = [tree], evidence = [] } = content
  const papers = [...statements.map(wire), ...evidence]
  await writeBundle(disk, file, { network: network.id, papers, cores })
  return await importBundle(shelf, { file, platform: 'linux-x64' })
}

async function codeOf(deed: Promise<unknown>): Promise<string> {
  try {
    await deed
    return 'none'
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

test('the bytes are here before anybody hears of the release', async (t) => {
  const it = await bench(t)
  const view = await take(it, { statements: [network.first, signRelease(network.id, body)] })
  t.alike(view.statements, { new: 2, known: 0, refused: 0 })
  t.alike(view.cores, { new: 1, known: 0, left: 0 })
  t.is(it.deeds[0], 'stored 2')
  t.ok(it.deeds.includes('believed'))
  const again = await take(it, { statements: [network.first, signRelease(network.id, body)] })
  t.alike(again.statements, { new: 0, known: 2, refused: 0 })
  t.alike(again.cores, { new: 0, known: 1, left: 0 })
})

test('a release short of its quorum brings no bytes, from a file as from a peer', async (t) => {
  const it = await bench(t)
  const short = signRelease(network.id, body, [1])
  t.is(await codeOf(take(it, { statements: [network.first, short] })), 'THRESHOLD_NOT_MET')
  t.is(it.stored.size, 0)
  t.is(it.node.authority.believed.releases.length, 0)
  const whole = await take(it, { statements: [signRelease(network.id, body, [2])] })
  t.is(whole.cores.left, 0, 'the second signature makes it whole, and its bytes with it')
  t.is(it.node.authority.believed.releases.length, 1)
})

test('bytes that no release here names are left where they are', async (t) => {
  const it = await bench(t)
  const statements = [network.first, signRelease(network.id, body)]
  const strange = carried([noise(99, 7)])
  const view = await take(it, { statements, cores: [tree, strange] })
  t.alike(view.cores, { new: 1, known: 0, left: 1 })
  t.absent(it.stored.has(toHex(strange.core.key)))
  const foreign = { ...artifact, platform: 'darwin-arm64' }
  const other = makeRelease(network.id, { artifacts: [foreign], seq: 2 })
  const elsewhere = await bench(t)
  const mac = await take(elsewhere, { statements: [network.first, signRelease(network.id, other)] })
  t.alike(mac.cores, { new: 0, known: 0, left: 1 }, 'another platform is not ours')
})

test('a rotation in the file is walked before what was signed behind it', async (t) => {
  const it = await bench(t)
  const t2 = makeTrust({ version: 2 })
  const second = signTrust(network.id, t2, [1, 2, 3])
  const head = { ...body.head, trustVersion: 2, trustId: idOfStatement(second) }
  const release = signRelease(network.id, { ...body, head })
  const view = await take(it, { statements: [release, second, network.first] })
  t.alike(view.statements.refused, 0)
  t.is(it.node.authority.believed.trust?.body.version, 2)
  t.is(it.stored.size, 1)
  const alone = await bench(t)
  t.is(await codeOf(take(alone, { statements: [release] })), 'TRUST_GAP', 'without its trust')
})

test('a disk that is full takes nothing, neither bytes nor statements', async (t) => {
  for (const why of ['full', 'breaks'] as const) {
    const it = await bench(t, why)
    const content = { statements: [network.first, signRelease(network.id, body)] }
    t.is(await codeOf(take(it, content)), 'NO_SPACE')
    t.alike([it.stored.size, it.deeds.length], [0, 0], why)
    t.is(it.node.authority.believed.trust, null)
  }
})

test('evidence that nobody can use is no failure', async (t) => {
  const it = await bench(t)
  const statements = [network.first, signRelease(network.id, body)]
  const view = await take(it, { statements, evidence: [new Uint8Array(120).fill(1)] })
  t.is(view.evidence, 0)
})
