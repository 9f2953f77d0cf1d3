import HyperDHT from 'hyperdht'
import { alloc, copy, type Bytes } from '../../lib/base/index.ts'
import { Channel } from '../../lib/gossip/channel.ts'
import { parsePeer } from '../../lib/gossip/index.ts'
import {
  decodeBye,
  encodeHello,
  FRAME,
  type FrameNumber,
  type Hello
} from '../../lib/records/index.ts'
import { nowMs, until, type TestNetwork } from './world.ts'

interface Stream {
  readonly handshakeHash: Bytes
  readonly destroyed: boolean
  on(event: 'open' | 'close' | 'error', fn: () => void): void
  destroy(): void
}

/** A peer that speaks our channel by hand and says what no honest one would. */
export interface Rogue {
  readonly channel: Channel
  readonly stream: Stream
  readonly frames: { readonly number: FrameNumber; readonly bytes: Bytes }[]
  hellos: number
  gone: boolean
}

/** Of a peer that knows nothing. */
export const hello: Hello = {
  low: 1,
  high: 1,
  features: 0,
  roles: 0,
  shardBits: 0,
  clockS: nowMs / 1_000,
  trustVersion: 0,
  digest: alloc(32),
  running: null,
  beaconTsS: 0,
  beaconSeq: 0
}

/** Connects to a node and greets it; what it says then is up to the test. */
export async function dialAsRogue(
  t: { teardown(fn: () => unknown): void },
  network: Pick<TestNetwork, 'id'>,
  { address, greeting = encodeHello(hello) }: { address: string; greeting?: Bytes }
): Promise<Rogue> {
  const { key, host, port } = parsePeer(address)
  const dht = new HyperDHT({ bootstrap: [], host: '127.0.0.1', firewalled: false })
  t.teardown(() => dht.destroy({ force: true }))
  // Cast: the untyped stream of hyperdht, as far as this file uses it.
  const stream = dht.connect(key, { relayAddresses: [{ host, port }] }) as Stream
  await new Promise<void>((resolve, reject) => {
    stream.on('open', resolve)
    stream.on('error', () => reject(new Error('no connection')))
  })
  const rogue: Rogue = {
    stream,
    frames: [],
    hellos: 0,
    gone: false,
    channel: Channel.open(stream, network.id, {
      opened: () => (rogue.hellos += 1),
      frame: (number, bytes) => rogue.frames.push({ number, bytes: copy(bytes) }),
      closed: () => (rogue.gone ||= stream.destroyed),
      broken: () => stream.destroy()
    })
  }
  stream.on('close', () => (rogue.gone = true))
  rogue.channel.greet(greeting)
  return rogue
}

/** Reasons of the goodbyes it was told. */
export const byes = ({ frames }: Rogue): number[] =>
  frames.filter(({ number }) => number === FRAME.bye).map(({ bytes }) => decodeBye(bytes).reason)

/** Resolves when the node has greeted it. */
export async function greeted(rogue: Rogue): Promise<void> {
  await until('greeted', () => rogue.hellos === 1)
}

export const rejects = (events: readonly { readonly event: string }[]): number =>
  events.filter(({ event }) => event === 'gossip-reject').length

/** Connections that ended because one of our own handlers threw. */
export const handlerFaults = (events: readonly { event: string; facts: object }[]): number =>
  events.filter(({ facts }) => 'why' in facts && facts.why === 'handler failed').length
