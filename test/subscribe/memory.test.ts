import test from 'brittle'
import { equal, fromText, MINUTE, OtaError, toText } from '../../lib/base/index.ts'
import { believeNothing, toName, type Believed } from '../../lib/trust/index.ts'
import { openIdentity } from '../../lib/subscribe/identity.ts'
import { Memory } from '../../lib/subscribe/memory.ts'
import { Settled } from '../../lib/subscribe/settled.ts'
import { realDice } from '../../lib/host/index.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { nodeOf } from '../tools/authority.ts'
import { foundNetwork, idOf } from '../tools/people.ts'

const silent = (): void => {}
const release = toName(idOf(1))

test('a subscription keeps its place in the order over a restart', async (t) => {
  const disk = new MemoryDisk()
  const first = await openIdentity(disk, realDice(), 'home')
  const second = await openIdentity(disk.fork(), realDice(), 'home')
  t.ok(equal(first.key, second.key), 'the same key')
  const other = await openIdentity(new MemoryDisk(), realDice(), 'home')
  t.absent(equal(first.key, other.key), 'another home has another')
})

test('a key file of another length is refused, and not replaced', async (t) => {
  const disk = new MemoryDisk()
  await disk.writeDurable('home/node.key', fromText('short'))
  await t.exception(openIdentity(disk, realDice(), 'home'), /CONFIG_INVALID|has 5 bytes/)
  t.is(toText((await disk.read('home/node.key'))!), 'short')
})

test('what the app said it runs is there after a restart', async (t) => {
  const disk = new MemoryDisk()
  const memory = await Memory.open(disk, silent, 'home')
  memory.set({ running: release })
  memory.set({ running: null, previous: release })
  await memory.close()
  const again = await Memory.open(disk.fork(), silent, 'home')
  t.is(again.value.running, null)
  t.is(again.value.previous, release)
})

test('S104 brakes and beacons are there after a restart, with when they were heard', async (t) => {
  const disk = new MemoryDisk()
  const memory = await Memory.open(disk, silent, 'home')
  const kept = [{ wire: Uint8Array.of(1, 50, 255), receivedMs: 1_760_000_000_000 }]
  memory.set({ kept })
  await memory.close()
  const again = await Memory.open(disk.fork(), silent, 'home')
  t.alike([...again.value.kept[0]!.wire], [1, 50, 255])
  t.is(again.value.kept[0]?.receivedMs, 1_760_000_000_000)
  const { rollout } = again.value
  const earlier = { v: 1, running: null, previous: null, rollout }
  await disk.writeDurable('home/memory.json', fromText(JSON.stringify(earlier)))
  const old = await Memory.open(disk.fork(), silent, 'home')
  t.alike(old.value.kept, [], 'an earlier version kept none')
  for (const odd of ['"x"', '[["zz",1]]', '[["01","now"]]', '[7]']) {
    const text = JSON.stringify(earlier).replace('{', `{"kept":${odd},`)
    await disk.writeDurable('home/memory.json', fromText(text))
    const said: string[] = []
    await Memory.open(disk.fork(), (event) => said.push(event), 'home')
    t.alike(said, ['subscribe.memory-lost'], odd)
  }
})

test('the same value is not written twice', async (t) => {
  const disk = new MemoryDisk()
  const memory = await Memory.open(disk, silent, 'home')
  memory.set({ running: release })
  memory.set({ running: release })
  await memory.close()
  t.is(disk.journal.length, 1)
})

test('a damaged memory begins anew and says so', async (t) => {
  for (const text of ['', 'null', '{"v":2}', '{"v":1,"running":7}', '{"v":1,"running":"zz"}']) {
    const disk = new MemoryDisk()
    await disk.writeDurable('home/memory.json', fromText(text))
    const said: string[] = []
    const memory = await Memory.open(disk, (event) => said.push(event), 'home')
    t.is(memory.value.running, null, text)
    t.alike(said, ['subscribe.memory-lost'])
  }
})

test('after a full disk the next write is tried all the same', async (t) => {
  const disk = new MemoryDisk()
  const memory = await Memory.open(disk, silent, 'home')
  disk.beforeWrite = () => {
    throw new OtaError('NO_SPACE', 'the disk is full')
  }
  memory.set({ running: null, previous: release })
  await memory.close()
  disk.beforeWrite = silent
  memory.set({ running: release })
  await memory.close()
  const again = await Memory.open(disk, silent, 'home')
  t.is(again.value.running, release)
})

async function believedOf(checkpoint: boolean): Promise<Believed> {
  const network = foundNetwork()
  const { authority } = await nodeOf(network, {
    checkpoint: checkpoint ? { version: 1, id: network.id } : null
  })
  return authority.believed
}

test('S93 with a checkpoint that is met trust is settled at once', async (t) => {
  const believed = await believedOf(true)
  t.ok(new Settled().look({ believed, versions: [], steadyMs: 0 }))
})

test('S93 without a checkpoint four peers must agree for a minute', async (t) => {
  const believed = await believedOf(false)
  const settled = new Settled()
  const look = (versions: readonly number[], steadyMs: number): boolean =>
    settled.look({ believed, versions, steadyMs })
  t.absent(look([1, 1, 1, 1], 0), 'not at once')
  t.absent(look([1, 1, 1, 1], MINUTE - 1))
  t.ok(look([1, 1, 1, 1], MINUTE))
  t.absent(look([1, 1, 1], MINUTE + 1), 'three are too few')
  t.absent(look([1, 1, 1, 1], MINUTE + 2), 'and it begins again')
  t.absent(look([1, 1, 1, 1, 2], 3 * MINUTE), 'somebody knows a newer one')
})

test('S93 without any trust nothing is settled', (t) => {
  const believed = believeNothing(idOf(9))
  t.absent(new Settled().look({ believed, versions: [0, 0, 0, 0], steadyMs: MINUTE }))
})
