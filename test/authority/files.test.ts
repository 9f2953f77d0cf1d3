import test from 'brittle'
import { isOtaError, OtaError, toHex } from '../../lib/base/index.ts'
import { isPeerFault } from '../../lib/authority/index.ts'
import type { AuthId } from '../../lib/records/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { bareNode, nodeOf, told } from '../tools/authority.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signed,
  signRelease,
  signTrust,
  unsigned,
  wire
} from '../tools/people.ts'

// Any two of persons 1, 2, 3 release.
const network = foundNetwork()
const bare = unsigned(network.id, { tag: 'release', release: makeRelease(network.id) })
const releaseId = idOfStatement(bare)
const trusted = `home/statements/trusted/${toName(releaseId)}`
const pending = `home/statements/pending/${toName(releaseId)}`

test('a statement is a durable file before anybody hears of it', async (t) => {
  const node = await nodeOf(network)
  const seen: boolean[] = []
  const stop = node.authority.onChange(() => seen.push(node.disk.files().includes(trusted)))
  await node.take(signed(bare, [1]))
  t.ok(node.disk.files().includes(pending), 'one signature short lies apart')
  t.absent(node.disk.files().includes(trusted))
  await node.take(signed(bare, [2]))
  t.absent(node.disk.files().includes(pending))
  t.alike(await node.disk.read(trusted), node.authority.read(releaseId))
  t.alike(seen, [false, true])
  stop()
  stop()
  await node.take(signed(bare, [3]))
  t.is(seen.length, 2, 'who stopped listening hears no more')
})

test('a disk that fails changes nothing, and the next try goes through', async (t) => {
  const node = await nodeOf(network)
  const before = node.authority.believed
  let heard = 0
  node.authority.onChange(() => heard++)
  node.disk.beforeWrite = () => {
    throw new OtaError('NO_SPACE', 'the disk is full')
  }
  const failed = node.take(signed(bare, [1, 2]))
  const error = await failed.catch((reason: unknown) => reason)
  t.ok(isOtaError(error, 'NO_SPACE'))
  t.is(node.authority.believed, before)
  t.is(heard, 0)
  node.disk.beforeWrite = () => {}
  t.is(told(await node.take(signed(bare, [1, 2]))), 'admitted')
})

test('a power cut between any two writes loses nothing that was heard of', async (t) => {
  const second = signTrust(network.id, makeTrust({ version: 2 }), [1, 2])
  const abort = signControl(network.id, makeControl(network.id, releaseId, { action: 'abort' }))
  const story = [signed(bare, [1]), second, signed(bare, [2]), abort, signed(bare, [3])]
  const whole = await nodeOf(network)
  const total = whole.disk.journal.length
  await whole.take(...story)
  const writes = whole.disk.journal.length
  let cuts = 0
  for (let cut = total; cut < writes; cut++) {
    const node = await nodeOf(network)
    const heard: string[] = []
    node.authority.onChange(({ releases, controls, trust }) => {
      heard.push(`${releases.length} ${controls.length} ${trust?.body.version ?? 0}`)
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
    const again = await node.restart()
    const { releases, controls, trust } = again.authority.believed
    const last = heard.at(-1)?.split(' ').map(Number) ?? [0, 0, 1]
    const now = [releases.length, controls.length, trust?.body.version ?? 0]
    if (now.some((count, index) => count < last[index]!)) t.fail(`cut ${cut} lost something`)
    await again.take(...story)
    t.alike(again.disk.files(), whole.disk.files(), `the rest follows after cut ${cut}`)
    cuts++
  }
  t.is(cuts, writes - total)
})

test('statements are judged one at a time, in the order they came', async (t) => {
  const node = await bareNode(network)
  const verdicts = await Promise.all(
    [network.first, signed(bare, [1]), signed(bare, [2]), signed(bare, [2])].map((one) =>
      node.authority.intake(wire(one), 'test')
    )
  )
  t.alike(verdicts.map(told), ['admitted', 'pending THRESHOLD_NOT_MET', 'admitted', 'known'])
})

test('a damaged file is set aside and asked of peers again', async (t) => {
  const node = await nodeOf(network)
  await node.take(signed(bare, [1, 2]))
  const disk = node.disk.fork()
  const bytes = (await disk.read(trusted))!
  bytes[120]! ^= 4
  await disk.writeDurable(trusted, bytes)
  await disk.writeDurable('home/statements/trusted/.temporary', bytes)
  const again = await bareNode(network, { disk })
  t.is(again.authority.believed.releases.length, 0)
  t.ok(again.events.some(({ event }) => event === 'authority.damaged'))
  t.ok(disk.files().includes(`home/statements/damaged/${toName(releaseId)}`))
  t.alike(again.authority.wants(node.authority.list()), [releaseId])
  t.alike(again.authority.height('stable'), { epoch: 1, seq: 1 }, 'what was seen stays seen')
  t.is(told(await again.take(signed(bare, [1, 2]))), 'admitted')
})

test('a lost newer trust is asked for by its id; the older one is not believed', async (t) => {
  const second = signTrust(network.id, makeTrust({ version: 2 }), [1, 2])
  const node = await nodeOf(network)
  await node.take(second)
  const disk = node.disk.fork()
  await disk.remove(`home/statements/trusted/${toName(idOfStatement(second))}`)
  const again = await bareNode(network, { disk })
  t.is(again.authority.believed.trust, null)
  t.alike(again.authority.wants(node.authority.list()), [idOfStatement(second)])
  t.is(told(await again.take(signed(bare, [1, 2]))), 'refused TRUST_GAP')
  await again.take(second)
  t.is(again.authority.believed.trust?.body.version, 2)
  t.is(again.authority.believed.releases.length, 1, 'what came before it was waiting')
})

test('what is asked for is what is missing, or held with too few signatures', async (t) => {
  const node = await nodeOf(network)
  const short = signed(bare, [1])
  await node.take(short)
  const id: AuthId = { type: 2, id: releaseId, a: 1, b: 1, sigs: 1 }
  t.alike(node.authority.wants([id]), [], 'a peer with as many as we have brings nothing')
  t.alike(node.authority.wants([{ ...id, sigs: 2 }]), [releaseId])
  const unknown: AuthId = { type: 3, id: idOf(1), a: 0, b: 0, sigs: 2 }
  const trusts = [3, 2, 5].map((version): AuthId => ({
    type: 1,
    id: idOf(version),
    a: version,
    b: 0,
    sigs: 2
  }))
  t.alike(
    node.authority.wants([unknown, ...trusts]).map(toHex),
    [idOf(5), idOf(2), idOf(3), idOf(1)].map(toHex),
    'newest trust first, then the steps towards it'
  )
  await node.take(signed(bare, [2]))
  t.alike(node.authority.wants([{ ...id, sigs: 2 }]), [], 'as many as here')
  t.alike(node.authority.wants([{ ...id, sigs: 9 }]), [releaseId], 'a rotation adds signatures')
})

test('what cannot count is asked for once under a trust, and again under the next', async (t) => {
  const node = await nodeOf(network)
  const roles = { release: { members: [11, 12, 13], threshold: 2 } }
  const early = signed(bare, [11, 12])
  const id: AuthId = { type: 2, id: releaseId, a: 1, b: 1, sigs: 2 }
  t.alike(node.authority.wants([id]), [releaseId])
  t.is(told(await node.take(early)), 'refused THRESHOLD_NOT_MET')
  t.alike(node.authority.wants([id]), [])
  t.alike(node.authority.wants([{ ...id, sigs: 3 }]), [releaseId], 'somebody has more')
  await node.take(signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2]))
  t.is(node.authority.believed.releases.length, 1)
})

test('a carrier is to blame only for what no honest one could offer', async (t) => {
  const node = await nodeOf(network)
  const other = foundNetwork({ name: 'elsewhere' })
  const intake = async (bytes: Uint8Array): Promise<boolean> =>
    isPeerFault(await node.authority.intake(bytes, 'test'))
  t.ok(await intake(Uint8Array.of(1, 2, 3)))
  t.ok(await intake(wire(other.first)))
  t.ok(await intake(wire(signRelease(other.id, makeRelease(other.id)))))
  t.absent(await intake(wire(signed(bare, [66]))), 'strangers here may be signers there')
  t.absent(await intake(wire(signed(bare, [1]))))
  t.absent(await intake(wire(signed(bare, [1, 2]))))
  t.absent(await intake(wire(signed(bare, [1, 2]))), 'known')
})
