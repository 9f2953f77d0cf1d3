// One file, written and read again a window at a time. Whoever reads it gets exactly what was
// written, or an error with a code, and nothing is written by reading.
import test, { type TestContext } from 'brittle'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { coreBlockBytesMax, isOtaError, MIB, toHex, type Bytes } from '../../lib/base/index.ts'
import { CoreHasher } from '../../lib/artifact/index.ts'
import { readBundle, writeBundle, type Bundle, type Carried } from '../../lib/feed/index.ts'
import { bundleTag, encodeBundleHead, encodeFrameHead } from '../../lib/records/index.ts'
import { hash } from '../../lib/trust/index.ts'
import { codeOf, disk, noise } from '../artifact/trees.ts'
import { foundNetwork, makeRelease, signRelease, wire } from '../tools/people.ts'

const network = foundNetwork()
const release = signRelease(network.id, makeRelease(network.id), [1, 2])

function carried(blocks: readonly Bytes[]): Carried {
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  return { core: hasher.core(), blocks: () => each(blocks) }
}

async function* each(blocks: readonly Bytes[]): AsyncGenerator<Bytes> {
  for (const block of blocks) yield await Promise.resolve(block)
}

const blocks = [noise(300, 1), noise(200, 2), noise(17, 3)]
const small = carried(blocks)
const papers = [wire(release), wire(network.first)]

async function write(t: TestContext, cores: readonly Carried[] = [small]): Promise<string> {
  const file = join(await t.tmp(), 'file.bundle')
  await writeBundle(disk, file, { network: network.id, papers, cores })
  return file
}

async function read(file: string, own: Bytes | null = network.id): Promise<Bundle> {
  return await readBundle(disk, file, { network: own })
}

test('what is written is read again, sorted, each thing once', async (t) => {
  const other = carried([noise(40, 9)])
  const file = join(await t.tmp(), 'file.bundle')
  const twice = [...papers, ...papers]
  const cores = [small, other, small]
  await writeBundle(disk, file, { network: network.id, papers: twice, cores })
  const bundle = await read(file)
  t.alike(
    bundle.papers.map(({ bytes }) => toHex(bytes)),
    [wire(network.first), wire(release)].map(toHex),
    'the trust comes first'
  )
  t.is(bundle.cores.length, 2)
  const found = bundle.cores.find(({ core }) => toHex(core.key) === toHex(small.core.key))
  const back: string[] = []
  for await (const block of found!.blocks()) back.push(toHex(block))
  t.alike(back, blocks.map(toHex))
  const before = readFileSync(file)
  await writeBundle(disk, file, { network: network.id, papers, cores: [other, small] })
  t.ok(before.equals(readFileSync(file)), 'the same content is the same file')
})

test('a file that was cut anywhere is refused, with a code', async (t) => {
  const file = await write(t)
  const whole = readFileSync(file)
  const codes = new Map<string, number>()
  for (let end = 0; end < whole.length; end += 1) {
    writeFileSync(file, whole.subarray(0, end))
    const code = (await codeOf(read(file))) ?? 'none'
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  t.alike([...codes.keys()].toSorted(), ['INCOMPLETE', 'NOT_CANONICAL'])
  t.ok((codes.get('NOT_CANONICAL') ?? 0) <= bundleTag.byteLength, 'only what is no bundle at all')
})

test('a file with any bit turned is refused, with a code', async (t) => {
  const file = await write(t)
  const whole = readFileSync(file)
  for (let at = 0; at < whole.length; at += 1) {
    const bent = Buffer.from(whole)
    bent[at]! ^= 1 << (at % 8)
    writeFileSync(file, bent)
    const code = await codeOf(read(file))
    if (code === null || code === 'INTERNAL') t.fail(`byte ${at}: ${code}`)
  }
  t.alike(readdirSync(join(file, '..')), ['file.bundle'], 'nothing was written')
})

/** A file put together by hand, with the right hash at its end. */
function byHand(parts: readonly Bytes[]): Bytes {
  const body = Buffer.concat([bundleTag, ...parts])
  return Buffer.concat([body, hash([body])])
}

const frame = (bytes: Bytes): Bytes => Buffer.concat([encodeFrameHead(bytes.byteLength), bytes])
const headOf = (count: number, cores = [small.core], id = network.id): Bytes =>
  frame(encodeBundleHead({ network: id, papers: count, cores }))
const sorted = [wire(network.first), wire(release)]

test('a file that says more than it has, or has more than it says, is refused', async (t) => {
  const file = await write(t)
  const codeFor = async (...parts: readonly Bytes[]): Promise<string | null> => {
    writeFileSync(file, byHand(parts))
    return await codeOf(read(file))
  }
  const [one = noise(1), two = one] = sorted
  const all = blocks.map(frame)
  const [b0 = one, b1 = one, b2 = one] = all
  const good = [headOf(2), frame(one), frame(two), ...all]
  t.is(await codeFor(...good), null, 'this is how it is made')
  t.is(await codeFor(...good, noise(1)), 'LENGTH_EXCEEDED', 'a byte behind the end')
  t.is(await codeFor(headOf(2), frame(two), frame(one), ...all), 'NOT_CANONICAL', 'papers turned')
  t.is(await codeFor(headOf(2), frame(one), frame(one), ...all), 'NOT_CANONICAL', 'one twice')
  t.is(await codeFor(headOf(1), frame(one), b1, b0, b2), 'HASH_MISMATCH', 'blocks turned')
  const ends = Buffer.concat([encodeFrameHead(517), ...blocks])
  t.is(await codeFor(headOf(1), frame(one), ends, noise(8)), 'LENGTH_EXCEEDED', 'blocks as one')
  const bomb = encodeFrameHead(0xffffffff)
  t.is(await codeFor(bomb), 'LENGTH_EXCEEDED', 'a head of four gigabytes')
  t.is(await codeFor(headOf(1), bomb), 'LENGTH_EXCEEDED', 'a paper of four gigabytes')
  const huge = { ...small.core, bytes: Number.MAX_SAFE_INTEGER }
  t.is(await codeFor(headOf(1, [huge]), frame(one), ...all), 'INCOMPLETE', 'a core of petabytes')
  const long = [headOf(0), encodeFrameHead(coreBlockBytesMax + 1), noise(525)]
  t.is(await codeFor(...long), 'LENGTH_EXCEEDED', 'a block above its bound')
  const over = [headOf(0), encodeFrameHead(400), noise(400), encodeFrameHead(200), noise(121)]
  t.is(await codeFor(...over), 'LENGTH_EXCEEDED', 'more than the core has left')
  const other = new Uint8Array(32).fill(9)
  t.is(await codeFor(headOf(1, [], other), frame(one)), 'WRONG_NETWORK')
  writeFileSync(file, byHand(good).subarray(0, -32))
  writeFileSync(file, Buffer.concat([byHand(good).subarray(0, -32), noise(32)]))
  t.is(await codeOf(read(file)), 'HASH_MISMATCH', 'another hash')
  t.is(await codeOf(read(join(file, '..'))), 'USAGE', 'a folder is no file')
})

test('nothing has its name before all of it is there', async (t) => {
  const file = await write(t)
  const before = readFileSync(file)
  const liar = { core: small.core, blocks: () => each([noise(300, 4), noise(200), noise(17)]) }
  const parts = { network: network.id, papers }
  t.is(await codeOf(writeBundle(disk, file, { ...parts, cores: [liar] })), 'HASH_MISMATCH')
  const signal = AbortSignal.abort(new Error('stopped'))
  await t.exception(async () => await writeBundle(disk, file, { ...parts, cores: [small], signal }))
  t.ok(before.equals(readFileSync(file)), 'the old file is as it was')
  t.alike(readdirSync(join(file, '..')), ['file.bundle'], 'and nothing lies beside it')
})

test('a large core passes through a window of memory', { timeout: 60_000 }, async (t) => {
  const count = 200
  const block = noise(MIB / 4, 5)
  async function* many(): AsyncGenerator<Bytes> {
    for (let n = 0; n < count; n++) {
      block[0] = n
      yield await Promise.resolve(block.slice())
    }
  }
  const hasher = new CoreHasher()
  for await (const one of many()) hasher.push(one)
  let most = 0
  const look = (): void => {
    most = Math.max(most, process.memoryUsage().arrayBuffers)
  }
  const start = process.memoryUsage().arrayBuffers
  const file = join(await t.tmp(), 'large.bundle')
  const cores = [{ core: hasher.core(), blocks: many }]
  await writeBundle(disk, file, { network: network.id, papers, cores, onBytes: look })
  const bundle = await readBundle(disk, file, { network: network.id, onBytes: look })
  t.is(bundle.cores[0]?.core.blocks, count)
  t.comment(`${Math.round((most - start) / MIB)} MiB for a core of ${count / 4} MiB`)
  t.ok(most - start < 40 * MIB, 'less than the core')
})

test('a reader that may end early leaves no error behind', async (t) => {
  const file = await write(t)
  const bundle = await read(file)
  writeFileSync(file, readFileSync(file).subarray(0, 300))
  try {
    for await (const block of bundle.cores[0]!.blocks()) t.ok(block)
    t.fail('the file is shorter now')
  } catch (error) {
    t.ok(isOtaError(error, 'INCOMPLETE'), 'a file that changed under its reader')
  }
})
