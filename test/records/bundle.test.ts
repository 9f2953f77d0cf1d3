// A bundle's head, the order of its papers, a mirror's index and the table before the blocks of a
// core: one encoding each, and every other form refused.
import test from 'brittle'
import * as fc from 'fast-check'
import {
  coreBlockBytesMax,
  isOtaError,
  offlineCoresMax,
  offlinePapersMax,
  toHex
} from '../../lib/base/index.ts'
import {
  comparePapers,
  coreTableBytes,
  decodeBundleHead,
  decodeCoreTable,
  decodeFrameHead,
  decodeMirrorIndex,
  encodeBundleHead,
  encodeCoreTable,
  encodeFrameHead,
  encodeMirrorIndex,
  readPaper,
  type BundleHead,
  type CoreRef,
  type MirrorIndex
} from '../../lib/records/index.ts'
import { foundNetwork, makeRelease, signRelease, wire } from '../tools/people.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const core: fc.Arbitrary<CoreRef> = fc.record({
  key: bytes32,
  blocks: fc.integer({ min: 1, max: 0xffffffff }),
  bytes: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
})
const cores = fc.uniqueArray(core, { maxLength: 8, selector: ({ key }) => toHex(key) })
const head: fc.Arbitrary<BundleHead> = fc.record({
  network: bytes32,
  papers: fc.integer({ min: 0, max: offlinePapersMax }),
  cores
})

function codeOf(deed: () => unknown): string {
  try {
    deed()
    return 'none'
  } catch (error) {
    return isOtaError(error) ? error.code : String(error)
  }
}

const byKey = (a: CoreRef, b: CoreRef): number => (toHex(a.key) < toHex(b.key) ? -1 : 1)

test('a head has one encoding, whatever the order of its cores', (t) => {
  fc.assert(
    fc.property(head, (value) => {
      const bytes = encodeBundleHead(value)
      const back = decodeBundleHead(bytes)
      const turned = { ...value, cores: value.cores.toReversed() }
      return (
        toHex(encodeBundleHead(back)) === toHex(bytes) &&
        toHex(encodeBundleHead(turned)) === toHex(bytes) &&
        back.cores.length === value.cores.length
      )
    }),
    { numRuns: 200 }
  )
  t.pass()
})

test('a head that is cut, longer, or out of order is refused', (t) => {
  const value: BundleHead = {
    network: new Uint8Array(32).fill(1),
    papers: 3,
    cores: [
      { key: new Uint8Array(32).fill(2), blocks: 4, bytes: 1_000 },
      { key: new Uint8Array(32).fill(3), blocks: 1, bytes: 5 }
    ]
  }
  const bytes = encodeBundleHead(value)
  for (let end = 0; end < bytes.byteLength; end++) {
    t.ok(codeOf(() => decodeBundleHead(bytes.subarray(0, end))) === 'NOT_CANONICAL' || end === 0)
  }
  const long = new Uint8Array(bytes.byteLength + 1)
  long.set(bytes)
  t.is(
    codeOf(() => decodeBundleHead(long)),
    'NOT_CANONICAL'
  )
  const [a = value.cores[0]!, b = a] = value.cores.toSorted(byKey)
  const one = encodeBundleHead({ ...value, cores: [a] })
  const other = encodeBundleHead({ ...value, cores: [b] })
  const swapped = new Uint8Array(bytes.byteLength)
  swapped.set(bytes.subarray(0, 34))
  swapped.set(other.subarray(34), 34)
  swapped.set(one.subarray(34), other.byteLength)
  t.is(
    codeOf(() => decodeBundleHead(swapped)),
    'NOT_CANONICAL',
    'cores in another order'
  )
  const many = Array.from({ length: offlineCoresMax + 1 }, (_, n) => {
    const key = new Uint8Array(32)
    new DataView(key.buffer).setUint32(0, n)
    return { key, blocks: 1, bytes: 1 }
  })
  t.is(
    codeOf(() => encodeBundleHead({ ...value, cores: many })),
    'OVER_LIMIT'
  )
  t.is(
    codeOf(() => encodeBundleHead({ ...value, papers: offlinePapersMax + 1 })),
    'OVER_LIMIT'
  )
  const empty = { key: a.key, blocks: 0, bytes: 0 }
  t.is(
    codeOf(() => encodeBundleHead({ ...value, cores: [empty] })),
    'NOT_CANONICAL'
  )
})

test('papers stand in the order in which they can be judged', (t) => {
  const network = foundNetwork()
  const trust = readPaper(wire(network.first))
  const release = readPaper(wire(signRelease(network.id, makeRelease(network.id))))
  t.ok(comparePapers(trust, release) < 0, 'trusts come first')
  t.is(comparePapers(trust, trust), 0)
  const evidence = readPaper(new Uint8Array(120).fill(1))
  t.is(evidence.tag, 'evidence')
  t.ok(comparePapers(release, evidence) < 0)
  t.is(
    codeOf(() => readPaper(new Uint8Array(2_000).fill(1))),
    'OVER_LIMIT'
  )
  t.is(
    codeOf(() => readPaper(new Uint8Array(0))),
    'NOT_CANONICAL'
  )
  t.is(
    codeOf(() => readPaper(new Uint8Array(70_000).fill(2))),
    'OVER_LIMIT'
  )
})

test('a frame says its length in four bytes', (t) => {
  for (const size of [0, 1, 255, 65_536, 0xffffffff]) {
    t.is(decodeFrameHead(encodeFrameHead(size)), size)
  }
})

test('an index of a mirror has one encoding', (t) => {
  const id = fc.record({
    type: fc.integer({ min: 1, max: 255 }),
    id: bytes32,
    a: fc.nat(),
    b: fc.nat(),
    sigs: fc.integer({ min: 0, max: 160 })
  })
  const index: fc.Arbitrary<MirrorIndex> = fc.record({
    network: bytes32,
    statements: fc.uniqueArray(id, { maxLength: 6, selector: (one) => toHex(one.id) }),
    evidence: fc.uniqueArray(bytes32, { maxLength: 4, selector: toHex }),
    cores
  })
  fc.assert(
    fc.property(index, (value) => {
      const bytes = encodeMirrorIndex(value)
      return toHex(encodeMirrorIndex(decodeMirrorIndex(bytes))) === toHex(bytes)
    }),
    { numRuns: 200 }
  )
  const bytes = encodeMirrorIndex({
    network: new Uint8Array(32),
    statements: [],
    evidence: [],
    cores: []
  })
  for (let end = 0; end < bytes.byteLength; end++) {
    t.is(
      codeOf(() => decodeMirrorIndex(bytes.subarray(0, end))),
      'NOT_CANONICAL'
    )
  }
})

test('the table of a core has the sizes that the core has', (t) => {
  const leaf = new Uint8Array(32).fill(5)
  const entries = [
    { size: 10, leaf },
    { size: 7, leaf }
  ]
  const table = encodeCoreTable(entries)
  const ref = { key: leaf, blocks: 2, bytes: 17 }
  t.is(table.byteLength, coreTableBytes(2))
  t.alike(decodeCoreTable(table, ref), entries)
  t.is(
    codeOf(() => decodeCoreTable(table, { ...ref, bytes: 18 })),
    'LENGTH_EXCEEDED'
  )
  t.is(
    codeOf(() => decodeCoreTable(table, { ...ref, blocks: 3 })),
    'LENGTH_EXCEEDED'
  )
  t.is(
    codeOf(() => decodeCoreTable(table.subarray(1), ref)),
    'LENGTH_EXCEEDED'
  )
  const bomb = encodeCoreTable([{ size: coreBlockBytesMax + 1, leaf }])
  const large = { key: leaf, blocks: 1, bytes: coreBlockBytesMax + 1 }
  t.is(
    codeOf(() => decodeCoreTable(bomb, large)),
    'LENGTH_EXCEEDED'
  )
})
