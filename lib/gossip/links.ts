import type { Connection } from 'hyperswarm'
import {
  copy,
  frameBytesMax,
  HOUR,
  isOtaError,
  SECOND,
  toHex,
  type Bytes,
  type Code
} from '../base/index.ts'
import {
  BYE,
  decodeBye,
  decodeHello,
  encodeExchange,
  encodeHello,
  exchangeMax,
  FRAME,
  type FrameNumber,
  type Hello
} from '../records/index.ts'
import { Bans } from './bans.ts'
import { Channel } from './channel.ts'
import { Later } from './later.ts'
import { Peer } from './peer.ts'
import { pick } from './pick.ts'
import type { Hub } from './ports.ts'
import { bothCertified, judge, show, type Credential } from './proof.ts'
import { subnetOf } from './subnet.ts'

/** Connections of one /24 or /48, private addresses apart. */
const perSubnetMax = 4
/** Refused connections that are told why at one time; the rest is cut. */
const refusingMax = 16
const greetMs = 10 * SECOND
const proveMs = 5 * SECOND
const sayMs = 200
const guardEveryMs = 500
/** Channels that a peer opens and nobody wants: protomux would queue them without end. */
const backlogMax = 256

export interface LinkOptions {
  /** Versions of the channel spoken here. */
  readonly low: number
  readonly high: number
  readonly inboundMax: number
  /** The connections are an app's: our channel may go, the connection stays. */
  readonly guest: boolean
  readonly hello: () => Hello
  readonly credential: Credential | null
}

export interface LinkEvents {
  ready(peer: Peer): void
  left(peer: Peer): void
  /** A frame of a ready peer; an `OtaError` thrown here is counted as a reject. */
  frame(peer: Peer, number: FrameNumber, bytes: Bytes): void
  /** The peer proved a slot. */
  member(peer: Peer, membership: Bytes): void
  /** The stream may replicate now. */
  stream(stream: Connection, peer: Peer): void
}

/** Connections from the handshake to the end: who is let in, greeted, proven, cut. */
export class Links {
  readonly #hub: Hub
  readonly #options: LinkOptions
  readonly #events: LinkEvents
  readonly #peers = new Map<string, { readonly peer: Peer; readonly stream: Connection }>()
  readonly #bans: Bans
  readonly #later: Later
  #refusing = 0
  #closed = false

  constructor(hub: Hub, options: LinkOptions, events: LinkEvents) {
    this.#hub = hub
    this.#options = options
    this.#events = events
    this.#bans = new Bans(hub.clock)
    this.#later = new Later(hub.clock)
    this.#guard()
  }

  get peers(): readonly Peer[] {
    return [...this.#peers.values()].map(({ peer }) => peer)
  }

  /** Streams that may replicate, for a listener that comes late. */
  get streams(): readonly { readonly peer: Peer; readonly stream: Connection }[] {
    return [...this.#peers.values()].filter(({ peer }) => this.#mayReplicate(peer))
  }

  close(): void {
    this.#closed = true
    this.#later.close()
    for (const { peer } of this.#peers.values()) {
      peer.bye(BYE.leaving, 0, this.#options)
      peer.phase = 'closed'
      if (this.#options.guest) peer.channel.close()
    }
  }

  /** An authenticated stream of the swarm. */
  accept(stream: Connection): void {
    const key = copy(stream.remotePublicKey)
    stream.on('error', ({ message }) => this.#hub.log('gossip-connection', { error: message }))
    if (this.#closed || this.#bans.has(key)) return this.#hangUp(stream)
    const host = stream.rawStream?.remoteHost ?? ''
    const port = stream.rawStream?.remotePort ?? 0
    const name = toHex(key)
    this.#peers.get(name)?.peer.destroy()
    this.#peers.delete(name)
    const refused = !stream.isInitiator && this.#isFull(host)
    const { guest } = this.#options
    if (refused && (guest || this.#refusing >= refusingMax)) return this.#hangUp(stream)
    const channel = Channel.open(stream, this.#hub.network, {
      opened: (hello) => this.#greeted(stream, peer, hello),
      frame: (number, bytes) => this.#frame(stream, peer, number, bytes),
      sent: (bytes) => {
        this.#hub.traffic.framesOut += 1
        this.#hub.traffic.bytesOut += bytes
      },
      closed: () => (guest ? this.#leave(peer) : this.#ended(peer)),
      broken: (why) => this.#cut(peer, why)
    })
    const { isInitiator: outbound, handshakeHash } = stream
    const peer = new Peer(
      { key, outbound, host, port, handshakeHash: copy(handshakeHash) },
      channel,
      () => (guest ? this.#leave(peer) : stream.destroy())
    )
    if (refused) return this.#refuse(stream, peer)
    this.#peers.set(name, { peer, stream })
    stream.on('close', () => {
      this.#ended(peer)
      peer.phase = 'closed'
      if (this.#peers.get(name)?.peer === peer) this.#peers.delete(name)
    })
    channel.greet(encodeHello(this.#options.hello()))
    if (!guest && this.#hub.authority.access() === 'any') this.#events.stream(stream, peer)
    this.#later.after(greetMs, () => {
      if (peer.phase === 'greeting') this.#cut(peer, 'no hello')
    })
  }

  /**
   * Sends away half of those who dialled us, rounded up and drawn at random: whoever came to
   * surround us has filled these places, and others may have found them taken (S37).
   */
  shedInbound(): number {
    const inbound = this.peers.filter(({ outbound, phase }) => !outbound && phase !== 'closed')
    const shed = pick(this.#hub.dice, inbound, Math.ceil(inbound.length / 2))
    for (const peer of shed) this.#dismiss(peer, BYE.full, 60)
    return shed.length
  }

  /** Says goodbye to these: they know us by a key that is given up. */
  leave(peers: readonly Peer[]): void {
    for (const peer of peers) this.#dismiss(peer, BYE.leaving, 0)
  }

  /** Counts a reject; the third in ten minutes bans for an hour (S114). */
  fault(peer: Peer, why: string): void {
    this.#hub.log('gossip-reject', { peer: peer.label, why })
    if (!this.#bans.reject(peer.key)) return
    if (peer.member !== null) this.#bans.ban(peer.member)
    this.#dismiss(peer, BYE.banned, HOUR / SECOND)
  }

  /** On a swarm of our own the connection goes; on an app's it is the app's. */
  #hangUp(stream: Connection): void {
    if (!this.#options.guest) stream.destroy()
  }

  /** Our part of an app's connection is over. */
  #leave(peer: Peer): void {
    this.#ended(peer)
    peer.phase = 'closed'
    peer.channel.close()
    const name = toHex(peer.key)
    if (this.#peers.get(name)?.peer === peer) this.#peers.delete(name)
  }

  #isFull(host: string): boolean {
    const inbound = this.peers.filter(({ outbound }) => !outbound)
    if (inbound.length >= this.#options.inboundMax) return true
    const subnet = subnetOf(host)
    if (subnet === null) return false
    return this.peers.filter((peer) => subnetOf(peer.host) === subnet).length >= perSubnetMax
  }

  /** Names others to go to, says that we are full, and hangs up (S86). */
  #refuse(stream: Connection, peer: Peer): void {
    this.#refusing += 1
    stream.on('close', () => {
      this.#refusing -= 1
    })
    peer.phase = 'closed'
    peer.channel.greet(encodeHello(this.#options.hello()))
    const others = pick(this.#hub.dice, this.peers, exchangeMax)
    peer.send(FRAME.exchange, encodeExchange(others.map(({ key }) => key)))
    peer.bye(BYE.full, 60, this.#options)
    this.#later.after(5 * sayMs, () => stream.destroy())
  }

  #greeted(stream: Connection, peer: Peer, bytes: Bytes): void {
    if (peer.phase !== 'greeting') return
    const { low, high, credential } = this.#options
    let hello: Hello
    try {
      hello = decodeHello(bytes)
    } catch (error) {
      if (!isOtaError(error)) throw error
      return this.#cut(peer, error.message)
    }
    if (hello.low > hello.high) return this.#cut(peer, 'hello: lowest version above highest')
    peer.hello = hello
    peer.heads = { trustVersion: hello.trustVersion, digest: hello.digest }
    peer.skewMs = hello.clockS * SECOND - this.#hub.clock.wallMs()
    if (Math.min(high, hello.high) < Math.max(low, hello.low)) return this.#apart(peer, hello)
    if (peer.outbound && bothCertified(peer, credential)) show(peer, credential)
    if (this.#hub.authority.access() === 'any') return this.#welcome(stream, peer)
    peer.phase = 'proving'
    this.#later.after(proveMs, () => {
      if (peer.phase === 'proving') this.#dismiss(peer, BYE.members, HOUR / SECOND)
    })
  }

  /** S79: no common version ends this channel only; bytes go on. */
  #apart(peer: Peer, hello: Hello): void {
    const { low, high } = this.#options
    const { low: peerLow, high: peerHigh } = hello
    const code: Code = 'PROTOCOL_RANGE'
    this.#hub.log('gossip-version', { code, peer: peer.label, low, high, peerLow, peerHigh })
    peer.bye(BYE.version, HOUR / SECOND, this.#options)
    peer.phase = 'apart'
    this.#later.after(sayMs, () => peer.channel.close())
    if (this.#hub.authority.access() === 'members') this.#dismiss(peer, BYE.members, 0)
  }

  #welcome(stream: Connection, peer: Peer): void {
    const proven = peer.phase === 'proving'
    peer.phase = 'ready'
    if (proven || this.#options.guest) this.#events.stream(stream, peer)
    this.#events.ready(peer)
  }

  #frame(stream: Connection, peer: Peer, number: FrameNumber, bytes: Bytes): void {
    this.#hub.traffic.framesIn += 1
    this.#hub.traffic.bytesIn += bytes.byteLength
    if (bytes.byteLength > frameBytesMax)
      return this.#cut(peer, `frame of ${bytes.byteLength} bytes`)
    try {
      if (number === FRAME.bye && peer.phase !== 'closed') return this.#bye(peer, bytes)
      if (number === FRAME.proof) return this.#proof(stream, peer, bytes)
      if (peer.ready) this.#events.frame(peer, number, bytes)
    } catch (error) {
      if (!isOtaError(error)) throw error
      this.fault(peer, error.message)
    }
  }

  #proof(stream: Connection, peer: Peer, bytes: Bytes): void {
    if ((peer.phase !== 'ready' && peer.phase !== 'proving') || peer.member !== null) return
    const { credential } = this.#options
    const answer = judge(this.#hub, peer, bytes)
    if (answer.tag === 'false') return this.fault(peer, `cert: ${answer.why}`)
    if (answer.tag === 'stranger') return
    if (this.#bans.has(answer.key)) return this.#dismiss(peer, BYE.banned, HOUR / SECOND)
    peer.member = answer.key
    // Only a peer that showed one is shown ours (S113).
    if (!peer.shown && bothCertified(peer, credential)) show(peer, credential)
    if (peer.phase === 'proving' && peer.shown) this.#welcome(stream, peer)
    this.#events.member(peer, answer.membership)
  }

  #bye(peer: Peer, bytes: Bytes): void {
    const { reason, low, high } = decodeBye(bytes)
    this.#hub.log('gossip-bye', { peer: peer.label, reason, low, high })
    if (reason !== BYE.version) return peer.destroy()
    this.#ended(peer)
  }

  /** The channel is over, the connection perhaps not. */
  #ended(peer: Peer): void {
    if (peer.phase === 'closed' || peer.phase === 'apart') return
    const wasReady = peer.ready
    peer.phase = 'apart'
    if (wasReady) this.#events.left(peer)
  }

  #dismiss(peer: Peer, reason: number, retryAfterS: number): void {
    peer.bye(reason, retryAfterS, this.#options)
    this.#ended(peer)
    peer.phase = 'closed'
    this.#later.after(sayMs, () => peer.destroy())
  }

  #cut(peer: Peer, why: string): void {
    this.#hub.log('gossip-cut', { peer: peer.label, why })
    peer.destroy()
  }

  #mayReplicate({ phase }: Peer): boolean {
    if (phase === 'ready' || this.#options.guest) return phase === 'ready'
    return phase !== 'closed' && this.#hub.authority.access() === 'any'
  }

  #guard(): void {
    this.#later.once('guard', guardEveryMs, () => {
      for (const { peer } of this.#peers.values()) {
        if (peer.channel.backlog > backlogMax) this.#cut(peer, 'opens channels without end')
      }
      this.#guard()
    })
  }
}
