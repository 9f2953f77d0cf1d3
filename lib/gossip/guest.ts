import type Hyperswarm from 'hyperswarm'
import type { Connection, Discovery } from 'hyperswarm'
import { copy, type Bytes } from '../base/index.ts'
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

  /** `swarm` is a hyperswarm; the public types do not mention the package. */
  constructor(network: Bytes, swarm: object, onConnection: (stream: Connection) => void) {
    this.#network = network
    this.#swarm = swarm as Hyperswarm
    this.#onConnection = onConnection
  }

  /** The swarm key of the app. */
  static keyOf(swarm: object): Bytes {
    return copy((swarm as Hyperswarm).keyPair.publicKey)
  }

  async open(): Promise<void> {
    this.#swarm.on('connection', this.#onConnection)
    for (const connection of this.#swarm.connections) this.#onConnection(connection)
    const topic = topicOf(this.#network)
    this.#discovery = this.#swarm.join(topic, { server: true, client: true })
  }

  refresh(onError: (error: unknown) => void): void {
    this.#discovery?.refresh().catch(onError)
  }

  dial(key: Bytes): void {
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
    this.#swarm.off('connection', this.#onConnection)
    await this.#discovery?.destroy()
  }
}
