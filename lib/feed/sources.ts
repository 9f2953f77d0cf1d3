import type Hypercore from 'hypercore'
import type { HypercorePeer } from 'hypercore'
import {
  fetchPeersMax,
  KIB,
  MINUTE,
  SECOND,
  toHex,
  type Clock,
  type Code,
  type Dice,
  type Log
} from '../base/index.ts'
import { isStoreFull, translated } from './failure.ts'
import { Pace } from './pace.ts'

/** Peers asked at first; each further one brings duplicates before it brings bytes. */
const peersAtFirst = 2
/** One more peer is asked this often while blocks are missing. */
const addPeerEveryMs = 10 * SECOND
/** A peer that was asked and has shown nothing in this time makes room for another. */
const answerWithinMs = SECOND
/** Those who answered may have nothing of what is missing: without a block, ask one more. */
const idleMs = 2 * SECOND
/** Bytes per second below which a peer gives way to a faster one (S85). */
const slowBytes = 8 * KIB
/** It has so long to show what it can. */
const slowAfterMs = 10 * SECOND
/** "Faster" means so many times as fast. */
const fasterTimes = 4
/** A peer that was asked and gives no block in this time is let go. */
const silentAfterMs = 15 * SECOND
const restMs: Readonly<Record<Leaving, number>> = {
  slow: 10 * MINUTE,
  silent: MINUTE,
  lied: 60 * MINUTE
}

type Leaving = 'slow' | 'silent' | 'lied'

/** What a peer did that people may want to know. */
export interface PeerAlarm {
  readonly code: Extract<Code, 'SLOW_PEER' | 'HASH_MISMATCH'>
  readonly peer: string
  readonly text: string
}

/** Peers that are not asked for a while, by key; one for all cores of a store. */
export class Resting {
  readonly #until = new Map<string, number>()

  add(peer: string, untilMs: number): void {
    this.#until.set(peer, Math.max(untilMs, this.#until.get(peer) ?? 0))
  }

  has(peer: string | null, nowMs: number): boolean {
    if (peer === null) return false
    const untilMs = this.#until.get(peer) ?? 0
    if (untilMs <= nowMs) this.#until.delete(peer)
    return untilMs > nowMs
  }
}

export interface SourcePorts {
  readonly clock: Clock
  readonly dice: Dice
  readonly log: Log
  readonly resting: Resting
  readonly streams: () => readonly object[]
  readonly onAlarm: ((alarm: PeerAlarm) => void) | undefined
  /** What came is good and cannot be kept. */
  readonly onBroken: (error: unknown) => void
}

/** A peer at work on this core. */
interface Work {
  readonly pace: Pace
  /** Since when it has been asked for something without a break; null: for nothing now. */
  sinceMs: number | null
  blockMs: number
}

/** Who is asked for the blocks of one core: few at first, more while it takes long, no bad ones. */
export class Sources {
  readonly #ports: SourcePorts
  readonly #core: Hypercore
  readonly #asked = new Map<object, number>()
  readonly #work = new Map<HypercorePeer, Work>()
  #startedMs: number
  /** When a block came last, or one more peer was asked for want of one. */
  #lastMs: number
  #hadPeer = false

  constructor(ports: SourcePorts, core: Hypercore) {
    this.#ports = ports
    this.#core = core
    this.#startedMs = ports.clock.steadyMs()
    this.#lastMs = this.#startedMs
    core.on('verification-error', (error, request, _data, from) => {
      const kept = translated(error, 'keep a block')
      if (isLie(error)) this.#dropLiar(from, request?.block?.index ?? null)
      // The store could not keep it: no peer's fault.
      else if (isStoreFull(kept)) ports.onBroken(kept)
      else ports.log('block-refused', { text: error.message })
    })
  }

  /** From now on peers are asked. */
  start(): void {
    this.#startedMs = this.#ports.clock.steadyMs()
    this.#lastMs = this.#startedMs
  }

  /** Some peer has shown the core since the start. */
  get hadPeer(): boolean {
    return this.#hadPeer
  }

  /** Peers that show the core and are asked. */
  get answering(): readonly HypercorePeer[] {
    return this.#core.peers.filter((peer) => peer.remoteLength > 0 && !peer.paused)
  }

  noteBlock(from: HypercorePeer, bytes: number): void {
    const nowMs = this.#ports.clock.steadyMs()
    this.#lastMs = nowMs
    const work = this.#workOf(from, nowMs)
    work.pace.add(bytes, nowMs)
    work.blockMs = nowMs
  }

  /**
   * Whether every connected peer was asked and none of those who answer shows one of these blocks.
   * With nothing named it is not known.
   */
  isHopeless(missing: ReadonlySet<number>): boolean {
    if (missing.size === 0 || this.#fresh(this.#ports.clock.steadyMs()).length > 0) return false
    return !this.answering.some((peer) => showsAny(peer, missing))
  }

  /** Looks the peers over, lets bad ones go and asks others, more if blocks are waited for. */
  look(missing: ReadonlySet<number>, isWaiting: boolean): void {
    const nowMs = this.#ports.clock.steadyMs()
    for (const peer of this.#core.peers.slice()) {
      if (this.#isResting(peer, nowMs)) this.#close(peer)
    }
    this.#dropBad(nowMs)
    if (this.answering.length >= fetchPeersMax && nowMs - this.#lastMs >= idleMs) {
      this.#makeRoom(missing, nowMs)
    }
    const answering = this.answering.length
    if (answering > 0) this.#hadPeer = true
    this.#ask(nowMs, answering, this.#wanted(nowMs, answering, isWaiting || missing.size > 0))
  }

  /** Peers that show nothing of what is missing keep nobody else from being asked. */
  #makeRoom(missing: ReadonlySet<number>, nowMs: number): void {
    if (missing.size === 0 || this.#fresh(nowMs).length === 0) return
    for (const peer of this.answering) if (!showsAny(peer, missing)) this.#close(peer)
  }

  #ask(nowMs: number, answering: number, wanted: number): void {
    let waiting = 0
    const streams = this.#ports.streams()
    const open = new Set(streams)
    for (const [stream, askedMs] of this.#asked) {
      if (!open.has(stream)) this.#asked.delete(stream)
      else if (nowMs - askedMs < answerWithinMs) waiting += 1
    }
    const fresh = this.#fresh(nowMs)
    for (
      let room = wanted - Math.max(answering, waiting);
      room > 0 && fresh.length > 0;
      room -= 1
    ) {
      const [stream] = fresh.splice(Math.floor(this.#ports.dice.next() * fresh.length), 1)
      if (stream === undefined) break
      this.#asked.set(stream, nowMs)
      this.#core.replicate(stream)
    }
  }

  #fresh(nowMs: number): object[] {
    const { resting, streams } = this.#ports
    return streams().filter(
      (stream) => !this.#asked.has(stream) && !resting.has(keyOf(stream), nowMs)
    )
  }

  /**
   * How many peers to have at work. As long as nobody has answered, asking costs next to nothing:
   * a peer that lacks the core opens nothing.
   */
  #wanted(nowMs: number, answering: number, isWaiting: boolean): number {
    if (answering === 0 && nowMs - this.#startedMs >= answerWithinMs) return fetchPeersMax
    const more = Math.floor((nowMs - this.#startedMs) / addPeerEveryMs)
    const wanted = Math.min(fetchPeersMax, peersAtFirst + more)
    if (!isWaiting || nowMs - this.#lastMs < idleMs) return wanted
    this.#lastMs = nowMs
    return Math.min(fetchPeersMax, Math.max(wanted, answering + 1))
  }

  /** S85: who is slow gives way to who is faster, who is silent to whoever there is. */
  #dropBad(nowMs: number): void {
    const peers = this.answering
    const open = new Set(peers)
    for (const peer of this.#work.keys()) if (!open.has(peer)) this.#work.delete(peer)
    for (const peer of peers) {
      const work = this.#workOf(peer, nowMs)
      if (peer.inflight === 0) work.sinceMs = null
      else work.sinceMs ??= nowMs
    }
    const isFull = peers.length >= fetchPeersMax && this.#fresh(nowMs).length > 0
    for (const peer of peers) {
      const { sinceMs, blockMs, pace } = this.#workOf(peer, nowMs)
      if (sinceMs === null || this.answering.length < 2) continue
      const rate = pace.rate(nowMs)
      const others = this.answering.filter((other) => other !== peer)
      const best = Math.max(...others.map((other) => this.#workOf(other, nowMs).pace.rate(nowMs)))
      const isSlow = nowMs - sinceMs >= slowAfterMs && rate < slowBytes
      if (isSlow && (isFull || best > fasterTimes * Math.max(rate, 1))) {
        this.#drop(peer, 'slow', { rate, best })
      } else if (nowMs - Math.max(sinceMs, blockMs) >= silentAfterMs) {
        this.#drop(peer, 'silent', { rate, best })
      }
    }
  }

  #drop(peer: HypercorePeer, why: Leaving, facts: { rate: number; best: number }): void {
    const name = this.#rest(peer, why)
    if (why !== 'slow') return
    const { rate, best } = facts
    const text = `peer ${name} gives ${rate} bytes/s, another ${best}: it is not asked for now`
    this.#ports.log('SLOW_PEER', { peer: name, ...facts, core: toHex(this.#core.key) })
    this.#ports.onAlarm?.({ code: 'SLOW_PEER', peer: name, text })
  }

  /** S31: a block that fails its proof is the peer's fault, never the release's. */
  #dropLiar(peer: HypercorePeer, block: number | null): void {
    // What else it had sent by then changes nothing.
    if (this.#isResting(peer, this.#ports.clock.steadyMs())) return
    const name = this.#rest(peer, 'lied')
    const text = `peer ${name} gave a block that is not of the signed core: not asked for now`
    this.#ports.log('HASH_MISMATCH', { peer: name, block, core: toHex(this.#core.key) })
    this.#ports.onAlarm?.({ code: 'HASH_MISMATCH', peer: name, text })
  }

  #rest(peer: HypercorePeer, why: Leaving): string {
    const name = toHex(peer.remotePublicKey)
    const nowMs = this.#ports.clock.steadyMs()
    this.#ports.resting.add(name, nowMs + restMs[why])
    this.#ports.log('peer-dropped', { peer: name, why, core: toHex(this.#core.key) })
    this.#close(peer)
    return name
  }

  #isResting(peer: HypercorePeer, nowMs: number): boolean {
    return this.#ports.resting.has(toHex(peer.remotePublicKey), nowMs)
  }

  /** Ends the channel of this core; the connection and all else on it go on. */
  #close(peer: HypercorePeer): void {
    this.#work.delete(peer)
    this.#core.core.replicator.detachFrom(peer.protomux)
    peer.channel.close()
  }

  #workOf(peer: HypercorePeer, nowMs: number): Work {
    const found = this.#work.get(peer)
    if (found !== undefined) return found
    const work = { pace: new Pace(nowMs, slowAfterMs), sinceMs: null, blockMs: nowMs }
    this.#work.set(peer, work)
    return work
  }
}

const lies = ['INVALID_CHECKSUM', 'INVALID_PROOF', 'INVALID_SIGNATURE']

/** A proof that does not hold; anything else went wrong on this side. */
function isLie(error: Error): boolean {
  return 'code' in error && lies.includes(String(error.code))
}

/** Whether a peer shows one of these blocks; what it has not told yet counts as not there. */
function showsAny(peer: HypercorePeer, blocks: ReadonlySet<number>): boolean {
  const whole = peer.remoteContiguousLength
  for (const block of blocks) if (block < whole || peer.remoteBitfield.get(block)) return true
  return false
}

/** The key of who is at the other end; null before the handshake. */
function keyOf(stream: object): string | null {
  // Streams of a swarm have the key themselves, those made by hypercore on the one within.
  const { remotePublicKey, noiseStream } = stream as Keyed
  const key = noiseStream?.remotePublicKey ?? remotePublicKey ?? null
  return key === null ? null : toHex(key)
}

interface Keyed {
  readonly remotePublicKey?: Uint8Array | null
  readonly noiseStream?: { readonly remotePublicKey: Uint8Array | null }
}
