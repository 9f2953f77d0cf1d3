import test from 'brittle'
import { Events } from '../../lib/subscribe/events.ts'
import type { ReleaseInfo, SubscriptionEvent } from '../../lib/subscribe/index.ts'

function release(seq: number): ReleaseInfo {
  const words = { id: `r${seq}`, channel: 'stable', label: `1.${seq}`, notes: '' }
  return { ...words, epoch: 1, seq, kind: 'code', bytes: 1 }
}

function admitted(seq: number): SubscriptionEvent {
  return { tag: 'release', release: release(seq) }
}

test('a listener hears its own events only, and none after it was ended', (t) => {
  const events = new Events()
  const heard: number[] = []
  const off = events.on('release', (event) => heard.push(event.release.seq))
  events.emit(admitted(1))
  events.emit({ tag: 'halted', release: release(2), undo: false })
  off()
  off()
  events.emit(admitted(3))
  t.alike(heard, [1])
})

test('one listener given twice is two listeners', (t) => {
  const events = new Events()
  let heard = 0
  const listener = (): void => {
    heard += 1
  }
  const off = events.on('release', listener)
  events.on('release', listener)
  events.emit(admitted(1))
  off()
  events.emit(admitted(2))
  t.is(heard, 3)
})

test('the first iteration begins with the subscription, a later one with itself', async (t) => {
  const events = new Events()
  events.emit(admitted(1))
  const first = events.iterate()
  events.emit(admitted(2))
  const second = events.iterate()
  events.emit(admitted(3))
  t.alike(await take(first, 3), [1, 2, 3])
  t.alike(await take(second, 1), [3])
})

test('who waits gets the next event, in order', async (t) => {
  const events = new Events()
  const one = events.iterate()
  const waiting = Promise.all([one.next(), one.next()])
  events.emit(admitted(1))
  events.emit(admitted(2))
  t.alike(
    (await waiting).map((result) => seqOf(result.value)),
    [1, 2]
  )
})

test('the end comes after what is left, and an error is told once', async (t) => {
  const events = new Events()
  const kept = events.iterate()
  events.emit(admitted(1))
  events.end(new Error('no disk'))
  events.emit(admitted(2))
  t.alike(await take(kept, 1), [1])
  await t.exception(kept.next(), /no disk/)
  t.is((await kept.next()).done, true)
  t.is((await events.iterate().next()).done, true, 'a late iteration ends at once')
})

test('a waiting iteration ends with the subscription', async (t) => {
  const events = new Events()
  const next = events.iterate().next()
  events.end()
  t.is((await next).done, true)
})

test('an iteration that was left keeps nothing', async (t) => {
  const events = new Events()
  const left = events.iterate()
  events.emit(admitted(1))
  await left.return?.()
  events.emit(admitted(2))
  t.is((await left.next()).done, true)
})

test('a slow iteration loses the oldest, not the newest', async (t) => {
  const events = new Events()
  const slow = events.iterate()
  for (let seq = 1; seq <= 2_000; seq++) events.emit(admitted(seq))
  const [first] = await take(slow, 1)
  t.is(first, 2_000 - 1_024 + 1)
})

async function take(from: AsyncIterator<SubscriptionEvent>, count: number): Promise<number[]> {
  const seqs: number[] = []
  while (seqs.length < count) {
    const { value } = (await from.next()) as IteratorResult<SubscriptionEvent, undefined>
    seqs.push(seqOf(value))
  }
  return seqs
}

function seqOf(event: SubscriptionEvent | undefined): number {
  return event !== undefined && 'release' in event ? event.release.seq : -1
}
