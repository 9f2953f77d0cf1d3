import { readFileSync } from 'node:fs'
import { equal, fromText, toText, type Bytes } from '../../lib/base/index.ts'
import {
  decodeManifest,
  encodeManifest,
  packTree,
  unpackTree,
  type TreeEntry
} from '../../lib/artifact/index.ts'
import {
  decodeOtaJson,
  decodePolicy,
  encodePolicy,
  type Artifact,
  type OtaJson,
  type Policy
} from '../../lib/records/index.ts'
import { checkPolicy, compilePlan, readPolicyFile } from '../../lib/rollout/index.ts'
import { hash } from '../../lib/trust/index.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import type { Dice } from './dice.ts'
import { mutateBytes, mutateValue, splice } from './mutate.ts'
import { attempt, demand, type Offered, type Outcome, type Target } from './outcome.ts'

/** `ota.json` of a release. */
export const otaJsons: Target = { name: 'ota.json', weight: 5, sanity: sanityOfOta, run: runOta }
/** Plans: the file a person writes, and its bytes in a release. */
export const policies: Target = {
  name: 'policies',
  weight: 5,
  sanity: sanityOfPolicies,
  run: runPolicy
}
/** File lists, and whole tree cores with another block. */
export const manifests: Target = {
  name: 'manifests',
  weight: 5,
  sanity: sanityOfManifests,
  run: runManifest
}

const otas: readonly unknown[] = [
  JSON.parse(readFileSync('fixtures/apps/good/ota.json', 'utf8')),
  {
    ota: 1,
    name: 'relay',
    version: '2.4.0',
    level: 2,
    requires: { daemon: '1.4', os: ['linux'], arch: ['x64', 'arm64'], node: '>=20' },
    start: ['node', 'main.js', '--data', '{state}'],
    env: { MODE: 'edge' },
    startTimeout: 60,
    stop: { signal: 'SIGTERM', timeout: 30 },
    listen: [{ name: 'http', proto: 'tcp', default: '[::]:8080', spares: 4 }],
    health: { probe: { http: 'http:/healthz', expect: 204 }, interval: 0.5, badFor: 10 },
    handover: { class: 'exclusive', split: false, warm: 60, observe: 600, proxy: 'off' },
    state: { class: 'none' },
    network: { policy: 'prefer', expect: ['tcp:example.org:443'] },
    responsibility: { fixed: 3 },
    eras: ['mesh-2']
  }
]

const textOf = (value: unknown): Bytes => fromText(JSON.stringify(value) ?? 'null')

function sanityOfOta(): void {
  for (const ota of otas) demand(decodeOtaJson(textOf(ota)).name !== '', 'a good ota.json')
}

async function runOta(dice: Dice, offered: Offered): Promise<Outcome> {
  const bytes = mutatedJson(otas, dice)
  offered.what = 'ota.json'
  offered.bytes = bytes
  return await attempt(() => decodeOtaJson(bytes), unsoundOta)
}

function mutatedJson(list: readonly unknown[], dice: Dice): Bytes {
  const value = dice.pick(list)
  if (dice.chance(1, 3)) return mutateBytes(textOf(value), dice)
  if (dice.chance(1, 6)) return splice(textOf(value), textOf(dice.pick(list)), dice)
  return textOf(mutateValue(value, dice, true))
}

/** What starts and watches a process must be there and finite, whatever the file said. */
function unsoundOta(ota: OtaJson): string | null {
  if (!/^[a-z0-9]/.test(ota.name) || ota.name.length > 32) return 'a name that is none'
  if (JSON.stringify(ota.start) === '[]') return 'nothing to start'
  const numbers = numbersIn(ota)
  return numbers.every((n) => Number.isFinite(n) && n >= 0) ? null : 'a number out of range'
}

function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value]
  if (value instanceof Map) return [...value.values()].flatMap(numbersIn)
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : []
}

const plans: readonly unknown[] = [
  { policy: 1, plan: 'standard' },
  { policy: 1, plan: 'urgent', undoSpread: '10m' },
  {
    policy: 1,
    plan: 'custom',
    channel: 'stable',
    kind: 'code',
    level: 'auto',
    stages: [{ share: 5, bake: '6h' }, { share: 25, bake: '1h' }, { share: 100, bake: '1h' }],
    holdBack: 3,
    onHalt: 'undo',
    undoUpTo: 10,
    gate: { settle: '60s', checkpoints: ['5m', '15m', '1h', '4h', '1d'], alpha: 0.01 },
    deadlines: { download: '1d', trial: '10m' },
    retry: { host: 3, timedOut: 2 },
    requires: { daemon: '1.4', protocol: [1, 1] }
  }
] // prettier-ignore
const census = { nodes: 3_000 }
const policyBytes = (['standard', 'short', 'urgent'] as const).map((preset) =>
  encodePolicy(compilePlan(preset, census))
)

function sanityOfPolicies(): void {
  for (const plan of plans) readPolicyFile(JSON.parse(toText(textOf(plan))), census)
  for (const bytes of policyBytes) checkPolicy(decodePolicy(bytes))
}

async function runPolicy(dice: Dice, offered: Offered): Promise<Outcome> {
  if (dice.chance(1, 3)) {
    const bytes = dice.chance(1, 4)
      ? splice(dice.pick(policyBytes), dice.pick(policyBytes), dice)
      : mutateBytes(dice.pick(policyBytes), dice)
    offered.what = 'policy bytes'
    offered.bytes = bytes
    return await attempt(
      () => decodePolicy(bytes),
      (policy) => (equal(encodePolicy(policy), bytes) ? null : 'it was read from other bytes')
    )
  }
  const value = mutateValue(dice.pick(plans), dice, true)
  offered.what = 'a plan file'
  offered.bytes = textOf(value)
  // A drafter's file is signed in its bytes, so the writer of bytes has a say as well.
  return await attempt(() => {
    const { policy } = readPolicyFile(value, census)
    return { policy, bytes: encodePolicy(policy) }
  }, unsoundPolicy)
}

interface Written {
  readonly policy: Policy
  readonly bytes: Bytes
}

/** Shares rise to the whole, and what would be signed reads back as it is. */
function unsoundPolicy({ policy, bytes }: Written): string | null {
  const shares = policy.plan.stages.map(({ sharePpm }) => sharePpm)
  const isRising = shares.every((share, i) => share > (shares[i - 1] ?? 0))
  if (!isRising || shares.at(-1) !== 1_000_000) return 'shares that do not rise to the whole'
  const back = decodePolicy(bytes)
  checkPolicy(back)
  return equal(encodePolicy(back), bytes) ? null : 'what would be signed is another plan'
}

const file = (path: string, content: Bytes, exec = false): TreeEntry => ({
  tag: 'file',
  path,
  exec,
  size: content.byteLength,
  hash: hash([content])
})
const contents: ReadonlyMap<string, Bytes> = new Map(
  ['bin/run', 'lib/a.js', 'lib/b.js'].map((path, i) => [path, fromText(`${path}\n`.repeat(40 * i))])
)
const entries: readonly TreeEntry[] = [
  ...[...contents].map(([path, content]) => file(path, content, path === 'bin/run')),
  { tag: 'link', path: 'lib/c.js', target: 'a.js' },
  { tag: 'folder', path: 'logs' }
]
const manifest = encodeManifest({ entries })
const otherManifest = encodeManifest({ entries: entries.slice(1) })

interface Core {
  readonly artifact: Artifact
  readonly blocks: readonly Bytes[]
}
let core: Core | null = null

async function coreOnce(): Promise<Core> {
  if (core !== null) return core
  const disk = new MemoryDisk()
  for (const [path, content] of contents) await disk.create(`from/${path}`, content, 0o644)
  const pack = await packTree(disk, 'from')
  const blocks: Bytes[] = []
  for await (const block of pack.blocks()) blocks.push(block)
  const { treeDigest, bytes } = pack
  const tree = { component: '', platform: 'linux-x64', treeDigest, entries: pack.entries }
  core = { artifact: { ...tree, bytes, tree: pack.core, patch: null }, blocks }
  return core
}

async function unpacked(blocks: readonly Bytes[], artifact: Artifact): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const readBlock = async (index: number): Promise<Bytes> => blocks[index] ?? new Uint8Array(0)
  await unpackTree(disk, { artifact, readBlock, into: 'into', reuse: [] })
  return disk
}

async function sanityOfManifests(): Promise<void> {
  demand(decodeManifest(manifest).entries.length === entries.length, 'a good manifest')
  const { blocks, artifact } = await coreOnce()
  demand((await unequal(await unpacked(blocks, artifact))) === null, 'a good tree core')
}

async function runManifest(dice: Dice, offered: Offered): Promise<Outcome> {
  if (dice.chance(1, 3)) return await runCore(dice, offered)
  const bytes = dice.chance(1, 4)
    ? splice(manifest, otherManifest, dice)
    : mutateBytes(manifest, dice)
  offered.what = 'a manifest'
  offered.bytes = bytes
  return await attempt(
    () => decodeManifest(bytes),
    (read) => (equal(encodeManifest(read), bytes) ? null : 'it was read from other bytes')
  )
}

/** One block of the core is another, or the release signs other sizes: nothing may come of it. */
async function runCore(dice: Dice, offered: Offered): Promise<Outcome> {
  const { blocks, artifact } = await coreOnce()
  const at = dice.below(blocks.length)
  const block = mutateBytes(blocks[at]!, dice)
  const others = blocks.map((one, i) => (i === at ? block : one))
  const signed = dice.chance(1, 3) ? mutateSizes(artifact, dice) : artifact
  offered.what = `block ${at} of a tree core`
  offered.bytes = block
  return await attempt(() => unpacked(others, signed), unequal)
}

function mutateSizes(artifact: Artifact, dice: Dice): Artifact {
  const { entries: count, bytes, tree } = artifact
  const sizes = mutateValue({ count, bytes, blocks: tree.blocks, stored: tree.bytes }, dice)
  const changed = { ...tree, blocks: sizes.blocks, bytes: sizes.stored }
  return { ...artifact, entries: sizes.count, bytes: sizes.bytes, tree: changed }
}

async function unequal(disk: MemoryDisk): Promise<string | null> {
  const paths = disk.files().filter((path) => path.startsWith('into/'))
  if (paths.length !== contents.size) return 'another tree was unpacked'
  for (const [path, content] of contents) {
    const bytes = await disk.read(`into/${path}`)
    if (bytes === null || !equal(bytes, content)) return `${path} holds other bytes`
  }
  return null
}
