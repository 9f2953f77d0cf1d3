import test from 'brittle'
import { feedKey, Store, type FeedAlarm } from '../../lib/feed/index.ts'
import { alive, beat, type Pulse } from '../../lib/feed/pulse.ts'
import { DAY, fromText, HOUR, MINUTE, SECOND, toHex } from '../../lib/base/index.ts'
import { realDice } from '../../lib/host/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { DrivenClock } from '../net/clocks.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { link, openStore, signer, until } from './stores.ts'

const quiet = { elapsedMs: 30 * SECOND, hasPeers: true, isHeard: false }

function after(looks: number, look: typeof quiet, from: Pulse = alive): Pulse {
  let pulse = from
  for (let count = 0; count < looks; count++) pulse = beat(pulse, look)
  return pulse
}

test('S35 a feed is dead after seven days of silence among peers, not before', (t) => {
  const looks = (7 * DAY) / quiet.elapsedMs
  t.is(after(looks - 1, quiet).isDead, false)
  t.alike(after(looks, quiet), { silentMs: 7 * DAY, isDead: true })
  t.alike(after(2 * looks, quiet).silentMs, 7 * DAY, 'it counts no further')
})

test('S35 silence without peers, or while the machine slept, is no silence of the feed', (t) => {
  t.alike(after(100_000, { ...quiet, hasPeers: false }), alive)
  t.alike(beat(alive, { ...quiet, elapsedMs: 30 * DAY }), { silentMs: MINUTE, isDead: false })
})

test('S35 one sign of life makes a dead feed live again', (t) => {
  const dead = { silentMs: 7 * DAY, isDead: true }
  t.alike(beat(dead, { ...quiet, isHeard: true }), alive)
  t.alike(beat(dead, { ...quiet, hasPeers: false }), dead, 'being alone changes nothing')
})

test('S35 FEED_DEAD names the dead feed over restarts; the live one goes on', async (t) => {
  const top = await t.tmp()
  const clock = new DrivenClock()
  // Notes and proofs lie here, over restarts; cores lie in the folder.
  const disk = new MemoryDisk()
  const [deadKey, pair] = [feedKey(signer(1).key), signer(2)]
  const live = await openStore(t, `${top}/live`)
  const own = await live.store.ownFeed(pair)
  await own.append(fromText('alive'))
  const start = async () => {
    const events: string[] = []
    const log = (event: string): void => void events.push(event)
    const store = new Store(clock, realDice(), log, { disk, folder: `${top}/node` })
    await store.ready()
    t.teardown(async () => await store.close(), { order: 2 })
    const [texts, alarms] = [[] as string[], [] as FeedAlarm[]]
    store.onBlock((_feed, _index, bytes) => texts.push(Buffer.from(bytes).toString()) > 0)
    store.onAlarm((alarm) => alarms.push(alarm))
    await store.openFeeds([deadKey, own.key])
    const isDead = (key: Uint8Array) =>
      store.feeds().find((view) => toHex(view.key) === toHex(key))?.isDead
    return { store, events, texts, alarms, isDead }
  }
  const note = `${top}/node/feeds/${toHex(deadKey)}.silent`

  const first = await start()
  await clock.drive(8 * DAY)
  t.is(first.isDead(deadKey), false, 'alone it says nothing')
  const wire = link(t, live, first)
  await until(() => first.texts.length === 1)
  await clock.drive(6 * DAY)
  await until(async () => (await disk.read(note)) !== null)
  t.alike(first.alarms, [])
  await wire.cut()
  await first.store.close()

  const second = await start()
  link(t, live, second)
  await until(() => second.texts.length === 1)
  await clock.drive(DAY + 2 * HOUR)
  await until(() => second.alarms.length === 1)
  t.is(second.alarms[0]?.code, 'FEED_DEAD')
  t.ok(second.alarms[0]!.text.includes(toName(deadKey)), 'the alarm names it')
  t.alike([second.isDead(deadKey), second.isDead(own.key)], [true, false])
  await own.append(fromText('still'))
  await until(() => second.texts.length === 2)
  await clock.drive(HOUR)
  t.is(second.alarms.length, 1, 'it is said once')
  await second.store.close()

  const third = await start()
  await clock.drive(MINUTE)
  await until(() => third.alarms.length === 1)
  t.is(third.alarms[0]?.code, 'FEED_DEAD', 'and once after each start')

  const risen = await openStore(t, `${top}/risen`)
  await (await risen.store.ownFeed(signer(1))).append(fromText('back'))
  link(t, risen, third)
  await until(() => third.texts.includes('back'))
  await clock.drive(MINUTE)
  await until(() => third.events.includes('feed-back'))
  t.is(third.isDead(deadKey), false)
  await until(async () => (await disk.read(note)) === null)
  await third.store.close()
})
