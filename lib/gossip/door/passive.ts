import { MINUTE, SECOND, toHex, type Bytes } from '../../base/index.ts'
import { HELLO_ROLE } from '../../records/index.ts'
import { formatPeer, parsePeer, type StaticPeer } from './address.ts'
import { Later } from '../later.ts'
import type { Peer } from '../peer.ts'
import { pick } from '../pick.ts'
import type { Hub } from '../ports.ts'

/** Peers kept from one start to the next. */
const passiveMax = 256
/** Who stayed that long is worth a place: a passer-by, or somebody who floods, is not. */
const worthMs = 10 * MINUTE

/** Time in which a kept peer must have answered, or its place is for another. */
const answerMs = 15 * SECOND

/** The way to a kept peer. */
export interface PassiveDials {
  visit(peer: StaticPeer): void
  forget(key: Bytes): void
}

/** Where the view lies between two starts; a cache, which may be lost. */
export interface PassiveStore {
  /** `HOST:PORT#KEY` as kept last; what cannot be read counts as absent. */
  readonly kept: readonly string[]
  readonly keep: (peers: readonly string[]) => void
}

/**
 * The passive view: peers one was connected to for ten minutes and that keep their key, so that a
 * node that starts finds somebody without asking whoever surrounds the topic (S37). A new one takes
 * the place of a random one, so that nobody can push all others out by coming last.
 */
export class Passive {
  readonly #hub: Pick<Hub, 'clock' | 'dice'>
  readonly #store: PassiveStore
  readonly #dials: PassiveDials
  readonly #later: Later
  readonly #connected = new Set<string>()
  readonly #peers = new Map<string, StaticPeer>()

  constructor(hub: Pick<Hub, 'clock' | 'dice'>, store: PassiveStore, dials: PassiveDials) {
    this.#hub = hub
    this.#store = store
    this.#dials = dials
    this.#later = new Later(hub.clock)
    for (const text of store.kept.slice(0, passiveMax)) {
      const peer = readPeer(text)
      if (peer !== null) this.#peers.set(toHex(peer.key), peer)
    }
  }

  get size(): number {
    return this.#peers.size
  }

  close(): void {
    this.#later.close()
  }

  /** Dials `count` of those that are not connected, at random; who does not answer is forgotten. */
  visit(count: number): void {
    const away = [...this.#peers].filter(([name]) => !this.#connected.has(name))
    for (const [name, peer] of pick(this.#hub.dice, away, count)) {
      this.#dials.visit(peer)
      this.#later.once(`visit ${name}`, answerMs, () => {
        this.#dials.forget(peer.key)
        if (!this.#connected.has(name)) this.#forget(name)
      })
    }
  }

  joined(peer: Peer): void {
    this.#connected.add(toHex(peer.key))
    const keeps = ((peer.hello?.roles ?? 0) & HELLO_ROLE.keepsKey) !== 0
    if (!keeps || peer.host === '' || peer.port === 0) return
    this.#later.after(worthMs, () => {
      if (peer.ready) this.#add({ key: peer.key, host: peer.host, port: peer.port })
    })
  }

  left(peer: Peer): void {
    this.#connected.delete(toHex(peer.key))
  }

  #forget(name: string): void {
    if (this.#peers.delete(name)) this.#save()
  }

  #add(peer: StaticPeer): void {
    const name = toHex(peer.key)
    const isNew = !this.#peers.has(name)
    const isFull = isNew && this.#peers.size >= passiveMax
    const [out] = isFull ? pick(this.#hub.dice, [...this.#peers.keys()], 1) : []
    if (out !== undefined) this.#peers.delete(out)
    this.#peers.set(name, peer)
    this.#save()
  }

  #save(): void {
    this.#store.keep([...this.#peers.values()].map(formatPeer))
  }
}

function readPeer(text: string): StaticPeer | null {
  try {
    return parsePeer(text)
  } catch {
    // A line that is no address, from a file that is only a cache.
    return null
  }
}
