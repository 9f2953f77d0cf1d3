import Protomux, { type Encoding, type Message, type MuxChannel } from 'protomux'
import { alloc, concat, copy, fromText, type Bytes } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import { FRAME, type FrameNumber } from '../records/index.ts'

const protocol = 'upswell/gossip/1'
/** Frames waiting for a slow peer, beyond which evidence is shed. */
const waitingMax = 256
/** Beyond this the peer does not read at all and is let go. */
const stuckMax = 1_024
/** What the walk repairs later, and so may be shed. */
const sheddable: ReadonlySet<number> = new Set([
  FRAME.push,
  FRAME.have,
  FRAME.want,
  FRAME.sums,
  FRAME.buckets,
  FRAME.ids
])

/** Never throws: a throw in a decoder would take the whole connection along, replication too. */
const raw: Encoding = {
  preencode(state, value) {
    state.end += value.byteLength
  },
  encode(state, value) {
    state.buffer?.set(value, state.start)
    state.start += value.byteLength
  },
  decode(state) {
    const bytes = copy((state.buffer ?? alloc(0)).subarray(state.start, state.end))
    state.start = state.end
    return bytes
  }
}

export interface ChannelEvents {
  /** HELLO of the peer, not decoded. */
  opened(hello: Bytes): void
  frame(number: FrameNumber, bytes: Bytes): void
  /** A frame of that many bytes has left. */
  sent?(bytes: number): void
  closed(): void
  /** The peer stopped reading, or a handler failed: the connection must go. */
  broken(why: string): void
}

/** Our channel on one connection: raw frames in and out, back-pressure, no throws. */
export class Channel {
  readonly #mux: Protomux
  readonly #channel: MuxChannel
  readonly #messages: readonly Message[]
  readonly #events: ChannelEvents
  readonly #waiting: { readonly number: FrameNumber; readonly bytes: Bytes }[] = []
  #drained = true

  private constructor(mux: Protomux, network: Bytes, events: ChannelEvents) {
    this.#mux = mux
    this.#events = events
    const channel = mux.createChannel({
      protocol,
      id: network,
      handshake: raw,
      onopen: (hello) => this.#guard(() => events.opened(hello)),
      onclose: () => this.#guard(() => events.closed()),
      ondrain: () => this.#guard(() => this.#flush())
    })
    if (channel === null) throw new Error('gossip channel is open already')
    this.#channel = channel
    this.#messages = Object.values(FRAME).map((number) =>
      channel.addMessage({
        encoding: raw,
        onmessage: (bytes) => this.#guard(() => events.frame(number, bytes))
      })
    )
  }

  /** Opens the channel with our HELLO; the caller keeps it to one per connection. */
  static open(stream: object, network: Bytes, events: ChannelEvents): Channel {
    return new Channel(Protomux.from(stream), network, events)
  }

  greet(hello: Bytes): void {
    this.#channel.open(hello)
  }

  /** Channels that the peer opened and nobody wants (flood guard). */
  get backlog(): number {
    // oxlint-disable-next-line no-underscore-dangle -- no public way; a contract test holds it
    return this.#mux._remoteBacklog
  }

  get closed(): boolean {
    return this.#channel.closed
  }

  send(number: FrameNumber, bytes: Bytes): void {
    if (this.closed) return
    if (this.#drained) {
      this.#write(number, bytes)
      return
    }
    if (this.#waiting.length >= waitingMax && sheddable.has(number)) return
    if (this.#waiting.length >= stuckMax) return this.#events.broken('peer does not read')
    this.#waiting.push({ number, bytes })
  }

  close(): void {
    if (!this.closed) this.#channel.close()
  }

  #flush(): void {
    this.#drained = true
    while (this.#drained && !this.closed) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#write(next.number, next.bytes)
    }
  }

  #write(number: FrameNumber, bytes: Bytes): void {
    this.#drained = this.#messages[number]?.send(bytes) ?? true
    this.#events.sent?.(bytes.byteLength)
  }

  #guard(handler: () => void): void {
    try {
      handler()
    } catch (error) {
      // Handlers answer bad frames themselves; what arrives here is our own fault.
      this.#events.broken('handler failed')
      inBackground(error)
    }
  }
}

/** Both ends of a connection know it, nobody else: short ids are made with it. */
export function linkKeyInput(handshakeHash: Bytes): Bytes {
  return concat([fromText('upswell/gossip/k'), handshakeHash])
}
