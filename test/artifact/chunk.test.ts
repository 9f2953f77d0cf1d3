import test from 'brittle'
import * as fc from 'fast-check'
import { closesGroup, cut, gearTable } from '../../lib/artifact/chunk.ts'
import { cutTree, readSequence, sequenceOf } from '../../lib/artifact/sequence.ts'
import { scanTree } from '../../lib/artifact/index.ts'
import { chunkBytesMax, concat, equal, KIB, MIB, type Bytes } from '../../lib/base/index.ts'
import { disk, noise, prose, writeTree } from './trees.ts'

function cutAll(bytes: Bytes): number[] {
  const sizes: number[] = []
  for (let at = 0; at < bytes.byteLength; at += sizes.at(-1)!) sizes.push(cut(bytes, at))
  return sizes
}

/** Where chunks of these sizes end. */
function ends(sizes: readonly number[]): Set<number> {
  let at = 0
  return new Set(sizes.map((size) => (at += size)))
}

test('the gear table has its committed numbers', (t) => {
  const table = gearTable()
  const hex = (i: number): string => table[i]!.toString(16).padStart(8, '0')
  t.alike([0, 1, 2, 3].map(hex), ['3cd6e3f3', '1b147dcc', '4c081dbf', '487981ab'])
  t.is(hex(255), 'a63799a4')
})

test('one MiB of xorshift is cut where the committed vector says', (t) => {
  t.alike(
    cutAll(noise(MIB)),
    [
      70843, 100213, 67179, 81099, 71151, 18983, 82948, 88347, 27970, 84090, 57342, 82501, 65623,
      84214, 66073
    ]
  )
})

test('chunks cover everything and keep their bounds', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 700_000 }), fc.integer({ min: 1 }), (size, seed) => {
      const sizes = cutAll(noise(size, seed))
      const sum = sizes.reduce((a, b) => a + b, 0)
      const inner = sizes.slice(0, -1)
      return sum === size && inner.every((one) => one > 16 * KIB && one <= chunkBytesMax)
    }),
    { numRuns: 60 }
  )
  t.alike(cutAll(new Uint8Array(600_000)), [262_144, 262_144, 75_712], 'zeros reach the maximum')
})

test('a byte put in front moves few cuts', (t) => {
  const bytes = noise(2 * MIB)
  const before = ends(cutAll(bytes))
  const after = [...ends(cutAll(concat([Uint8Array.of(1), bytes])))].map((end) => end - 1)
  t.ok(after.filter((end) => before.has(end)).length > 20)
})

test('a group closes by size, or where the hash of the last content says', (t) => {
  const low = new Uint8Array(32)
  const high = new Uint8Array(32).fill(255)
  t.ok(closesGroup(128 * KIB, 1, high))
  t.absent(closesGroup(16 * KIB - 1, 1_000, low))
  t.ok(closesGroup(16 * KIB, 1_000, low))
  t.absent(closesGroup(100 * KIB, 1_000, high))
})

test('cut files, small and large, joined are the content sequence', async (t) => {
  const folder = await writeTree(`${await t.tmp()}/tree`, {
    'a/large': noise(3 * MIB, 5),
    'b/one': prose(9_000, 3),
    'b/two': prose(40_000, 4),
    'b/copy-of-one': prose(9_000, 3),
    'c/middle': prose(64 * KIB, 9),
    'd/three': prose(63 * KIB, 11),
    empty: ''
  })
  const sequence = sequenceOf(await scanTree(disk, folder))
  t.is(sequence.contents.length, 5, 'equal contents count once, the empty one not at all')
  const pieces: Bytes[] = []
  let at = 0
  for await (const { start, raw } of cutTree(disk, folder, sequence)) {
    t.is(start, at)
    at += raw.byteLength
    pieces.push(raw)
  }
  const all = concat(pieces)
  t.is(all.byteLength, sequence.size)
  const range = { start: 1_000, size: sequence.size - 2_000 }
  t.ok(equal(await readSequence(disk, folder, sequence, range), all.subarray(1_000, -1_000)))
})
