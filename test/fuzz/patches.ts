import { concat, copy, equal, fromText, KIB, MIB, type Bytes } from '../../lib/base/index.ts'
import {
  decodeIndex,
  decodeManifest,
  encodeIndex,
  encodeManifest,
  makePatch,
  packTree,
  routesOf,
  scanTree,
  treeDigest,
  unpackPatch,
  unpackTree,
  type IndexItem,
  type Manifest
} from '../../lib/artifact/index.ts'
import { decodePrefix, encodePatch } from '../../lib/artifact/patch/file.ts'
import { packStream, unpackStream } from '../../lib/artifact/patch/stream-coder.ts'
import type { Desc, PackedStream } from '../../lib/artifact/patch/desc.ts'
import type { Artifact } from '../../lib/records/index.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { Dice } from './dice.ts'
import { mutateBytes, mutateValue, splice } from './mutate.ts'
import { attempt, demand, written, type Offered, type Outcome, type Target } from './outcome.ts'

/** Patches: their bytes, and their streams before they are packed. */
export const patches: Target = { name: 'patches', weight: 8, sanity, run: runPatch }
/** Tree cores: a block, a signed number, or a list of files that somebody signed. */
export const cores: Target = { name: 'tree cores', weight: 6, sanity, run: runCore }
/** Block 0 of a patch core. */
export const indices: Target = {
  name: 'indices',
  weight: 3,
  sanity: sanityOfIndices,
  run: runIndex
}
/** Local trees that are not what they were: a saving, or the end of a patch, and nothing else. */
export const locals: Target = { name: 'local trees', weight: 2, sanity, run: runLocal }

const into = '/stage/op/tree'

type Spec = readonly (readonly [path: string, content: Bytes | { readonly link: string } | null])[]

interface Tree {
  readonly folder: string
  readonly manifest: Manifest
  readonly manifestBytes: Bytes
  readonly artifact: Artifact
  readonly blocks: readonly Bytes[]
}

interface Sample {
  readonly from: Tree | null
  readonly to: Tree
  readonly patch: Bytes
  readonly streams: readonly Bytes[]
}

interface Scene {
  readonly disk: MemoryDisk
  readonly trees: readonly Tree[]
  readonly samples: readonly Sample[]
}

let scene: Promise<Scene> | null = null

async function sceneOnce(): Promise<Scene> {
  scene ??= makeScene()
  return await scene
}

async function makeScene(): Promise<Scene> {
  const disk = new MemoryDisk()
  const dice = new Dice('trees', 0)
  const code = letters(dice, 6_000)
  const old = await lay(disk, '/v/old', [
    ['aa/one', letters(dice, 700)],
    ['aa/two', code],
    ['bin', letters(dice, 3_000)],
    ['gone', letters(dice, 400)],
    ['hollow', null],
    ['nothing', new Uint8Array(0)],
    ['to', { link: 'aa/one' }]
  ])
  const now = await lay(disk, '/v/now', [
    ['aa/new', letters(dice, 300)],
    ['aa/one', letters(dice, 900)],
    ['aa/two', spoiled(code)],
    ['bb/two', spoiled(code)],
    ['bin', letters(dice, 3_000)],
    ['void', new Uint8Array(0)],
    ['to', { link: 'aa/new' }]
  ])
  const pairs = [
    { from: old, to: now },
    { from: now, to: old },
    { from: null, to: now }
  ]
  const samples: Sample[] = []
  for (const { from, to } of pairs) {
    const made = await makePatch(disk, from, to)
    if (made === null) throw new Error('no patch could be made')
    samples.push({ from, to, patch: made.bytes, streams: await streamsOf(made.bytes) })
  }
  return { disk, trees: [old, now], samples }
}

function letters(dice: Dice, size: number): Bytes {
  return dice.bytes(size).map((byte) => 97 + (byte % 7))
}

function spoiled(bytes: Bytes): Bytes {
  const other = bytes.map((byte, i) => (i % 601 === 7 ? 90 : byte))
  return concat([other.subarray(0, 2_000), fromText('put in between'), other.subarray(2_000)])
}

async function lay(disk: MemoryDisk, folder: string, spec: Spec): Promise<Tree> {
  for (const [path, content] of spec) {
    const at = `${folder}/${path}`
    if (content === null) await disk.makeFolder(at)
    else if ('link' in content) await disk.makeLink(at, content.link)
    else await disk.create(at, content, path === 'bin' ? 0o755 : 0o644)
  }
  const manifestBytes = encodeManifest(await scanTree(disk, folder))
  const manifest = decodeManifest(manifestBytes)
  const pack = await packTree(disk, folder)
  const blocks: Bytes[] = []
  for await (const block of pack.blocks()) blocks.push(block)
  const signed = { treeDigest: treeDigest(manifestBytes), entries: pack.entries, bytes: pack.bytes }
  const what = { component: '', platform: 'linux-x64', ...signed }
  const artifact = { ...what, tree: pack.core, patch: null }
  return { folder, manifest, manifestBytes, artifact, blocks }
}

/** The streams of a patch, unpacked, in the order in which they lie. */
async function streamsOf(patch: Bytes): Promise<readonly Bytes[]> {
  const { size, delta, windows } = decodePrefix(patch)
  const descs: readonly Desc[] = [
    delta,
    ...windows.flatMap((one) => [one.control, one.zeros, one.differences, one.extra])
  ]
  const streams: Bytes[] = []
  let at = size
  for (const desc of descs) {
    streams.push(await unpackStream(patch.subarray(at, at + desc.packedSize), desc))
    at += desc.packedSize
  }
  return streams
}

async function sanity(): Promise<void> {
  const { disk, samples, trees } = await sceneOnce()
  for (const { from, to, patch, streams } of samples) {
    const work = disk.fork()
    await applied(work, patch, from, to.artifact)
    demand((await unlike(work, to)) === null, 'a good patch')
    demand(equal(await packed(patch, streams), patch), 'streams make the patch they came from')
  }
  for (const tree of trees) {
    const work = disk.fork()
    await unpacked(work, tree.blocks, tree.artifact)
    demand((await unlike(work, tree)) === null, 'a good tree core')
  }
}

/** The patch again, of these streams; `sizes` may lie. */
async function packed(patch: Bytes, streams: readonly Bytes[]): Promise<Bytes> {
  const prefix = decodePrefix(patch)
  const [delta, ...rest] = await Promise.all(streams.map(packStream))
  const windows = prefix.windows.map(({ source, targetSize }, i) => {
    const four = rest.slice(4 * i, 4 * i + 4)
    // Cast: each window has four streams.
    return { source, targetSize, streams: four as unknown as FourStreams }
  })
  if (delta === undefined) throw new Error('a patch has a tree delta')
  return encodePatch({ ...prefix, delta, windows })
}

type FourStreams = readonly [PackedStream, PackedStream, PackedStream, PackedStream]

async function runPatch(dice: Dice, offered: Offered): Promise<Outcome> {
  const { disk, samples } = await sceneOnce()
  const { from, to, patch, streams } = dice.pick(samples)
  offered.what = 'a patch'
  offered.bytes = await mutatedPatch({ patch, streams, other: dice.pick(samples).patch }, dice)
  const work = disk.fork()
  const outcome = await attempt(
    async () => await applied(work, offered.bytes, from, to.artifact),
    async () => await unlike(work, to)
  )
  return clean(work, outcome)
}

interface Parts {
  readonly patch: Bytes
  readonly streams: readonly Bytes[]
  readonly other: Bytes
}

async function mutatedPatch({ patch, streams, other }: Parts, dice: Dice): Promise<Bytes> {
  if (dice.chance(1, 3)) return mutateBytes(patch, dice)
  if (dice.chance(1, 10)) return splice(patch, other, dice)
  const at = dice.chance(1, 3) ? 0 : dice.below(streams.length)
  const changed = streams.map((stream, i) => (i === at ? mutateStream(stream, dice) : stream))
  return await packed(patch, changed)
}

const hostile = [
  '../one',
  '/a/one',
  'aa//ne',
  'aa/..e',
  'aa/../',
  'aa\\one',
  'aa/o\u0000e',
  'CON/on'
]

/** In a tree delta also a path that leads out. */
function mutateStream(stream: Bytes, dice: Dice): Bytes {
  const at = find(stream, fromText('aa/'))
  if (at === -1 || dice.chance(1, 2)) return mutateBytes(stream, dice)
  const name = fromText(dice.pick(hostile))
  const changed = copy(stream)
  changed.set(name.subarray(0, changed.byteLength - at), at)
  return changed
}

function find(bytes: Bytes, part: Bytes): number {
  for (let at = 0; at + part.byteLength <= bytes.byteLength; at += 1) {
    if (equal(bytes.subarray(at, at + part.byteLength), part)) return at
  }
  return -1
}

async function runCore(dice: Dice, offered: Offered): Promise<Outcome> {
  const { disk, trees } = await sceneOnce()
  const tree = dice.pick(trees)
  const at = dice.below(tree.blocks.length)
  const block = dice.chance(1, 8)
    ? splice(tree.blocks[at]!, dice.pick(trees).blocks[0]!, dice)
    : mutateBytes(tree.blocks[at]!, dice)
  offered.what = `block ${at} of a tree core`
  offered.bytes = block
  const others = tree.blocks.map((one, i) => (i === at ? block : one))
  const signed = dice.chance(1, 4) ? mutateValue(tree.artifact, dice) : tree.artifact
  const reuse = dice.chance(1, 2) ? [dice.pick(trees).folder] : []
  const work = disk.fork()
  const outcome = await attempt(
    async () => await unpacked(work, others, { ...signed, platform: 'linux-x64' }, reuse),
    async () => await unlike(work, tree)
  )
  return clean(work, outcome)
}

async function runLocal(dice: Dice, offered: Offered): Promise<Outcome> {
  const { disk, samples } = await sceneOnce()
  const { from, to, patch } = samples[dice.below(2)]!
  const work = disk.fork()
  const files = work.files().filter((path) => path.startsWith(`${from!.folder}/`))
  const path = dice.pick(files)
  const bytes = mutateBytes((await work.read(path)) ?? fromText('a link'), dice)
  await work.remove(path)
  await work.create(path, bytes, 0o644)
  offered.what = `another "${path}" in a local tree`
  offered.bytes = bytes
  const damaged = work.fork()
  if (dice.chance(1, 2)) {
    // Chunks never fail by what lies here: they are worth a look, no more.
    await unpacked(damaged, to.blocks, to.artifact, [from!.folder])
    const fault = outside(damaged) ?? (await unlike(damaged, to))
    return { codes: [], taken: true, fault }
  }
  const outcome = await attempt(
    async () => await applied(damaged, patch, from, to.artifact),
    async () => await unlike(damaged, to)
  )
  return clean(damaged, outcome)
}

async function applied(
  disk: MemoryDisk,
  patch: Bytes,
  from: Tree | null,
  artifact: Artifact
): Promise<void> {
  const read = async (offset: number, size: number): Promise<Bytes> =>
    patch.subarray(offset, offset + size)
  const base = from === null ? null : { folder: from.folder, treeDigest: from.artifact.treeDigest }
  const bytes = { size: patch.byteLength, read }
  await unpackPatch(disk, { artifact, patch: bytes, from: base, into })
}

async function unpacked(
  disk: MemoryDisk,
  blocks: readonly Bytes[],
  artifact: Artifact,
  reuse: readonly string[] = []
): Promise<void> {
  const readBlock = async (index: number): Promise<Bytes> => blocks[index] ?? new Uint8Array(0)
  await unpackTree(disk, { artifact, readBlock, into, reuse })
}

/** What was accepted is the one tree that was signed, byte for byte. */
async function unlike(disk: MemoryDisk, to: Tree): Promise<string | null> {
  const found = encodeManifest(await scanTree(disk, into))
  return equal(found, to.manifestBytes) ? null : 'it took another tree than the signed one'
}

function clean(disk: MemoryDisk, outcome: Outcome): Outcome {
  const left = outcome.taken ? [] : disk.files().filter((path) => path.startsWith('/stage/'))
  const fault = left.length > 0 ? `a refusal left ${left.join(' ')}` : outside(disk)
  return { ...outcome, fault: outcome.fault ?? fault }
}

/** Every change must be inside the stage; its parent may be made. */
function outside(disk: MemoryDisk): string | null {
  const wrong = disk.journal.find((line) => {
    const [, path = ''] = /^\S+ (.*)$/s.exec(line) ?? []
    if (line === 'folder /stage/op') return false
    if (path !== into && !path.startsWith(`${into}/`)) return true
    return path.split('/').includes('..')
  })
  return wrong === undefined ? null : `a change outside the stage: ${wrong}`
}

const digest = (number: number): Bytes => new Uint8Array(32).fill(number)

const items: readonly IndexItem[] = [
  {
    kind: 'patch',
    from: digest(1),
    chunkBytes: 900_000,
    place: { startBlock: 1, bytes: 300 * KIB, lgwin: 24 }
  },
  { kind: 'base', from: digest(2), chunkBytes: 7 },
  {
    kind: 'patch',
    from: digest(3),
    chunkBytes: MIB,
    place: { startBlock: 3, bytes: 17, lgwin: 27 }
  },
  { kind: 'solid', place: { startBlock: 4, bytes: 256 * KIB, lgwin: 24 } }
]
const blocksOfItems = 5

function sanityOfIndices(): void {
  const read = decodeIndex(encodeIndex(items), blocksOfItems)
  demand(equal(encodeIndex(read), encodeIndex(items)), 'a good index')
}

async function runIndex(dice: Dice, offered: Offered): Promise<Outcome> {
  const { trees } = await sceneOnce()
  const changed = dice.chance(1, 2) ? written(() => encodeIndex(mutateItems(dice))) : null
  const bytes = changed ?? mutateBytes(encodeIndex(items), dice)
  const blocks = dice.chance(1, 4) ? dice.below(2_000) : blocksOfItems
  offered.what = `an index of ${blocks} blocks`
  offered.bytes = bytes
  return await attempt(
    () => decodeIndex(bytes, blocks),
    (read) => unsoundIndex(read, bytes, { blocks, artifact: trees[0]!.artifact })
  )
}

/** Numbers that no writer could write are left as they were. */
function mutateItems(dice: Dice): readonly IndexItem[] {
  return mutateValue(items, dice).map((item, i) => {
    if (!['patch', 'solid', 'base'].includes(item.kind)) return items[i % items.length]!
    const numbers = item.kind === 'solid' ? [] : [item.chunkBytes]
    const place = item.kind === 'base' ? [] : Object.values(item.place)
    const isGood = [...numbers, ...place].every((n) => Number.isSafeInteger(n) && n >= 0)
    return isGood ? item : items[i % items.length]!
  })
}

function unsoundIndex(
  read: readonly IndexItem[],
  bytes: Bytes,
  { blocks, artifact }: { readonly blocks: number; readonly artifact: Artifact }
): string | null {
  if (!equal(encodeIndex(read), bytes)) return 'it was read from other bytes'
  for (const item of read) {
    if (item.kind === 'base') continue
    const { startBlock, bytes: size } = item.place
    const end = startBlock + Math.ceil(size / (256 * KIB))
    if (startBlock < 1 || size < 1 || end > blocks) return 'a route that lies outside its core'
  }
  const local = [digest(1), digest(2), digest(3)]
  const routes = routesOf({ artifact, items: read, local, others: [], lgwinMax: 24 })
  if (!routes.some(({ tag }) => tag === 'chunks')) return 'chunks are no way any more'
  const isFinite = routes.every(({ cost }) => Number.isFinite(cost) && cost >= 0)
  if (!isFinite) return 'a way that costs less than nothing'
  return null
}
