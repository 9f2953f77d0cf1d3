import test from 'brittle'
import { concat, fromText, toText } from '../../lib/base/index.ts'
import { crc32, decodeJournal, decodePointer } from '../../lib/records/index.ts'
import { encodeJournalLine, encodePointer, type Pointer } from '../../lib/records/index.ts'
import { installed, releaseA, releaseB, upgrade } from './world.ts'

const pointer: Pointer = {
  v: 1,
  seq: 7,
  op: 3,
  release: releaseB,
  gen: '0-1',
  phase: 'trial',
  prev: { release: releaseA, gen: '0-1', back: 'code' }
}

test('the check sum is the usual CRC-32', (t) => {
  t.is(crc32(fromText('123456789')), 'cbf43926')
})

test('a pointer is one line that comes back as it was, and any other byte is damage', async (t) => {
  const bytes = encodePointer(pointer)
  t.ok(bytes.byteLength < 512)
  t.alike(decodePointer(bytes), pointer)
  t.ok(toText(bytes).startsWith(`${crc32(fromText(JSON.stringify(pointer)))} {"v":1,"seq":7`))
  let refused = 0
  for (let i = 0; i < bytes.byteLength; i++) {
    const other = Uint8Array.from(bytes)
    other[i] = (other[i] ?? 0) ^ 1
    await t.exception(() => decodePointer(other), /damaged|format/)
    refused++
  }
  t.is(refused, bytes.byteLength)
  await t.exception(() => decodePointer(bytes.subarray(0, 40)), /damaged/)
  const json = JSON.stringify({ ...pointer, v: 2 })
  await t.exception(() => decodePointer(fromText(`${crc32(fromText(json))} ${json}\n`)), /format 2/)
})

function sample(): Uint8Array {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.pass(700_000)
  return world.journal
}

test('a journal cut off anywhere loses its last line at most', (t) => {
  const whole = sample()
  const all = decodeJournal(whole)
  t.is(all.fault, null)
  t.is(all.goodBytes, whole.byteLength)
  const ends = new Set<number>([0])
  for (let i = 0; i < whole.byteLength; i++) if (whole[i] === 10) ends.add(i + 1)
  for (let size = 0; size <= whole.byteLength; size += 7) {
    const cut = decodeJournal(whole.subarray(0, size))
    const torn = cut.torn || ends.has(size)
    if (cut.fault !== null || !torn || !ends.has(cut.goodBytes)) t.fail(`cut at ${size}`)
  }
  const zeroed = decodeJournal(concat([whole, new Uint8Array(4_096)]))
  t.ok(zeroed.torn)
  t.is(zeroed.goodBytes, whole.byteLength)
})

function line(seq: number): Uint8Array {
  return encodeJournalLine({ tag: 'hold', on: true }, seq, 5)
}

test('damage in the middle, a gap and a newer format are told apart from a torn tail', (t) => {
  const whole = sample()
  const middle = Uint8Array.from(whole)
  middle[20] = 0
  t.is(decodeJournal(middle).fault, 'JOURNAL_DAMAGED')
  t.is(decodeJournal(concat([line(1), line(3)])).fault, 'JOURNAL_DAMAGED')
  const json = JSON.stringify({ v: 2, seq: 2, ts: 5, tag: 'sing' })
  const newer = fromText(`${crc32(fromText(json))} ${json}\n`)
  const found = decodeJournal(concat([line(1), newer]))
  t.is(found.fault, 'JOURNAL_NEWER')
  t.is(found.lines.length, 1)
})

test('a journal of a version that knew less is read, and an upgrade under way goes on', (t) => {
  const whole = sample()
  const { lines } = decodeJournal(whole)
  const levels = ['level', 'fromLevel', 'prevLevel', 'split']
  const ways = ['back', 'transition', 'shadow', 'phoneHome', 'verdicts', 'loss']
  const older = lines.map((held) => {
    const left = Object.entries(held).filter(([key]) => ![...levels, ...ways].includes(key))
    const json = JSON.stringify(Object.fromEntries(left))
    return fromText(`${crc32(fromText(json))} ${json}\n`)
  })
  const found = decodeJournal(concat(older))
  t.is(found.fault, null)
  t.alike(found.lines, lines, 'what it could not know reads as the plainest there is')
})

test('a rehearsal that was under way is read as it was, and waits for its turn again', (t) => {
  const world = installed(releaseA, {
    plan: { shadow: 'prefer', phoneHome: 'require', level: 2, back: 'snapshot' },
    shadow: 'silent'
  })
  upgrade(world, releaseB)
  const last = decodeJournal(world.journal).lines.at(-1)
  t.ok(last?.tag === 'edge' && last.state === 'shadow' && last.phoneHome === 'require')
  world.restart(false)
  t.is(world.state.op?.state, 'waiting')
  t.is(world.state.op?.rehearsals, 1)
  t.is(world.state.op?.back, 'snapshot')
  t.is(world.serving, releaseA)
})
