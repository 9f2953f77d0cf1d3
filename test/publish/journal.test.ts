// A signer's journal on a real disk, and the lines people pass on.
import test from 'brittle'
import { appendFileSync, readFileSync } from 'node:fs'
import { isOtaError, type Code } from '../../lib/base/index.ts'
import { realClock, realDice, realDisk } from '../../lib/host/index.ts'
import { fromLine, placesIn, toLine, type Desk } from '../../lib/publish/index.ts'
import { highestSigned, journalSignature, placesOf } from '../../lib/publish/papers/journal.ts'
import { checkThresholds, explainTrust, warningsOf } from '../../lib/publish/drafts/found.ts'
import { ROLE, type Body, type Control, type Member, type Trust } from '../../lib/records/index.ts'

const id = (byte: number) => new Uint8Array(32).fill(byte)
const place = { slot: 'trust x 2', text: 'trust 2' }

async function deskAt(home: string): Promise<Desk> {
  const disk = realDisk()
  const places = placesIn(home)
  await disk.makeFolder(places.keys)
  return { disk, dice: realDice(), clock: realClock(), places }
}

async function codeOf(promise: Promise<unknown>): Promise<Code | null> {
  try {
    await promise
    return null
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

test('a number is signed for one statement only, also after a restart (S98)', async (t) => {
  const home = await t.tmp()
  const first = await deskAt(home)
  await journalSignature(first, 'a', { id: id(1), places: [place] })
  await journalSignature(first, 'a', { id: id(1), places: [place] })
  const second = await deskAt(home)
  const other = journalSignature(second, 'a', { id: id(2), places: [place] })
  t.is(await codeOf(other), 'EQUIVOCATION')
  t.is(await codeOf(journalSignature(second, 'b', { id: id(2), places: [place] })), null)
  const text = readFileSync(`${home}/keys/a.journal`, 'utf8')
  t.is(text.split('\n').length, 2, 'the same statement twice is one line')
})

test('of two processes that sign one number at once, one is refused (S98)', async (t) => {
  const desk = await deskAt(await t.tmp())
  const { disk } = desk
  // both have read the journal before either writes: the worst interleaving there is
  const waiting: (() => void)[] = []
  const held = {
    ...desk,
    disk: {
      ...disk,
      append: async (path: string, bytes: Uint8Array) => {
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          if (waiting.length === 2) for (const go of waiting) go()
        })
        await disk.append(path, bytes)
      }
    }
  }
  const codes = await Promise.all(
    [1, 2].map(async (byte) => {
      return await codeOf(journalSignature(held, 'a', { id: id(byte), places: [place] }))
    })
  )
  t.is(codes.filter((code) => code === null).length, 1, 'one signs')
  t.ok(codes.includes('EQUIVOCATION'), 'one does not')
  const again = await codeOf(journalSignature(desk, 'a', { id: id(3), places: [place] }))
  t.is(again, 'EQUIVOCATION')
})

test('of controls a resume takes its number, the others stand under the one in force', (t) => {
  const control = (action: Control['action'], resume: number): Body => ({
    tag: 'control',
    control: {
      head: { trustVersion: 1, trustId: id(1), issuedMs: 0 },
      action,
      release: id(7),
      resume,
      floor: { tag: 'none' },
      stage: action === 'widen' ? 2 : 0,
      lifts: [],
      exclude: [],
      reason: '',
      ext: []
    }
  })
  for (const action of ['pause', 'abort', 'widen'] as const) {
    t.alike(placesOf(id(1), control(action, 1)), [], action)
  }
  const [one] = placesOf(id(1), control('resume', 1))
  const [two] = placesOf(id(1), control('resume', 2))
  t.not(one?.slot, two?.slot)
  t.ok(one?.text.startsWith('resume 1 of '))
})

test('the highest number that any key here signed is known', async (t) => {
  const desk = await deskAt(await t.tmp())
  t.is(await highestSigned(desk, id(1), { tag: 'trust' }), null)
  for (const [label, version] of [
    ['a', 2],
    ['b', 5]
  ] as const) {
    const places = placesOf(id(1), { tag: 'trust', trust: trustOf(version, 3, 2) })
    await journalSignature(desk, label, { id: id(version), places })
  }
  t.is(await highestSigned(desk, id(1), { tag: 'trust' }), 5)
  t.is(await highestSigned(desk, id(2), { tag: 'trust' }), null, 'another network')
  t.is(await highestSigned(desk, id(1), { tag: 'draw' }), null)
})

test('a torn last line is dropped: no signature ever followed it', async (t) => {
  const desk = await deskAt(await t.tmp())
  await journalSignature(desk, 'a', { id: id(1), places: [place] })
  appendFileSync(`${desk.places.keys}/a.journal`, 'torn')
  await journalSignature(desk, 'a', { id: id(3), places: [{ slot: 's', text: 's' }] })
  t.is(await codeOf(journalSignature(desk, 'a', { id: id(4), places: [place] })), 'EQUIVOCATION')
  appendFileSync(`${desk.places.keys}/a.journal`, 'damaged\n')
  const damaged = journalSignature(desk, 'a', { id: id(1), places: [place] })
  t.is(await codeOf(damaged), 'JOURNAL_DAMAGED')
})

test('another draft of trust 1 is another network and takes no number', (t) => {
  t.alike(placesOf(id(0), { tag: 'trust', trust: trustOf(1, 3, 2) }), [])
  t.is(placesOf(id(1), { tag: 'trust', trust: trustOf(2, 3, 2) }).length, 1)
})

test('a line is z-base-32 and nothing else', async (t) => {
  const bytes = new Uint8Array([1, 2, 3, 250])
  t.alike([...fromLine(toLine(bytes), 'x')], [...bytes])
  for (const text of ['', ' ', 'a b', 'ABC', 'yyyyyyl', '{}']) {
    await t.exception(() => fromLine(new TextEncoder().encode(text), 'x'), /not a line/)
  }
})

test('thresholds two disjoint groups can meet are refused, unless asked for (S95)', async (t) => {
  const cases: readonly [number, number, boolean][] = [
    [1, 1, true],
    [2, 1, false],
    [3, 2, true],
    [4, 2, false],
    [4, 3, true],
    [5, 3, true]
  ]
  for (const [size, need, fits] of cases) {
    const trust = trustOf(1, size, need)
    if (fits) await t.execution(() => checkThresholds(trust, false))
    else await t.exception(() => checkThresholds(trust, false), /could sign twice/)
    await t.execution(() => checkThresholds(trust, true))
  }
  await t.exception(() => checkThresholds(trustOf(1, 2, 3), true), /needs 3 of 2 keys/)
})

test('who may be lost is said in words', (t) => {
  t.ok(explainTrust(trustOf(1, 3, 2)).includes('you may lose 1 signer;'))
  t.ok(explainTrust(trustOf(1, 5, 3)).includes('you may lose 2 signers;'))
  t.is(warningsOf(trustOf(1, 3, 2)).length, 0)
  t.is(warningsOf(trustOf(1, 3, 3)).length, 2)
  t.ok(warningsOf(trustOf(1, 1, 1))[0]?.includes('decides alone'))
})

function trustOf(version: number, size: number, threshold: number): Trust {
  const members = Array.from({ length: size }, (_, index): Member => {
    return { key: id(index + 1), label: `s${index}`, draw: null, organisation: null }
  })
  const roles = [ROLE.root, ROLE.release].map((role) => ({ role, threshold, members }))
  return {
    name: 'demo',
    version,
    epoch: 1,
    issuedMs: 0,
    expiresMs: 365 * 86_400_000,
    roles: [...roles, { role: ROLE.brake, threshold: 1, members }],
    membership: 'open',
    access: 'any',
    feeds: [],
    protoLow: 1,
    protoHigh: 1,
    ext: []
  }
}
