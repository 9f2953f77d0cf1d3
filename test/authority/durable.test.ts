import test from 'brittle'
import { authoritySetMax, OtaError, toHex } from '../../lib/base/index.ts'
import { compareOrder, authorityDigest, refusals, toName } from '../../lib/trust/index.ts'
import { bareNode, nodeOf, type TestNode } from '../tools/authority.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signRelease,
  signTrust,
  testNowMs,
  wire
} from '../tools/people.ts'

// One signature is a quorum here.
const alone = { members: [1, 2, 3], threshold: 1 }
const network = foundNetwork({ roles: { root: alone, release: alone } })
const { id } = network
const roles = { root: alone, release: alone }
const release = (seq: number, epoch = 1) =>
  signRelease(id, makeRelease(id, { seq, epoch, head: headUnder(1, id, testNowMs + seq) }), [1])
const raised = signTrust(id, makeTrust({ version: 2, epoch: 2, roles }), [1])
const abort = signControl(id, makeControl(id, idOfStatement(release(3)), { action: 'abort' }), [1])
const story = [release(5), abort, release(9), raised, release(1, 2), release(4, 2)]

interface Heard {
  readonly epoch: number
  readonly seq: number
}

/** Takes the story until the disk fails at write `cut`; the last height that anybody heard of. */
async function untilCut(node: TestNode, cut: number): Promise<Heard | null> {
  let heard: Heard | null = null
  node.authority.onChange(() => {
    heard = node.authority.height('stable')
  })
  node.disk.beforeWrite = () => {
    if (node.disk.journal.length >= cut) throw new OtaError('INTERNAL', 'power cut')
  }
  for (const one of story) {
    const ended = await node.take(one).then(
      () => false,
      () => true
    )
    if (ended) break
  }
  return heard
}

test('a power cut at any write lowers neither height nor set, and a refusal stays', async (t) => {
  const whole = await nodeOf(network)
  const first = whole.disk.journal.length
  await whole.take(...story)
  const last = whole.disk.journal.length
  t.alike(whole.authority.height('stable'), { epoch: 2, seq: 4 })
  t.ok(last - first > 15, `${last - first} writes`)
  for (let cut = first; cut < last; cut++) {
    const node = await nodeOf(network)
    const heard = await untilCut(node, cut)
    const { fork } = node.authority.believed
    const again = await node.restart()
    const height = again.authority.height('stable')
    const isLower = heard !== null && (height === null || compareOrder(height, heard) < 0)
    if (isLower) t.fail(`cut ${cut}: heard ${JSON.stringify(heard)}`)
    const held = [...node.authority.believed.held].filter(([, one]) => one.settled)
    const lost = held.filter(([hex]) => !again.authority.believed.held.has(hex))
    if (lost.length > 0) t.fail(`cut ${cut}: ${lost.length} statements are gone`)
    if (fork.length > 0) t.fail('no fork here')
    const was = refusals(node.authority.believed, idOfStatement(release(3))).aborted.length
    const is = refusals(again.authority.believed, idOfStatement(release(3))).aborted.length
    if (is < was) t.fail(`cut ${cut}: the abort is forgotten`)
    await again.take(...story)
    t.alike(again.authority.height('stable'), { epoch: 2, seq: 4 }, `cut ${cut}`)
    t.alike(authorityDigest(again.authority.believed), authorityDigest(whole.authority.believed))
  }
})

test('a height that could not be written is written with the next statement', async (t) => {
  const node = await nodeOf(network)
  node.disk.beforeWrite = (_, path) => {
    if (path.endsWith('/seen')) throw new OtaError('NO_SPACE', 'the disk is full')
  }
  await t.exception(node.take(release(5)), /full/)
  t.is(node.authority.height('stable'), null, 'nothing has changed')
  node.disk.beforeWrite = () => {}
  await node.take(release(5))
  const again = await node.restart()
  t.alike(again.authority.height('stable'), { epoch: 1, seq: 5 })
})

test('heights outlive the releases that set them', async (t) => {
  const node = await nodeOf(network)
  await node.take(release(2 ** 32 - 1), raised, release(1, 2))
  t.alike(node.authority.height('stable'), { epoch: 2, seq: 1 })
  const other = await nodeOf(network)
  await other.take(release(7))
  const disk = other.disk.fork()
  await disk.remove(`home/statements/trusted/${toName(idOfStatement(release(7)))}`)
  const again = await bareNode(network, { disk })
  t.is(again.authority.believed.releases.length, 0)
  t.alike(again.authority.height('stable'), { epoch: 1, seq: 7 }, 'a store that comes back shorter')
})

test('what is forgotten leaves no file, and a restart ends where it was', async (t) => {
  const node = await nodeOf(network)
  const all = Array.from({ length: authoritySetMax + 40 }, (_, index) => release(index + 10))
  await node.take(abort)
  await Promise.all(all.map((one) => node.authority.intake(wire(one), 'feed')))
  const { believed } = node.authority
  t.is(believed.held.size, authoritySetMax)
  const files = node.disk.files().filter((path) => path.includes('/trusted/'))
  t.alike(
    files.map((path) => path.split('/').at(-1)),
    [...believed.held.values()].map(({ any }) => toName(any.known.id)).toSorted()
  )
  const again = await node.restart()
  t.alike(authorityDigest(again.authority.believed), authorityDigest(believed))
  t.alike(again.disk.files(), node.disk.files(), 'nothing is rewritten')
  t.is(refusals(again.authority.believed, idOfStatement(release(3))).aborted.length, 1)
  const late = await again.authority.intake(wire(all[0]!), 'peer')
  t.is(late.tag, 'refused', 'what is older than all that is here is not taken back')
  t.alike(again.disk.files(), node.disk.files(), 'and costs no write')
})

test('what the node says is in use is never forgotten', async (t) => {
  const node = await nodeOf(network)
  await node.take(release(2))
  node.authority.protect(() => [idOfStatement(release(2))])
  const all = Array.from({ length: authoritySetMax + 10 }, (_, index) => release(index + 10))
  await Promise.all(all.map((one) => node.authority.intake(wire(one), 'feed')))
  t.ok(node.authority.believed.held.has(toHex(idOfStatement(release(2)))))
})

test('S40 the last 64 digests are remembered, durably and before anybody hears', async (t) => {
  const node = await nodeOf(network)
  const digests: Uint8Array[] = [authorityDigest(node.authority.believed)]
  let early = 0
  node.authority.onChange((believed) => {
    const digest = authorityDigest(believed)
    if (!node.authority.hadDigest(digest)) early++
    if (!node.disk.files().includes('home/statements/digests')) early++
    digests.push(digest)
  })
  for (let seq = 1; seq <= 80; seq++) await node.take(release(seq))
  t.is(early, 0)
  t.is(digests.filter((one) => node.authority.hadDigest(one)).length, 64)
  t.ok(digests.slice(-64).every((one) => node.authority.hadDigest(one)))
  t.absent(node.authority.hadDigest(new Uint8Array(32)))
  const again = await node.restart()
  t.is(digests.filter((one) => again.authority.hadDigest(one)).length, 64, 'after a restart')
  const disk = node.disk.fork()
  await disk.writeDurable('home/statements/digests', Uint8Array.of(1, 2, 3))
  const damaged = await bareNode(network, { disk })
  t.ok(damaged.authority.hadDigest(digests.at(-1)!), 'the current one is known in any case')
  t.absent(damaged.authority.hadDigest(digests.at(-2)!))
  t.ok(damaged.events.some(({ event }) => event === 'authority.damaged'))
})
