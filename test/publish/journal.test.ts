// A signer's journal on a real disk, and the lines people pass on.
import test from 'brittle'
import { appendFileSync, readFileSync } from 'node:fs'
import { isOtaError, type Code } from '../../lib/base/index.ts'
import { realClock, realDice, realDisk } from '../../lib/host/index.ts'
import { fromLine, placesIn, toLine, type Desk } from '../../lib/publish/index.ts'
import { journalSignature, placesOf } from '../../lib/publish/papers/journal.ts'
import { checkThresholds, explainTrust, warningsOf } from '../../lib/publish/drafts/found.ts'
import { ROLE, type Member, type Trust } from '../../lib/records/index.ts'

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
