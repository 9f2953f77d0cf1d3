import test from 'brittle'
import { packTree, verifyTree } from '../../lib/artifact/index.ts'
import { KIB, MIB } from '../../lib/base/index.ts'
import { makesWhole } from '../../lib/feed/seeding.ts'
import { artifactOf, codeOf, disk, noise, writeTree } from '../artifact/trees.ts'
import { drivenClock } from './driven.ts'
import { baseOf, publish, release, spec } from './releases.ts'
import { link, openStore, until, type Link } from './stores.ts'

test('uploads keep to their limit, askers take turns, and all comes in the end', async (t) => {
  const top = await t.tmp()
  const clock = drivenClock()
  const rate = 512 * KIB
  const seed = await openStore(t, `${top}/s`, { clock, uploadBytesPerSecond: rate })
  const pack = await packTree(disk, await writeTree(`${top}/from`, { app: noise(4 * MIB, 5) }))
  const artifact = artifactOf(pack)
  await seed.store.buildTreeCore(pack)
  const wires: Link[] = []
  const fetches = []
  for (const name of ['a', 'b']) {
    const node = await openStore(t, `${top}/${name}`)
    wires.push(link(t, seed, node))
    fetches.push(node.store.fetchTree(artifact, { into: `${top}/into-${name}` }))
  }
  const sent = (): number => wires.reduce((sum, { bytes }) => sum + bytes.value, 0)
  await until(() => sent() > 200 * KIB)
  for (let second = 1; second <= 4; second += 1) {
    for (let i = 0; i < 20; i += 1) await clock.pass(50)
    const most = second * rate + 256 * KIB + 256 * KIB
    t.ok(sent() <= most, `${sent()} bytes after ${second} s, at most ${most}`)
  }
  t.ok(sent() > 3 * rate, `${sent()} bytes after 4 s: the limit is used`)
  const [a = 0, b = 0] = wires.map(({ bytes }) => bytes.value)
  t.ok(Math.min(a, b) > Math.max(a, b) / 3, `${a} and ${b}: both are served`)
  await clock.passUntilOver(Promise.all(fetches))
  for (const name of ['a', 'b']) await verifyTree(disk, `${top}/into-${name}`, artifact)
})

test('who carries nothing for others serves nothing, and still fetches', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const closed = await openStore(t, `${top}/c`, { seed: 'off' })
  const a = await release(top, spec(1))
  const b = await release(top, spec(2), [a])
  await publish(publisher, b)
  const wire = link(t, publisher, closed)
  await closed.store.fetchTree(b.artifact, { into: `${top}/one`, bases: [baseOf(a)] })
  t.is(await closed.store.rebuild(b.artifact, `${top}/one`), 'sparse')
  await wire.cut()
  await closed.store.buildTreeCore(b.pack)
  // What was open a moment ago is still shown for half a minute.
  await closed.store.close()
  const again = await openStore(t, `${top}/c`, { seed: 'off' })
  const node = await openStore(t, `${top}/n`, { stallMs: 1_200 })
  link(t, again, node)
  t.ok(await again.store.hasWhole(b.pack.core))
  t.is(await codeOf(node.store.fetchTree(b.artifact, { into: `${top}/two` })), 'NO_PEERS')
})

test('above the quota no tree is made whole for others', async (t) => {
  const top = await t.tmp()
  const one = await packTree(disk, await writeTree(`${top}/one`, { app: noise(MIB, 5) }))
  const two = await packTree(disk, await writeTree(`${top}/two`, { app: noise(MIB, 6) }))
  const node = await openStore(t, `${top}/n`, { seedBytesMax: 1.5 * MIB })
  t.is(await node.store.rebuild(artifactOf(one), `${top}/one`), 'rebuilt')
  t.is(await node.store.rebuild(artifactOf(two), `${top}/two`), 'sparse')
  t.ok(node.log.some(({ event }) => event === 'seed-quota'))
  await node.store.drop(one.core)
  t.is(await node.store.rebuild(artifactOf(two), `${top}/two`), 'rebuilt', 'there is room again')
})

test('large trees are carried by one node in four, and by the same ones each time', (t) => {
  const large = { key: new Uint8Array(32).fill(3), blocks: 9_000, bytes: 300_000_000 }
  const small = { ...large, bytes: 10_000_000 }
  const tickets = Array.from({ length: 400 }, (_, i) => {
    const ticket = new Uint8Array(32)
    new DataView(ticket.buffer).setUint32(0, i)
    return ticket
  })
  for (const [seed, core] of [
    ['full', large],
    ['sparse', small]
  ] as const) {
    const drawn = tickets.filter((ticket) => makesWhole(seed, ticket, core))
    t.ok(drawn.length > 60 && drawn.length < 140, `${drawn.length} of 400 carry it`)
    t.ok(drawn.every((ticket) => makesWhole(seed, ticket, core)))
  }
  t.ok(tickets.every((ticket) => makesWhole('full', ticket, small)))
  t.ok(makesWhole('full', null, large), 'a publisher draws no lots')
  t.absent(tickets.some((ticket) => makesWhole('off', ticket, small)))
})
