import { cp } from 'node:fs/promises'
import test from 'brittle'
import type { Store } from '../../lib/feed/index.ts'
import { feedKey } from '../../lib/feed/index.ts'
import { fromText, KIB, toHex, toText } from '../../lib/base/index.ts'
import { codeOf, disk } from '../artifact/trees.ts'
import { link, openStore, signer, until } from './stores.ts'

/** Collects the blocks a store reads; `useful` is what the listener answers. */
function collect(store: Store, useful = true): string[] {
  const texts: string[] = []
  store.onBlock((_feed, index, bytes) => {
    texts.push(`${index} ${toText(bytes.subarray(0, 20))}`)
    return useful
  })
  return texts
}

test('statements of two signers arrive by their feeds, also those appended later', async (t) => {
  const top = await t.tmp()
  const [a, b] = [await openStore(t, `${top}/a`), await openStore(t, `${top}/b`)]
  const reader = await openStore(t, `${top}/r`)
  const texts = collect(reader.store)
  const keys = [feedKey(signer(1).key), feedKey(signer(2).key)]
  const own = await a.store.ownFeed(signer(1))
  t.is(toHex(own.key), toHex(keys[0]!))
  await own.append(fromText('one'))
  const other = await b.store.ownFeed(signer(2))
  await other.append(fromText('two'))
  await reader.store.openFeeds(keys)
  link(t, a, reader)
  link(t, b, reader)
  await until(() => texts.length === 2)
  await own.append(fromText('three'))
  await until(() => texts.length === 3)
  t.alike(texts.toSorted(), ['0 one', '0 two', '1 three'])
  t.is(reader.store.feeds().length, 2)
  await until(() => a.store.holders({ key: own.key, blocks: own.length }) === 1)
  t.is(await codeOf(own.append(new Uint8Array(64 * KIB + 1))), 'OVER_LIMIT')
  t.is(await codeOf(reader.store.openFeeds([...keys, ...keys, ...keys])), 'OVER_LIMIT')
})

test('feeds are read again at every start, without a peer', async (t) => {
  const top = await t.tmp()
  const a = await openStore(t, `${top}/a`)
  const one = await openStore(t, `${top}/r`)
  const own = await a.store.ownFeed(signer(1))
  for (const text of ['one', 'two', 'three']) await own.append(fromText(text))
  const texts = collect(one.store)
  await one.store.openFeeds([own.key])
  const wire = link(t, a, one)
  await until(() => texts.length === 3)
  await wire.cut()
  await one.store.close()
  const two = await openStore(t, `${top}/r`)
  const again = collect(two.store)
  await two.store.openFeeds([own.key])
  await until(() => again.length === 3)
  t.alike(again, texts)
})

test('a store that is open elsewhere is LOCKED', async (t) => {
  const top = await t.tmp()
  await openStore(t, `${top}/a`)
  t.is(await codeOf(openStore(t, `${top}/a`)), 'LOCKED')
})

test('a cache that does not open is made anew, a signer store is not', async (t) => {
  const top = await t.tmp()
  const one = await openStore(t, `${top}/a`)
  await one.store.close()
  await disk.writeDurable(`${top}/a/cores/db/CURRENT`, fromText('no such thing'))
  t.is(await codeOf(openStore(t, `${top}/a`)), 'INTERNAL')
  const two = await openStore(t, `${top}/a`, { cache: true })
  t.ok(two.log.some(({ event }) => event === 'store-reset'))
})

test('a copied store is STORE_MOVED, a copied cache is made anew and forks nothing', async (t) => {
  const top = await t.tmp()
  const one = await openStore(t, `${top}/a`)
  await (await one.store.ownFeed(signer(1))).append(fromText('one'))
  await one.store.close()
  await cp(`${top}/a`, `${top}/b`, { recursive: true })
  t.is(await codeOf(openStore(t, `${top}/b`)), 'STORE_MOVED')
  const cache = await openStore(t, `${top}/b`, { cache: true })
  t.ok(cache.log.some(({ event }) => event === 'store-reset'))
  const again = await cache.store.ownFeed(signer(1))
  t.is(await codeOf(again.append(fromText('fork'))), 'EQUIVOCATION', 'the marks are still there')
})

test('a restored store refuses to append until a peer gave back the rest', async (t) => {
  const top = await t.tmp()
  const pair = signer(1)
  const a = await openStore(t, `${top}/a`)
  const peer = await openStore(t, `${top}/p`)
  const own = await a.store.ownFeed(pair)
  const texts = collect(peer.store)
  await peer.store.openFeeds([own.key])
  const wire = link(t, a, peer)
  for (const text of ['one', 'two', 'three']) await own.append(fromText(text))
  await until(() => texts.length === 3)
  await wire.cut()
  await a.store.close()
  // A store lost or restored from before: the marks lie outside it and say how long it was.
  await disk.remove(`${top}/a/cores`)
  const again = await openStore(t, `${top}/a`)
  const shorter = await again.store.ownFeed(pair)
  t.is(shorter.length, 0)
  t.is(await codeOf(shorter.append(fromText('fork'))), 'EQUIVOCATION')
  link(t, again, peer)
  t.is(await shorter.settle({ peers: 1, withinMs: 5_000 }), 1)
  t.is(shorter.length, 3)
  t.is(await shorter.append(fromText('four')), 3)
  await until(() => texts.length === 4)
  t.alike(texts, ['0 one', '1 two', '2 three', '3 four'])
})

test('a copied key without a mark sees what peers hold, and does not fork it', async (t) => {
  const top = await t.tmp()
  const a = await openStore(t, `${top}/a`)
  const peer = await openStore(t, `${top}/p`)
  const own = await a.store.ownFeed(signer(1))
  const texts = collect(peer.store)
  await peer.store.openFeeds([own.key])
  const wire = link(t, a, peer)
  await own.append(fromText('one'))
  await until(() => texts.length === 1)
  await wire.cut()
  const copy = await openStore(t, `${top}/copy`)
  const twin = await copy.store.ownFeed(signer(1))
  link(t, copy, peer)
  await twin.settle({ peers: 1, withinMs: 5_000 })
  t.is(await twin.append(fromText('two')), 1)
  await until(() => texts.length === 2)
})
