import test from 'brittle'
import * as fc from 'fast-check'
import { decodeManifest, encodeManifest, treeDigest } from '../../lib/artifact/index.ts'
import type { Manifest, TreeEntry } from '../../lib/artifact/index.ts'
import { fold } from '../../lib/artifact/paths.ts'
import { equal, fromHex, fromText, toHex } from '../../lib/base/index.ts'
import { hash } from '../../lib/trust/index.ts'
import { codeOf } from './trees.ts'

const vectorHex = [
  '4f54414d010104',
  '010762696e2f72756e0a008ee53e94c1e0fff627cfe82080cdd0f267457b2feb846dfb7d654e49115eb1',
  '02036375720762696e2f72756e',
  '030464617461',
  '0005656d707479000e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8'
].join('')

function file(path: string, text = '', exec = false): TreeEntry {
  const bytes = fromText(text)
  return { tag: 'file', path, exec, size: bytes.byteLength, hash: hash([bytes]) }
}

const vector: Manifest = {
  entries: [
    { tag: 'folder', path: 'data' },
    file('empty'),
    { tag: 'link', path: 'cur', target: 'bin/run' },
    file('bin/run', '#!/bin/sh\n', true)
  ]
}

async function refusal(entries: readonly TreeEntry[], platform = ''): Promise<string | null> {
  return await codeOf((async () => encodeManifest({ entries }, platform))())
}

function link(path: string, target: string): TreeEntry {
  return { tag: 'link', path, target }
}

async function decode(hex: string): Promise<string | null> {
  return await codeOf((async () => decodeManifest(fromHex(hex)))())
}

test('the manifest of the committed vector has its bytes and its tree digest', (t) => {
  const bytes = encodeManifest(vector)
  t.is(toHex(bytes), vectorHex)
  t.is(bytes.byteLength, 108)
  t.is(toHex(treeDigest(bytes)), '9e7443f1a97e7c30099ec6ee641fd7432e67107d103ae4574209427f7f49e3c8')
  t.is(toHex(encodeManifest(decodeManifest(bytes))), vectorHex)
})

test('entries go by the bytes of the whole path, not folder by folder', (t) => {
  const bytes = encodeManifest({ entries: [file('a/b'), file('a-b'), file('a.b')] })
  t.alike(
    decodeManifest(bytes).entries.map((entry) => entry.path),
    ['a-b', 'a.b', 'a/b']
  )
})

test('every shortened and every bit-flipped manifest is refused or another tree', async (t) => {
  const bytes = fromHex(vectorHex)
  const digest = treeDigest(bytes)
  let same = 0
  for (let size = 0; size < bytes.byteLength; size += 1) {
    const code = await codeOf((async () => decodeManifest(bytes.subarray(0, size)))())
    if (code === null) same += 1
  }
  for (let bit = 0; bit < bytes.byteLength * 8; bit += 1) {
    const flipped = Uint8Array.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    const code = await codeOf((async () => decodeManifest(flipped))())
    if (code !== null && code !== 'BAD_TREE' && code !== 'UNSUPPORTED') t.fail(code)
    if (code === null && equal(treeDigest(flipped), digest)) same += 1
  }
  t.is(same, 0)
})

test('trailing bytes, long integers, unknown types and versions are refused', async (t) => {
  t.is(await decode(vectorHex + '00'), 'BAD_TREE')
  t.is(await decode(vectorHex.replace('4f54414d010104', '4f54414d01018400')), 'BAD_TREE')
  t.is(await decode(vectorHex.replace('4f54414d0101', '4f54414d0201')), 'UNSUPPORTED')
  t.is(await decode(vectorHex.replace('4f54414d0101', '4f54414d0102')), 'UNSUPPORTED')
  t.is(await decode('4f54414d010101040161'), 'BAD_TREE')
  t.is(await decode('4f54414d010100'), 'BAD_TREE', 'an empty tree')
  t.is(await decode('4f54414d010102030162030161'), 'BAD_TREE', 'out of order')
  t.is(await decode('4f54414d010102030161030161'), 'BAD_TREE', 'twice')
  t.is(await decode('4f54414d0101010302c328'), 'BAD_TREE', 'no UTF-8')
})

test('paths that some platform misreads are refused', async (t) => {
  const bad = [
    '../a', '/a', 'a/../b', './a', 'a//b', 'a/', '', 'a\\b', 'c:a', 'a\u0000', 'a\nb', 'a\u0085',
    'a.', 'a ', 'dir./a', 'CON', 'con.txt', 'x/Lpt9.tar.gz', 'e\u0301', 'x'.repeat(256),
    `${'d/'.repeat(64)}f`, `${'long-part/'.repeat(52)}f`
  ] // prettier-ignore
  for (const path of bad) t.is(await refusal([file(path)]), 'BAD_TREE', JSON.stringify(path))
  for (const path of ['con1', 'a b', '.hidden', 'é', 'COM10', 'a..b', 'what?']) {
    t.is(await refusal([file(path)]), null, path)
  }
  t.is(await refusal([file('what?')], 'win32-x64'), 'BAD_TREE')
})

test('twins, also of folders, and entries below entries are refused', async (t) => {
  t.is(await refusal([file('Readme'), file('README')]), 'BAD_TREE')
  t.is(await refusal([file('lib/a'), file('LIB/b')]), 'BAD_TREE', 'folders that differ in case')
  t.is(await refusal([file('straße'), file('STRASSE')]), 'BAD_TREE', 'ß and ss')
  t.is(await refusal([file('a'), file('a/b')]), 'BAD_TREE')
  t.is(await refusal([{ tag: 'folder', path: 'a' }, file('a/b')]), 'BAD_TREE')
  t.is(await refusal([{ tag: 'link', path: 'a', target: 'b' }, file('a/c'), file('b')]), 'BAD_TREE')
  t.is(await refusal([file('lib/a'), file('lib/b'), file('libs')]), null)
  t.is(fold('STRASSE'), fold('straße'))
})

test('links stay inside the tree, name something, and end', async (t) => {
  const bad: readonly (readonly TreeEntry[])[] = [
    [link('a', '/etc/passwd')],
    [link('a', '../x'), file('x')],
    [link('d/a', '../..'), file('x')],
    [link('d/a', '..'), file('x')],
    [link('a', 'missing')],
    [link('a', '')],
    [link('a', 'b/../c'), file('b/c'), file('c')],
    [link('a', './b'), file('b')],
    [link('a', 'b/'), file('b/c')],
    [link('a', 'a')],
    [link('a', 'b'), link('b', 'a')],
    [link('a', 'l/f'), link('l', 'd'), file('d/f')],
    [...Array.from({ length: 9 }, (_, i) => link(`l${i}`, `l${i + 1}`)), file('l9')]
  ]
  for (const entries of bad) {
    const first = entries[0]
    t.is(await refusal(entries), 'BAD_TREE', first?.tag === 'link' ? first.target : '')
  }
  t.is(await refusal([link('d/a', '../e'), file('e/f')]), null, 'an implied folder counts')
  const chain = Array.from({ length: 8 }, (_, i) => link(`l${i}`, `l${i + 1}`))
  t.is(await refusal([...chain, file('l8')]), null)
})

test('what is accepted encodes to the same bytes, and nothing else is accepted', (t) => {
  const part = fc.stringMatching(/^x[a-z]{0,5}$/)
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
  const paths = fc.uniqueArray(path, { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(paths, fc.boolean(), (names, exec) => {
      const kept = names.filter((name) => !names.some((other) => other.startsWith(`${name}/`)))
      const bytes = encodeManifest({ entries: kept.map((name) => file(name, name, exec)) })
      const again = encodeManifest(decodeManifest(bytes))
      const turned = encodeManifest({ entries: [...decodeManifest(bytes).entries].toReversed() })
      return equal(bytes, again) && equal(bytes, turned)
    }),
    { numRuns: 200 }
  )
  t.pass()
})

test('bytes that are no manifest are refused with our codes only', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (tail) => {
      const bytes = new Uint8Array([...fromHex('4f54414d0101'), ...tail])
      const code = await codeOf((async () => decodeManifest(bytes))())
      return code === null || code === 'BAD_TREE'
    }),
    { numRuns: 400 }
  )
  t.pass()
})
