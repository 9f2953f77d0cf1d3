import test from 'brittle'
import { rename } from 'node:fs/promises'
import { verifyTree } from '../../lib/artifact/index.ts'
import { disk } from '../artifact/trees.ts'
import { baseOf, publish, release, spec } from './releases.ts'
import { link, openStore, type TestStore } from './stores.ts'

/** The ways that fetches of this store went. */
function ways({ log }: TestStore): unknown[] {
  return log.filter(({ event }) => event === 'fetched').map(({ facts }) => facts?.['route'])
}

test('S109 who came by patch serves a newcomer everything while the publisher is gone', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const node = await openStore(t, `${top}/n`)
  const a = await release(top, spec(1))
  const b = await release(top, spec(2), [a])
  await publish(publisher, b)
  const wire = link(t, publisher, node)
  const into = `${top}/tmp`
  await node.store.fetchTree(b.artifact, { into, bases: [baseOf(a)] })
  await verifyTree(disk, into, b.artifact)
  t.alike(ways(node), ['patch'])
  t.ok(wire.bytes.value < 20_000, `${wire.bytes.value} bytes on the wire`)
  await rename(into, `${top}/version`)
  t.is(await node.store.rebuild(b.artifact, `${top}/version`), 'rebuilt')
  await wire.cut()
  await publisher.store.close()
  const newcomer = await openStore(t, `${top}/c`, { stallMs: 1_500 })
  link(t, node, newcomer)
  await newcomer.store.fetchTree(b.artifact, { into: `${top}/new` })
  await verifyTree(disk, `${top}/new`, b.artifact)
  t.alike(ways(newcomer), ['chunks'])
})
