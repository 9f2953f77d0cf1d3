import { OtaError, type Facts } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import { realClock, realDice, realDisk } from '../host/index.ts'
import { parseJoin, toName } from '../trust/index.ts'
import { Events } from './events.ts'
import { Follower, type Machine } from './follower.ts'
import type {
  FetchOptions,
  Freshness,
  ReleaseInfo,
  SubscribeOptions,
  Subscription,
  SubscriptionEvent,
  SubscriptionEventOf,
  SubscriptionEventTag
} from './subscription.ts'

/**
 * Follows one network: opening begins at once, and what goes wrong is told by `ready()` and by the
 * first iteration. Throws `USAGE` for a join string that cannot be read.
 */
export function subscribe(options: SubscribeOptions): Subscription {
  return new Subscribed(options)
}

class Subscribed implements Subscription {
  readonly network: string
  readonly #events = new Events()
  readonly #follower: Follower
  readonly #opened: Promise<void>
  readonly #ending = new AbortController()

  constructor(options: SubscribeOptions) {
    this.network = toName(parseJoin(options.network).network)
    if (options.folder === '') throw new OtaError('USAGE', 'subscribe needs a folder')
    const platform = options.platform ?? `${process.platform}-${process.arch}`
    const given = { platform, events: this.#events }
    this.#follower = new Follower(machineOf(options), options, given)
    this.#opened = this.#follower.ready()
    this.#opened.catch((error: unknown) => this.#events.end(error))
    this.#endWith(options.signal)
  }

  ready(): Promise<void> {
    return this.#opened
  }

  on<T extends SubscriptionEventTag>(
    tag: T,
    listener: (event: SubscriptionEventOf<T>) => void
  ): () => void {
    return this.#events.on(tag, listener)
  }

  releases(): readonly ReleaseInfo[] {
    return this.#follower.releases()
  }

  freshness(): Freshness {
    return this.#follower.freshness()
  }

  async fetch(release: string, folder: string, options: FetchOptions = {}): Promise<void> {
    const mine = this.#ending.signal
    const signal = options.signal === undefined ? mine : AbortSignal.any([options.signal, mine])
    await this.#follower.fetch(release, folder, { ...options, signal })
  }

  running(release: string | null): void {
    this.#follower.running(release)
  }

  async close(): Promise<void> {
    this.#ending.abort()
    this.#events.end()
    await this.#follower.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<SubscriptionEvent, undefined> {
    return this.#events.iterate()
  }

  #endWith(signal: AbortSignal | undefined): void {
    if (signal === undefined) return
    const end = (): void => {
      this.close().catch(inBackground)
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true, signal: this.#ending.signal })
  }
}

function machineOf({ log }: SubscribeOptions): Machine {
  const tell = (event: string, facts?: Facts): void => log?.(event, facts)
  return { clock: realClock(), dice: realDice(), disk: realDisk(), log: tell }
}
