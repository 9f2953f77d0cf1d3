// Free storage: what is short of its quorum, in numbers.
import test from 'brittle'
import { alloc, concat, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import { admit } from '../../lib/trust/index.ts'
import { nodeOf, told } from '../tools/authority.ts'
import {
  entryOf,
  foundNetwork,
  headUnder,
  keyOf,
  makeRelease,
  signRelease,
  testNowMs,
  unsigned,
  wire
} from '../tools/people.ts'

const network = foundNetwork()

/** Bytes of a release whose seq is patched in, with these entries as they are. */
function patched(bare: Statement, seqAt: number, seq: number): Bytes {
  const canonical = Uint8Array.from(bare.canonical)
  new DataView(canonical.buffer).setUint32(seqAt, seq, true)
  return canonical
}

test('S99 100,000 drafts of strangers, forgers, half quorums cost their check alone', async (t) => {
  const node = await nodeOf(network)
  const before = node.authority.believed
  const one = makeRelease(network.id, { seq: 0x01020304 })
  const bare = unsigned(network.id, { tag: 'release', release: one })
  const seqAt = Buffer.from(bare.canonical).indexOf(Buffer.from([4, 3, 2, 1]))
  t.ok(seqAt > 0)
  const stranger = { alg: 1, bytes: concat([keyOf(66), alloc(64).fill(1)]) }
  const forged = { alg: 1, bytes: concat([keyOf(1), alloc(64).fill(1)]) }
  const words = new Map<string, number>()
  let believed = before
  let most = 0
  for (let i = 1; i <= 100_000; i++) {
    const canonical = patched(bare, seqAt, i)
    const body = canonical.subarray(canonical.byteLength - bare.body.byteLength)
    const statement = { ...bare, body, canonical }
    // One in fifty is half signed by somebody who counts, one in ten forges her signature.
    const half = i % 50 === 0 ? entryOf(statement, 1 + ((i / 50) % 3)) : null
    const entries = [half ?? (i % 10 === 1 ? forged : stranger)]
    const verdict = admit(believed, { ...statement, entries }, testNowMs)
    words.set(told(verdict), (words.get(told(verdict)) ?? 0) + 1)
    if ('believed' in verdict && verdict.believed !== null) believed = verdict.believed
    most = Math.max(most, believed.held.size)
  }
  t.alike([...words.keys()].toSorted(), [
    'pending THRESHOLD_NOT_MET',
    'refused BAD_SIGNATURE',
    'refused OVER_LIMIT',
    'refused THRESHOLD_NOT_MET'
  ])
  t.comment([...words].map(([word, count]) => `${word}: ${count}`).join(', '))
  t.is(words.get('refused BAD_SIGNATURE'), 10_000)
  t.ok((words.get('refused THRESHOLD_NOT_MET') ?? 0) >= 88_000, 'strangers leave nothing')
  t.ok(most <= before.held.size + 3 * 16, `${most} held at most, 16 of each signer`)
  t.is(believed.releases.length, 0)
  t.is(node.authority.list().length, 1)
})

test('S99 what is half signed lies in files of its own and is told to nobody', async (t) => {
  const node = await nodeOf(network)
  for (let seq = 1; seq <= 30; seq++) {
    const head = headUnder(1, network.id, testNowMs + seq)
    const draft = makeRelease(network.id, { seq, head })
    const bytes = wire(signRelease(network.id, draft, [1, 66, 67]))
    await node.authority.intake(bytes, 'gossip')
  }
  const pending = node.disk.files().filter((file) => file.includes('/pending/'))
  t.is(pending.length, 16)
  for (const file of pending) {
    const bytes = (await node.disk.read(file))!
    t.is(toHex(bytes).split(toHex(keyOf(66))).length, 1, 'entries of strangers are stripped')
  }
  t.is(node.authority.list().length, 1)
})
