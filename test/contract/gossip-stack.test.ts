import HyperDHT from 'hyperdht'
import Protomux from 'protomux'
import test from 'brittle'
import { alloc, equal, type Bytes } from '../../lib/base/index.ts'
import { until } from '../net/world.ts'

/** What gossip relies on in hyperdht and protomux without their promise. */
interface Stream {
  readonly handshakeHash: Bytes
  readonly isInitiator: boolean
  readonly rawStream: { readonly remoteHost: string }
  on(event: 'open' | 'error', fn: () => void): void
  destroy(): void
}

test('a dial to a known address needs no other DHT node; both ends share a hash', async (t) => {
  const options = { bootstrap: [], host: '127.0.0.1', firewalled: false }
  const [server, client] = [new HyperDHT(options), new HyperDHT(options)]
  const accepted: Stream[] = []
  // Cast: only what this test uses of the untyped server.
  const listener = (server as unknown as Listening).createServer((stream) => {
    stream.on('error', noop)
    accepted.push(stream)
  })
  await listener.listen()
  t.teardown(async () => {
    for (const one of [stream, ...accepted]) one.destroy()
    await listener.close()
    await client.destroy({ force: true })
    await server.destroy({ force: true })
  })
  const address = { host: '127.0.0.1', port: server.localAddress()!.port }
  const stream = client.connect(listener.publicKey, { relayAddresses: [address] }) as Stream
  stream.on('error', noop)
  await until('both ends', () => accepted.length === 1 && stream.handshakeHash !== null)
  t.ok(equal(accepted[0]!.handshakeHash, stream.handshakeHash), 'one handshake hash')
  t.is(stream.handshakeHash.byteLength, 64)
  t.alike([stream.isInitiator, accepted[0]!.isInitiator], [true, false])
  t.is(accepted[0]!.rawStream.remoteHost, '127.0.0.1')
  const mux = Protomux.from(stream)
  // oxlint-disable-next-line no-underscore-dangle -- this is what the flood guard reads
  t.is(mux._remoteBacklog, 0, 'the backlog can be read')
  const ends = { handshake: encoding, onopen: noop, onclose: noop, ondrain: noop }
  const channel = mux.createChannel({ protocol: 'x', id: alloc(32), ...ends })
  channel?.open(alloc(0))
  t.is(mux.createChannel({ protocol: 'x', id: alloc(32), ...ends }), null, 'no second channel')
  t.is(Protomux.from(stream), mux, 'one multiplexer per stream')
})

interface Listening {
  createServer(onConnection: (stream: Stream) => void): {
    readonly publicKey: Bytes
    listen(): Promise<void>
    close(): Promise<void>
  }
}

const encoding = { preencode: noop, encode: noop, decode: () => alloc(0) }

function noop(): void {
  // Nothing is sent, nothing is awaited.
}
