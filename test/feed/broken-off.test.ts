import test, { type TestContext } from 'brittle'
import { verifyTree } from '../../lib/artifact/index.ts'
import { fromText, KIB, MIB, SECOND, toText, type Disk } from '../../lib/base/index.ts'
import type { Progress } from '../../lib/feed/index.ts'
import { codeOf, disk, noise } from '../artifact/trees.ts'
import { drivenClock } from './driven.ts'
import { baseOf, publish, release, spec } from './releases.ts'
import { link, openStore, signer, until, type TestStore } from './stores.ts'

/** A disk that calls `before` with the number of the call, from 1 on. */
function counted(before: (call: number) => void): Disk {
  let calls = 0
  return new Proxy(disk, {
    get(target, name: keyof Disk) {
      const deed = target[name] as (...args: unknown[]) => unknown
      return (...args: unknown[]) => {
        calls += 1
        before(calls)
        return deed.apply(target, args)
      }
    }
  })
}

async function publisherOf(t: TestContext, top: string): Promise<TestStore> {
  return await openStore(t, `${top}/p`)
}

test('a fetch broken off anywhere leaves nothing; the next makes the same tree', async (t) => {
  const top = await t.tmp()
  const publisher = await publisherOf(t, top)
  const a = await release(top, spec(1, 60_000))
  const b = await release(top, spec(2, 60_000), [a])
  const c = await release(top, spec(3, 60_000), [b])
  for (const one of [b, c]) await publish(publisher, one)
  const trees = {
    chain: { bases: [baseOf(a)], others: [b.artifact] },
    patch: { bases: [baseOf(b)] },
    chunks: {}
  }
  for (const [way, given] of Object.entries(trees)) {
    let abort = new AbortController()
    let at = Infinity
    let calls = 0
    const watched = counted((call) => {
      calls = call
      if (call === at) abort.abort(new Error('broken off'))
    })
    const node = await openStore(t, `${top}/${way}`, { disk: watched })
    const wire = link(t, publisher, node)
    const into = `${top}/op-${way}/tree`
    for (let i = 1; i <= 12; i += 1) {
      abort = new AbortController()
      const before = calls
      at = before + i * i
      const options = { into, ...given, signal: abort.signal }
      const code = await codeOf(node.store.fetchTree(c.artifact, options))
      if (code === null) {
        await disk.remove(into)
        break
      }
      t.is(code, 'Error: broken off', `${way}, call ${i * i}`)
      t.alike(await disk.list(`${top}/op-${way}`), [])
    }
    at = Infinity
    await node.store.fetchTree(c.artifact, { into, ...given })
    await verifyTree(disk, into, c.artifact)
    t.ok(wire.isOpen())
    t.alike(await disk.list(`${top}/op-${way}`), ['tree'])
  }
})

test('a full disk is told before the first byte, and forgotten once space is back', async (t) => {
  const top = await t.tmp()
  const publisher = await publisherOf(t, top)
  const one = await release(top, { app: noise(MIB, 5) })
  await publish(publisher, one)
  let free = MIB
  const small = { ...disk, freeBytes: async () => free }
  const node = await openStore(t, `${top}/n`, { disk: small })
  const wire = link(t, publisher, node)
  const options = { into: `${top}/into` }
  const before = wire.bytes.value
  t.is(await codeOf(node.store.fetchTree(one.artifact, options)), 'NO_SPACE')
  t.ok(wire.bytes.value - before < KIB, 'nothing was asked for')
  free = 1_000 * MIB
  await node.store.fetchTree(one.artifact, options)
  await verifyTree(disk, options.into, one.artifact)
})

test('a disk that fills up under a fetch ends it before the store is harmed', async (t) => {
  const top = await t.tmp()
  const publisher = await publisherOf(t, top)
  const one = await release(top, { app: noise(4 * MIB, 5) })
  await publish(publisher, one)
  let free = 1_000 * MIB
  const clock = drivenClock()
  const small = { ...disk, freeBytes: async () => free }
  const node = await openStore(t, `${top}/n`, { disk: small, clock, stallMs: 600 * SECOND })
  const drip = link(t, publisher, node, { bytesMax: MIB })
  const seen: Progress[] = []
  const options = { into: `${top}/into`, onProgress: (p: Progress): unknown => seen.push(p) }
  const first = codeOf(node.store.fetchTree(one.artifact, options))
  await until(() => drip.isFull() && (seen.at(-1)?.blocks ?? 0) >= 8)
  free = MIB
  for (let i = 0; i < 10; i += 1) await clock.pass(250)
  t.is(await first, 'NO_SPACE')
  t.is(await disk.stat(options.into), null)
  await drip.cut()
  free = 1_000 * MIB
  link(t, publisher, node)
  seen.length = 0
  await clock.passUntilOver(node.store.fetchTree(one.artifact, options))
  t.ok(seen[0]!.blocks >= 8, 'what was held is not asked again')
  await verifyTree(disk, options.into, one.artifact)
})

test('feeds go on being read by a store that was opened anew for want of space', async (t) => {
  const top = await t.tmp()
  const writer = await openStore(t, `${top}/w`)
  const own = await writer.store.ownFeed(signer(1))
  await own.append(fromText('one'))
  let free = 1_000 * MIB
  const clock = drivenClock()
  const small = { ...disk, freeBytes: async () => free }
  const node = await openStore(t, `${top}/n`, { disk: small, clock, cache: true })
  const texts: string[] = []
  node.store.onBlock((_feed, index, bytes) => {
    texts.push(`${index} ${toText(bytes)}`)
    return true
  })
  await node.store.openFeeds([own.key])
  const wire = link(t, writer, node)
  await until(() => texts.length === 1)
  free = MIB
  await clock.pass(30 * SECOND)
  t.ok(node.log.some(({ event }) => event === 'NO_SPACE'))
  free = 1_000 * MIB
  await clock.pass(30 * SECOND)
  const isAnew = (): boolean => node.log.some(({ event }) => event === 'store-opened-anew')
  while (!isAnew()) await clock.pass(10)
  await own.append(fromText('two'))
  await until(() => texts.length === 3)
  t.alike(texts, ['0 one', '0 one', '1 two'], 'from the first on, as after a start')
  t.ok(wire.isOpen())
})
