import { Transform } from 'node:stream'
import type { TestContext } from 'brittle'
import Hypercore from 'hypercore'
import { Store, type StoreOptions } from '../../lib/feed/index.ts'
import type { Clock, Facts } from '../../lib/base/index.ts'
import { realClock, realDice } from '../../lib/host/index.ts'
import { keyPairFromSeed, type KeyPair } from '../../lib/trust/index.ts'
import { disk } from '../artifact/trees.ts'

/** The machine's clock, with timers that keep the test alive. */
const clock: Clock = {
  ...realClock(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  }
}

interface Logged {
  readonly event: string
  readonly facts: Facts | undefined
}

export interface TestStore {
  readonly store: Store
  readonly log: readonly Logged[]
  readonly folder: string
}

/** A real store in a folder of its own, closed at the end of the test. */
export async function openStore(
  t: TestContext,
  folder: string,
  { clock: other, ...options }: Partial<StoreOptions> & { readonly clock?: Clock } = {}
): Promise<TestStore> {
  const log: Logged[] = []
  const note = (event: string, facts?: Facts): void => {
    log.push({ event, facts })
  }
  const store = new Store(other ?? clock, realDice(), note, {
    disk,
    folder,
    stallMs: 8_000,
    ...options
  })
  await store.ready()
  t.teardown(async () => await store.close(), { order: 2 })
  return { store, log, folder }
}

/** What two ends of a connection share with hypercore's own stream. */
interface Stream {
  pipe(other: Stream): Stream
  destroy(): void
  on(event: 'error', fn: (error: Error) => void): void
  on(event: 'data', fn: (bytes: Uint8Array) => void): void
  once(event: 'close', fn: () => void): void
  /** The encrypted stream over it; corestore asks for it. */
  readonly noiseStream: { on(event: 'error', fn: (error: Error) => void): void }
}

export interface Link {
  /** Bytes that went each way. */
  readonly bytes: { value: number }
  isOpen(): boolean
  /** All bytes that may pass have passed. */
  isFull(): boolean
  cut(): Promise<void>
}

/** Whatever takes connections. */
export interface End {
  readonly store: { replicate(stream: object): void }
}

/** Lets `bytesMax` bytes through, then none. */
function gate(bytesMax: number): { readonly stream: Transform; isFull(): boolean } {
  let left = bytesMax
  const stream = new Transform({
    transform(part: Uint8Array, _encoding, done) {
      left -= part.byteLength
      if (left > 0) done(null, part)
    }
  })
  return { stream, isFull: () => left <= 0 }
}

/** Connects two stores by a Noise pair piped in memory; `bytesMax` go from `a` to `b`. */
export function link(t: TestContext, a: End, b: End, { bytesMax = Infinity } = {}): Link {
  const one = Hypercore.createProtocolStream(true) as Stream
  const two = Hypercore.createProtocolStream(false) as Stream
  const bytes = { value: 0 }
  let open = true
  const closed = [one, two].map(
    async (stream) =>
      await new Promise<void>((resolve) => {
        stream.on('error', noop)
        stream.noiseStream.on('error', noop)
        stream.on('data', (part) => {
          bytes.value += part.byteLength
        })
        stream.once('close', () => {
          open = false
          resolve()
        })
      })
  )
  const bound = gate(bytesMax)
  if (bytesMax === Infinity) one.pipe(two)
  else one.pipe(bound.stream as unknown as Stream).pipe(two)
  two.pipe(one)
  a.store.replicate(one)
  b.store.replicate(two)
  const cut = async (): Promise<void> => {
    one.destroy()
    two.destroy()
    bound.stream.destroy()
    await Promise.all(closed)
  }
  t.teardown(cut, { order: 1 })
  return { bytes, isOpen: () => open, isFull: () => bound.isFull(), cut }
}

/** Waits until it holds; the test's own time limit is the end of it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    // A timer of its own: those of the clock do not keep a process alive.
    await new Promise<void>((resolve) => setTimeout(resolve, 20))
  }
}

export function signer(number: number): KeyPair {
  return keyPairFromSeed(new Uint8Array(32).fill(number))
}

function noop(): void {}
