import { toHex, type Bytes } from '../base/index.ts'
import {
  encodeBye,
  FRAME,
  setKey,
  type FrameNumber,
  type Heads,
  type Hello
} from '../records/index.ts'
import { hash, hash128, toShortName } from '../trust/index.ts'
import { linkKeyInput, type Channel } from './channel.ts'
import type { SetView } from '../crowd/index.ts'

/**
 * greeting: no HELLO yet. proving: `access: members`, certificates are not both shown. ready: all
 * frames pass. apart: no common version, bytes are served and nothing else. closed: gone.
 */
export type Phase = 'greeting' | 'proving' | 'ready' | 'apart' | 'closed'

export interface PeerFacts {
  readonly key: Bytes
  readonly outbound: boolean
  readonly host: string
  /** UDP port it spoke from; 0: unknown. */
  readonly port: number
  readonly handshakeHash: Bytes
}

/** Sets whose short ids are kept per peer: they cost memory, a second run costs a millisecond. */
const cachedSets = 2

/** One connection and what is known of the one at its other end. */
export class Peer {
  readonly key: Bytes
  readonly outbound: boolean
  readonly host: string
  readonly port: number
  /** Key of short ids and proofs on this connection. */
  readonly linkKey: Bytes
  readonly label: string
  readonly channel: Channel
  phase: Phase = 'greeting'
  hello: Hello | null = null
  /** What it says it believes, newest first-hand word. */
  heads: Heads | null = null
  /** Its clock minus ours at HELLO, milliseconds. */
  skewMs = 0
  /** Reporting key that it proved; null: uncertified. */
  member: Bytes | null = null
  /** Our own certificate was shown to it. */
  shown = false
  readonly #drop: () => void
  readonly #sids = new Map<string, { readonly of: SetView['members']; sids: Map<string, Bytes> }>()

  constructor(facts: PeerFacts, channel: Channel, drop: () => void) {
    this.key = facts.key
    this.outbound = facts.outbound
    this.host = facts.host
    this.port = facts.port
    this.linkKey = hash([linkKeyInput(facts.handshakeHash)])
    this.label = toShortName(facts.key)
    this.channel = channel
    this.#drop = drop
  }

  get ready(): boolean {
    return this.phase === 'ready'
  }

  /** Peers that we chose, or that hold a slot: a stranger who dials us speaks for nobody. */
  get counted(): boolean {
    return this.ready && (this.outbound || this.member !== null)
  }

  send(number: FrameNumber, bytes: Bytes): void {
    this.channel.send(number, bytes)
  }

  /** Says why and how long, for a channel that is about to end. */
  bye(reason: number, retryAfterS: number, versions: { low: number; high: number }): void {
    this.send(FRAME.bye, encodeBye({ reason, retryAfterS, ...versions }))
  }

  /** Ends the connection, replication included. */
  destroy(): void {
    this.#drop()
  }

  /** Short id of `id` on this connection, as hex. */
  sid(id: Bytes): string {
    return toHex(hash128([id], this.linkKey).subarray(0, 8))
  }

  /** Ids of the members of a set by their short ids. */
  sids(view: SetView): ReadonlyMap<string, Bytes> {
    const name = setKey(view.ref)
    const held = this.#sids.get(name)
    if (held?.of === view.members && held.sids.size === view.members.length) return held.sids
    const sids = new Map(view.members.map(({ id }) => [this.sid(id), id]))
    this.#sids.delete(name)
    this.#sids.set(name, { of: view.members, sids })
    const [oldest] = this.#sids.keys()
    if (this.#sids.size > cachedSets && oldest !== undefined) this.#sids.delete(oldest)
    return sids
  }
}
