import { join } from 'node:path'
import * as fc from 'fast-check'
import test, { type TestContext } from 'brittle'
import { makePatch, scanTree, unpackPatch, verifyTree } from '../../lib/artifact/index.ts'
import { applyWindow } from '../../lib/artifact/patch/apply.ts'
import { encodeDelta } from '../../lib/artifact/patch/delta.ts'
import { decodeDelta } from '../../lib/artifact/patch/delta-read.ts'
import { Matches } from '../../lib/artifact/patch/match.ts'
import { parse } from '../../lib/artifact/patch/parse.ts'
import { encodeStreams } from '../../lib/artifact/patch/streams.ts'
import { suffixArray } from '../../lib/artifact/patch/suffix.ts'
import { windowsOf } from '../../lib/artifact/patch/windows.ts'
import { decodeManifest, encodeManifest, treeDigest } from '../../lib/artifact/manifest.ts'
import { compare, concat, fromText, isOtaError, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Artifact } from '../../lib/records/index.ts'
import { bytesOf } from '../../lib/artifact/manifest.ts'
import { disk, noise, prose, writeTree, type Spec } from './trees.ts'

const small = fc.uint8Array({ maxLength: 60, max: 3 })

test('suffixes are sorted, whatever the text', (t) => {
  fc.assert(
    fc.property(small, (text) => {
      const order = [...suffixArray(text)]
      const plain = [...text.keys()].toSorted((a, b) => compare(text.subarray(a), text.subarray(b)))
      return order.join() === plain.join()
    }),
    { numRuns: 500 }
  )
  t.pass('500 texts of four symbols')
})

test('the longest match is the longest', (t) => {
  fc.assert(
    fc.property(small, fc.uint8Array({ minLength: 1, maxLength: 30, max: 3 }), (source, target) => {
      const matches = new Matches(source, target, suffixArray(source))
      return [...target.keys()].every((k) => {
        let most = 0
        for (let at = 0; at < source.length; at += 1)
          most = Math.max(most, common(source, at, target, k))
        const found = matches.size(k)
        return found === most && (found === 0 || common(source, matches.at(k), target, k) === found)
      })
    }),
    { numRuns: 300 }
  )
  t.pass('300 pairs')
})

function common(source: Bytes, at: number, target: Bytes, k: number): number {
  let same = 0
  while (at + same < source.length && k + same < target.length) {
    if (source[at + same] !== target[k + same]) break
    same += 1
  }
  return same
}

test('ops make the target from the source, whatever the threshold', async (t) => {
  const edited = fc.tuple(
    fc.uint8Array({ maxLength: 400, max: 5 }),
    fc.uint8Array({ minLength: 1, maxLength: 400, max: 5 }),
    fc.nat(60)
  )
  await fc.assert(
    fc.asyncProperty(edited, async ([source, other, cut]) => {
      // parts of the source moved about, so that there is something to copy
      const target = concat([source.subarray(cut), other, source.subarray(0, cut), source])
      const matches = new Matches(source, target, suffixArray(source))
      for (const threshold of [8, 24]) {
        const ops = parse(matches, threshold)
        if (ops.some(({ copy, extra }) => copy + extra < 1)) return false
        const streams = encodeStreams(source, target, ops)
        if (toHex(await apply(source, target.byteLength, streams)) !== toHex(target)) return false
      }
      return true
    }),
    { numRuns: 200 }
  )
  t.pass('200 pairs, two thresholds')
})

async function apply(source: Bytes, targetSize: number, streams: ReturnType<typeof encodeStreams>) {
  const parts: Bytes[] = []
  const window = { ...streams, targetSize, sourceSize: source.byteLength }
  const read = async (at: number, size: number) => source.subarray(at, at + size)
  for await (const piece of applyWindow(window, read)) parts.push(piece.slice())
  return concat(parts)
}

test('zeros with a few spoiled bytes do not cost their square', (t) => {
  const source = new Uint8Array(40_000)
  const target = source.slice()
  for (const at of [3, 9_000, 17_001, 25_500, 39_999]) target[at] = 7
  const matches = new Matches(source, target, suffixArray(source))
  t.ok(parse(matches, 8).length < 200, 'the parse ends, and with few ops')
})

test('the example of the format gives exactly these bytes', async (t) => {
  const run = { exec: '#!/bin/sh\necho one two three four five six\n' }
  const then = { exec: '#!/bin/sh\necho one two THREE four five six seven\n' }
  const old = await treeOf(t, { 'bin/run': run, keep: 'same\n' })
  const now = await treeOf(t, { 'bin/run': then, keep: 'same\n' })
  const delta = encodeDelta(old.manifest, now.manifest)
  t.is(toHex(delta.bytes), '020c04')
  t.is(
    toHex(treeDigest(encodeManifest(now.manifest))),
    'e1d598f5e28f7342e62394c3362b9b197c040eb468d312ce11a7c35c8b29a854'
  )
  const [source, target] = [fromText(run.exec), fromText(then.exec)]
  const ops = parse(new Matches(source, target, suffixArray(source)), 8)
  const { control, zeros, differences, extra } = encodeStreams(source, target, ops)
  t.is(toHex(control), '2a0700')
  t.is(toHex(zeros), '17050e00')
  t.is(toHex(differences), 'e0e0e0e0e0')
  t.is(toHex(extra), toHex(fromText(' seven\n')))
})

test('windows cover the target in order and stay within their bound', (t) => {
  const sizes = fc.array(fc.tuple(fc.nat(300), fc.option(fc.nat(300), { nil: null })), {
    minLength: 1,
    maxLength: 12
  })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 40, max: 400 }), (pairs, most) => {
      let [target, source] = [0, 0]
      const pieces = pairs.map(([size, partner]) => {
        const piece = {
          target: { start: target, end: target + size },
          partner: partner === null ? null : { start: source, end: source + partner }
        }
        target += size
        source += partner ?? 0
        return piece
      })
      const windows = windowsOf(pieces, source, most)
      let at = 0
      for (const window of windows) {
        if (window.target.start !== at || window.target.end <= at) return false
        if (window.target.end - at > most) return false
        const { start, end } = window.source
        if (start < 0 || end > source || end - start > most) return false
        at = window.target.end
      }
      return at === target
    }),
    { numRuns: 500 }
  )
  t.pass('500 sets of pieces')
})

type Tmp = Pick<TestContext, 'tmp'>

interface Tree {
  readonly folder: string
  readonly manifest: ReturnType<typeof decodeManifest>
  readonly artifact: Artifact
}

async function treeOf(t: Tmp, spec: Spec): Promise<Tree> {
  const folder = await writeTree(join(await t.tmp(), 'tree'), spec)
  const bytes = encodeManifest(await scanTree(disk, folder))
  const manifest = decodeManifest(bytes)
  const artifact: Artifact = {
    component: '',
    platform: 'linux-x64',
    treeDigest: treeDigest(bytes),
    entries: manifest.entries.length,
    bytes: bytesOf(manifest),
    tree: { key: new Uint8Array(32), blocks: 1, bytes: 1 },
    patch: null
  }
  return { folder, manifest, artifact }
}

const oldSpec: Spec = {
  'a/same': 'as it was\n',
  'a/edited': prose(70_000),
  'a/gone': prose(9_000, 3),
  'a/moved': prose(12_000, 5),
  'b/twice': 'one of two\n',
  bin: { exec: prose(30_000, 11) },
  link: { link: 'a/same' },
  empty: null,
  nothing: ''
}

const newSpec: Spec = {
  'a/same': 'as it was\n',
  'a/edited': changed(prose(70_000)),
  'c/moved': prose(12_000, 5),
  'b/once': 'one of two\n',
  'b/again': 'one of two\n',
  'n/new': noise(5_000),
  'n/copy': noise(5_000),
  bin: changed(prose(30_000, 11)),
  link: { link: 'c/moved' },
  void: '',
  hollow: null
}

function changed(bytes: Bytes): Bytes {
  const next = bytes.slice()
  for (let at = 100; at < next.length; at += 7_001) next[at] = 65
  return concat([fromText('a new first line\n'), next.subarray(0, 20_000), next.subarray(20_500)])
}

async function patchOf(from: Tree | null, to: Tree, memoryBytes?: number): Promise<Bytes> {
  const options = memoryBytes === undefined ? {} : { memoryBytes }
  const patch = await makePatch(disk, from, to, options)
  if (patch === null) throw new Error('no patch could be made')
  return patch.bytes
}

async function unpack(t: Tmp, patch: Bytes, from: Tree | null, to: Tree): Promise<string> {
  const into = join(await t.tmp(), 'into')
  const base = from === null ? null : { folder: from.folder, treeDigest: from.artifact.treeDigest }
  const read = async (offset: number, size: number) => patch.subarray(offset, offset + size)
  await unpackPatch(disk, {
    artifact: to.artifact,
    patch: { size: patch.byteLength, read },
    from: base,
    into
  })
  return into
}

test('a patch gives the new tree, from the old one and from nothing', async (t) => {
  const [old, now] = [await treeOf(t, oldSpec), await treeOf(t, newSpec)]
  const patch = await patchOf(old, now)
  await verifyTree(disk, await unpack(t, patch, old, now), now.artifact, now.manifest)
  const solid = await patchOf(null, now)
  await verifyTree(disk, await unpack(t, solid, null, now), now.artifact, now.manifest)
  t.ok(patch.byteLength < solid.byteLength / 3, `${patch.byteLength} of ${solid.byteLength} bytes`)
  const back = await patchOf(now, old)
  await verifyTree(disk, await unpack(t, back, now, old), old.artifact, old.manifest)
})

test('a patch of equal trees carries no content', async (t) => {
  const old = await treeOf(t, oldSpec)
  const patch = await patchOf(old, old)
  t.ok(patch.byteLength < 64, `${patch.byteLength} bytes`)
  await verifyTree(disk, await unpack(t, patch, old, old), old.artifact, old.manifest)
})

test('a patch in many windows gives the same tree', async (t) => {
  const [old, now] = [
    await treeOf(t, { one: prose(900_000), two: prose(700_000, 3), three: 'x' }),
    await treeOf(t, { one: changed(prose(900_000)), two: changed(prose(700_000, 3)), four: 'y' })
  ]
  const patch = await patchOf(old, now, 26 * 1024 * 1024)
  await verifyTree(disk, await unpack(t, patch, old, now), now.artifact, now.manifest)
  t.ok(patch.byteLength < 40_000, `${patch.byteLength} bytes`)
  try {
    await patchOf(old, now, 1_000_000)
    t.fail('too little memory for any window is refused')
  } catch (error) {
    t.ok(isOtaError(error, 'USAGE'), 'too little memory for any window is refused')
  }
})

test('S34 a hostile patch is refused, leaves nothing, and never gives another tree', async (t) => {
  const [old, now] = [await treeOf(t, oldSpec), await treeOf(t, newSpec)]
  const patch = await patchOf(old, now)
  const codes = new Map<string, number>()
  const refused = async (bytes: Bytes, from: Tree | null, to: Tree): Promise<void> => {
    try {
      await verifyTree(disk, await unpack(t, bytes, from, to), to.artifact, to.manifest)
      codes.set('same tree', (codes.get('same tree') ?? 0) + 1)
    } catch (error) {
      if (!isOtaError(error)) throw error
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
    }
  }
  await refused(patch, old, old)
  await refused(patch, now, now)
  await refused(patch, null, now)
  await refused(concat([patch, Uint8Array.of(0)]), old, now)
  for (let cut = 1; cut < patch.byteLength; cut = Math.ceil(cut * 1.7)) {
    await refused(patch.subarray(0, cut), old, now)
  }
  for (let i = 0; i < 150; i += 1) {
    const spoiled = patch.slice()
    const at = i < 100 ? i : Math.floor((i / 150) * patch.byteLength)
    spoiled[at] = (spoiled[at] ?? 0) ^ (1 << (i % 8))
    await refused(spoiled, old, now)
  }
  t.comment([...codes].map(([code, count]) => `${code} ${count}`).join(', '))
  const allowed = ['PATCH_FAILED', 'BAD_TREE', 'HASH_MISMATCH', 'same tree']
  t.alike(
    [...codes.keys()].filter((code) => !allowed.includes(code)),
    [],
    'refused by name'
  )
  t.ok((codes.get('PATCH_FAILED') ?? 0) > 20)
  t.ok((codes.get('same tree') ?? 0) < 10, 'only bits that no reader looks at')
})

test('S34 a base that was damaged is noticed before anything is made from it', async (t) => {
  const [old, now] = [await treeOf(t, oldSpec), await treeOf(t, newSpec)]
  const patch = await patchOf(old, now)
  await writeTree(old.folder, { 'a/edited': prose(70_000, 99) })
  try {
    await unpack(t, patch, old, now)
    t.fail('a damaged base was used')
  } catch (error) {
    t.ok(isOtaError(error, 'HASH_MISMATCH'))
  }
})

test('S34 a window that copies from outside, loops or leaves bytes over is refused', async (t) => {
  const source = prose(100)
  const none = new Uint8Array(0)
  const cases: [string, Partial<ReturnType<typeof encodeStreams>>][] = [
    ['copies past its source', { control: Uint8Array.of(101, 0, 0), zeros: Uint8Array.of(101, 0) }],
    ['makes nothing', { control: Uint8Array.of(0, 0, 0) }],
    ['moves before its source', { control: Uint8Array.of(0, 1, 1, 0, 1, 0), extra: prose(2) }],
    ['moves after its last step', { control: Uint8Array.of(0, 2, 2), extra: prose(2) }],
    ['has more literals than it uses', { control: Uint8Array.of(0, 2, 0), extra: prose(3) }],
    [
      'has runs that are too short',
      { control: Uint8Array.of(2, 0, 0), zeros: Uint8Array.of(1, 0) }
    ],
    ['has runs that are too long', { control: Uint8Array.of(2, 0, 0), zeros: Uint8Array.of(3, 0) }],
    [
      'has a difference of nothing',
      {
        control: Uint8Array.of(2, 0, 0),
        zeros: Uint8Array.of(1, 1),
        differences: Uint8Array.of(0)
      }
    ]
  ]
  for (const [what, part] of cases) {
    const streams = { control: none, zeros: none, differences: none, extra: none, ...part }
    try {
      await apply(source, what === 'copies past its source' ? 101 : 2, streams)
      t.fail(what)
    } catch (error) {
      t.ok(isOtaError(error, 'PATCH_FAILED') || isOtaError(error, 'BAD_TREE'), what)
    }
  }
})

test('a tree delta that is not strict is refused', async (t) => {
  const old = await treeOf(t, { a: 'a', b: 'b', c: { link: 'a' } })
  const cases: Record<string, string> = {
    'entries left over': '04',
    'more than there are': '10',
    'two keeps in a row': '0408',
    'a count on an edit': '06',
    'an edit of a link': '080200',
    'a content before it is introduced': '0c03000001640d01',
    'a copy of a link': '0c03000001640206',
    'an unknown type': '0c0304000164'
  }
  for (const [what, hex] of Object.entries(cases)) {
    try {
      decodeDelta(Uint8Array.from(Buffer.from(hex, 'hex')), old.manifest)
      t.fail(what)
    } catch (error) {
      t.ok(isOtaError(error, 'PATCH_FAILED') || isOtaError(error, 'BAD_TREE'), what)
    }
  }
})
