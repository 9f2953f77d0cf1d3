import type Hyperswarm from 'hyperswarm'
import type { Connection, Discovery } from 'hyperswarm'
import { copy, type Bytes } from '../../base/index.ts'
import type { StaticPeer } from './address.ts'
import { topicOf, type Door } from './swarm.ts'

/**
 * The topic of a network on the swarm of an app. Its connections carry other things as well, so
 * whoever is no peer of ours is left alone: only our channel on it is closed.
 */
export class GuestSwarm implements Door {
  readonly #network: Bytes
  readonly #swarm: Hyperswarm
  readonly #onConnection: (stream: Connection) => void
  #discovery: Discovery | null = null
  #isClosed = false

  /** `swarm` is a hyperswarm; the public types do not mention the package. */
  constructor(network: Bytes, swarm: object, onConnection: (stream: Connection) => void) {
    this.#network = network
    this.#swarm = swarm as Hyperswarm
    this.#onConnection = onConnection
  }

  /** The swarm key of the app. */
  get key(): Bytes {
    return copy(this.#swarm.keyPair.publicKey)
  }

  async open(): Promise<void> {
    this.#swarm.on('connection', this.#onConnection)
    for (const connection of this.#swarm.connections) this.#onConnection(connection)
    this.#join()
  }

  #join(): void {
    const topic = topicOf(this.#network)
    this.#discovery = this.#swarm.join(topic, { server: true, client: true })
  }

  refresh(onError: (error: unknown) => void): void {
    this.#discovery?.refresh().catch(onError)
  }

  /** An app's swarm has static peers of its own. */
  revisit(): void {
    // Nothing to dial here.
  }

  /** The key is the app's and stays; the topic is looked up and announced anew. */
  async renew(onError: (error: unknown) => void): Promise<boolean> {
    await this.#discovery?.destroy().catch(onError)
    if (!this.#isClosed) this.#join()
    return false
  }

  dial(key: Bytes): void {
    this.#swarm.joinPeer(key)
  }

  visit({ key }: StaticPeer): void {
    this.#swarm.joinPeer(key)
  }

  forget(key: Bytes): void {
    this.#swarm.leavePeer(key)
  }

  /** The app knows its own address. */
  address(): null {
    return null
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#swarm.off('connection', this.#onConnection)
    await this.#discovery?.destroy()
  }
}
