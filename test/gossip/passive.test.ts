import test from 'brittle'
import { alloc, MINUTE, SECOND, toHex, type Bytes, type Clock } from '../../lib/base/index.ts'
import { formatPeer } from '../../lib/gossip/index.ts'
import { Passive } from '../../lib/gossip/door/passive.ts'
import type { Peer } from '../../lib/gossip/peer.ts'
import { HELLO_ROLE } from '../../lib/records/index.ts'

/** A clock whose timers run when it is moved. */
class MovedClock implements Clock {
  #nowMs = 0
  #timers: { readonly atMs: number; readonly fn: () => void }[] = []
  wallMs(): number {
    return this.#nowMs
  }
  steadyMs(): number {
    return this.#nowMs
  }
  after(delayMs: number, fn: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, fn }
    this.#timers.push(timer)
    return () => (this.#timers = this.#timers.filter((one) => one !== timer))
  }
  move(ms: number): void {
    this.#nowMs += ms
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#timers = this.#timers.filter((timer) => !due.includes(timer))
    for (const { fn } of due) fn()
  }
}

const keyOf = (number: number): Bytes => Uint8Array.of(...alloc(30), number >> 8, number & 0xff)
const addressOf = (number: number): string =>
  formatPeer({ host: '10.0.0.1', port: 1_000 + number, key: keyOf(number) })

function makePeer(number: number, given: object = {}): Peer {
  const hello = { roles: HELLO_ROLE.keepsKey }
  const facts = { key: keyOf(number), host: '10.0.0.1', port: 1_000 + number, hello, ready: true }
  // Cast: of a peer no more is used here.
  return { ...facts, ...given } as unknown as Peer
}

function makeView(kept: readonly string[] = []) {
  const clock = new MovedClock()
  let saved: readonly string[] = kept
  const dialled: string[] = []
  const forgotten: string[] = []
  const passive = new Passive(
    { clock, dice: { next: () => 0.5, fill: (bytes) => bytes } },
    { kept, keep: (list) => (saved = list) },
    {
      visit: (peer) => dialled.push(formatPeer(peer)),
      forget: (key) => forgotten.push(toHex(key))
    }
  )
  return { clock, passive, dialled, forgotten, saved: () => saved }
}

test('S37 a peer is kept after ten minutes, if it keeps its key and is there still', (t) => {
  const { clock, passive, saved } = makeView()
  const gone = makePeer(2)
  passive.joined(makePeer(1))
  passive.joined(gone)
  passive.joined(makePeer(3, { hello: { roles: 0 } }))
  passive.joined(makePeer(4, { hello: null }))
  passive.joined(makePeer(5, { host: '' }))
  passive.joined(makePeer(6, { port: 0 }))
  clock.move(10 * MINUTE - 1)
  t.alike(saved(), [], 'a passer-by gets no place')
  Object.assign(gone, { ready: false })
  clock.move(1)
  t.alike(saved(), [addressOf(1)])
})

test('S37 a start dials some of the kept ones, and forgets who does not answer', (t) => {
  const kept = [1, 2, 3, 4, 5, 6].map(addressOf)
  const { clock, passive, dialled, forgotten, saved } = makeView(kept)
  passive.visit(4)
  t.is(new Set(dialled).size, 4)
  const [first] = dialled
  const answers = [1, 2, 3, 4, 5, 6].find((number) => addressOf(number) === first)!
  passive.joined(makePeer(answers))
  clock.move(15 * SECOND)
  t.is(saved().length, 3, 'one answered, two were not asked')
  t.ok(saved().includes(first!))
  t.is(forgotten.length, 4, 'none of them is dialled for ever')
  passive.visit(8)
  t.is(dialled.length, 6, 'who is connected is not dialled again')
})

test('a full view gives a random place away, never all of them to the last comers', (t) => {
  const kept = Array.from({ length: 300 }, (_, number) => addressOf(number))
  const { clock, passive, saved } = makeView(kept)
  t.is(passive.size, 256, 'a longer file is cut')
  passive.joined(makePeer(1_000))
  clock.move(10 * MINUTE)
  t.is(saved().length, 256)
  t.ok(saved().includes(addressOf(1_000)))
  passive.joined(makePeer(1_000))
  clock.move(10 * MINUTE)
  t.is(new Set(saved()).size, 256, 'whom it knows takes no second place')
})

test('a file that is no list of addresses is an empty view', (t) => {
  const { passive, dialled } = makeView(['', 'h', '#', 'h:1#zz', 'h:99999#' + 'y'.repeat(52)])
  t.is(passive.size, 0)
  passive.visit(4)
  t.is(dialled.length, 0)
})
