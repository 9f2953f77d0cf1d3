import test from 'brittle'
import * as fc from 'fast-check'
import { concat, equal, fromHex, isOtaError, toHex } from '../../lib/base/index.ts'
import {
  criticalExt,
  decodeBody,
  decodeEntry,
  decodeStatement,
  encodeBody,
  encodeEntry,
  encodeRelease,
  encodeStatement,
  encodeTrust,
  entryBytes,
  normaliseEntries,
  parseEntry,
  type Entry,
  type Ext,
  type KnownBody,
  type Release
} from '../../lib/records/index.ts'
import { plain } from './bytes.ts'
import {
  bodies,
  controls,
  eras,
  filled,
  firstTrust,
  network,
  noNetwork,
  plainRelease,
  revoke,
  wholeTrust
} from './samples.ts'

const wire = (body: KnownBody, entries: readonly Entry[] = [], net = network) => {
  const { type, bytes } = encodeBody(body)
  return encodeStatement({ network: net, type, body: bytes, entries })
}

const codeOf = (run: () => unknown): string | null => {
  try {
    run()
    return null
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

/** Each kind of body with these extension fields. */
const extended = (ext: readonly Ext[]): readonly KnownBody[] => [
  { tag: 'trust', trust: { ...firstTrust, ext } },
  { tag: 'release', release: { ...plainRelease, ext } },
  { tag: 'release', release: { ...plainRelease, policy: { ...plainRelease.policy, ext } } },
  { tag: 'control', control: { ...controls.pause, ext } },
  { tag: 'era', era: { ...eras.announce, ext } },
  { tag: 'revoke', revoke: { ...revoke, ext } }
]

test('an unknown extension is kept, also one that may not be ignored is still read (S10)', (t) => {
  for (const [tag, critical] of [
    [128, false],
    [255, false],
    [0, true],
    [127, true]
  ] as const) {
    for (const body of extended([{ tag, bytes: fromHex('beef') }])) {
      const net = body.tag === 'trust' ? noNetwork : network
      const bytes = wire(body, [], net)
      const read = decodeBody(decodeStatement(bytes))
      t.alike(plain(read), plain(body), `${body.tag}: kept`)
      t.is(criticalExt(read), critical, `${body.tag}: tag ${tag}`)
    }
  }
})

const role = (number: number): KnownBody => ({
  tag: 'trust',
  trust: {
    ...wholeTrust,
    ext: [],
    roles: [...wholeTrust.roles.slice(0, -1), { role: number, threshold: 0, members: [] }]
  }
})

test('a role nobody knows is ignored from 128 up and critical below', (t) => {
  t.absent(criticalExt(decodeBody(decodeStatement(wire(role(128))))))
  t.ok(criticalExt(decodeBody(decodeStatement(wire(role(8))))))
})

test('a statement of an unknown type from 128 up is kept as it came', (t) => {
  const body = fromHex('c0ffee')
  const bytes = encodeStatement({ network, type: 200, body, entries: [] })
  const statement = decodeStatement(bytes)
  t.alike(decodeBody(statement), { tag: 'unknown', type: 200 })
  t.absent(criticalExt({ tag: 'unknown', type: 200 }))
  t.is(toHex(encodeStatement(statement)), toHex(bytes))
})

const signed = (key: number, signature: number, proof: number | null = null): Entry =>
  encodeEntry({
    key: filled(key),
    signature: filled(signature, 64),
    proof: proof === null ? null : filled(proof, 416)
  })

test('readers take entries in any order, repeated, of unknown kinds; the id does not move', (t) => {
  const foreign: Entry = { alg: 9, bytes: fromHex('0102') }
  const short: Entry = { alg: 1, bytes: filled(5, 95) }
  const entries = [signed(7, 1), foreign, signed(5, 1), signed(5, 1), short]
  const read = decodeStatement(wire(bodies['control, pause']!, entries))
  t.alike(plain(read.entries), plain(entries))
  t.is(decodeEntry(foreign), null, 'another algorithm counts for nothing (S11)')
  t.is(decodeEntry(short), null, 'another length counts for nothing (S5)')
  const bare = decodeStatement(wire(bodies['control, pause']!))
  t.is(toHex(bare.canonical), toHex(read.canonical))
})

test('writers lay down one entry per key, sorted: with a proof first, else the smaller', (t) => {
  const entries = [signed(7, 2), signed(5, 1), signed(7, 1), signed(5, 9, 3), signed(5, 1)]
  const kept = normaliseEntries([...entries, { alg: 2, bytes: filled(1, 96) }])
  t.alike(
    plain(kept),
    plain([signed(7, 1), signed(5, 9, 3)]),
    'by their bytes: the short one first'
  )
  t.alike(plain(parseEntry(entryBytes(signed(7, 2)))), plain(signed(7, 2)))
  fc.assert(
    fc.property(fc.shuffledSubarray(entries), (some) => {
      const once = normaliseEntries(some)
      const twice = normaliseEntries([...once, ...once])
      return JSON.stringify(plain(once)) === JSON.stringify(plain(twice))
    }),
    { numRuns: 100 }
  )
})

test('a statement above its size is refused, with and without signatures', (t) => {
  const control = bodies['control, pause']!
  const proofs = Array.from({ length: 120 }, (_, n) => signed(n, 1, 2))
  t.is(
    codeOf(() => wire(control, proofs)),
    'OVER_LIMIT',
    '120 draw proofs are above 60 KiB'
  )
  const tooLong = concat([wire(control), new Uint8Array(61_440)])
  t.is(
    codeOf(() => decodeStatement(tooLong)),
    'OVER_LIMIT'
  )
  const artifacts = Array.from({ length: 32 }, (_, n) => ({
    ...plainRelease.artifacts[0]!,
    component: `component ${n}`,
    patch: { key: filled(n), blocks: 1, bytes: 1 }
  }))
  const points = Array.from({ length: 16 }, (_, n) => ({
    release: filled(n),
    reason: 'x'.repeat(64)
  }))
  const who = { ...plainRelease.policy.who, barriers: points, deadends: points }
  const policy = { ...plainRelease.policy, who }
  const notes = 'x'.repeat(1_024)
  t.is(
    codeOf(() => wire({ tag: 'release', release: { ...plainRelease, artifacts, policy, notes } })),
    'OVER_LIMIT',
    'a release stays below 8 KiB'
  )
})

const encoding = (change: Partial<Release>) => () => encodeRelease({ ...plainRelease, ...change })

test('an encoder refuses what its decoder would refuse', (t) => {
  const bad: (() => unknown)[] = [
    encoding({ seq: 2 ** 32 }),
    encoding({ epoch: 2 ** 53 }),
    encoding({ drawNumber: 1 }),
    encoding({ supersedes: filled(1), fixes: filled(2) }),
    encoding({ artifacts: [] }),
    encoding({ channel: 'Stable' }),
    encoding({ label: '\u001b[1m' })
  ]
  for (const run of bad) t.is(codeOf(run), 'NOT_CANONICAL')
  const root = firstTrust.roles[0]!
  for (const threshold of [0, 4]) {
    const roles = [{ ...root, threshold }, ...firstTrust.roles.slice(1)]
    t.is(
      codeOf(() => encodeTrust({ ...firstTrust, roles })),
      'BAD_TRUST',
      `threshold ${threshold} (S4)`
    )
  }
  const twice = [
    { ...root, members: [root.members[0]!, root.members[0]!] },
    ...firstTrust.roles.slice(1)
  ]
  t.is(
    codeOf(() => encodeTrust({ ...firstTrust, roles: twice })),
    'BAD_TRUST',
    'a key twice (S3)'
  )
})

test('any release of plausible fields comes back as it was', (t) => {
  const id = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const fields = fc.record({
    seq: fc.integer({ min: 1, max: 0xffffffff }),
    epoch: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    kind: fc.constantFrom('params', 'code', 'stateful'),
    supersedes: fc.option(id),
    notes: fc.string({ maxLength: 80 }).map((text) => text.replaceAll(/\p{Cc}/gu, '\n')),
    drawers: fc.array(id, { maxLength: 4 })
  })
  fc.assert(
    fc.property(fields, (some) => {
      const drawers = [...new Map(some.drawers.map((one) => [toHex(one), one])).values()]
      const drawNumber = drawers.length > 0 ? some.seq : null
      const release = { ...plainRelease, ...some, drawers, drawNumber } as Release
      const bytes = wire({ tag: 'release', release })
      const read = decodeBody(decodeStatement(bytes))
      if (read.tag !== 'release') return false
      const sorted = drawers.map((one) => toHex(one)).toSorted()
      const same = { ...release, drawers: sorted.map((one) => fromHex(one)) }
      return (
        JSON.stringify(plain(read.release)) === JSON.stringify(plain(same)) &&
        equal(wire(read), bytes)
      )
    }),
    { numRuns: 200 }
  )
  t.pass('200 releases')
})
