import type {
  SubscriptionEvent,
  SubscriptionEventOf,
  SubscriptionEventTag
} from './subscription.ts'

/** Events kept for an iteration that is slower than the network; the oldest go first. */
const keptMax = 1_024

type Listener = (event: SubscriptionEvent) => void

/**
 * Brings events to listeners and to iterations. What happens before anybody iterates is kept, so
 * that the first iteration misses nothing; it begins with `subscribe`, later ones with themselves.
 */
export class Events {
  readonly #listeners = new Map<SubscriptionEventTag, Set<Listener>>()
  readonly #queues = new Set<Queue>()
  /** Of the first iteration, from the beginning; null once it was handed out. */
  #first: Queue | null
  #ended = false
  readonly #forget = (queue: Queue): void => {
    this.#queues.delete(queue)
  }

  constructor() {
    this.#first = new Queue(this.#forget)
    this.#queues.add(this.#first)
  }

  emit(event: SubscriptionEvent): void {
    if (this.#ended) return
    for (const queue of this.#queues) queue.push(event)
    for (const listener of this.#listeners.get(event.tag) ?? []) call(listener, event)
  }

  on<T extends SubscriptionEventTag>(
    tag: T,
    listener: (event: SubscriptionEventOf<T>) => void
  ): () => void {
    // A wrapper of its own, so that one function given twice is called twice and ended apart.
    const mine: Listener = (event) => {
      if (isOf(event, tag)) listener(event)
    }
    const all = this.#listeners.get(tag) ?? new Set()
    this.#listeners.set(tag, all.add(mine))
    return () => {
      all.delete(mine)
    }
  }

  /** No more events: iterations give what is left, then end, or throw `error` if there is one. */
  end(error: unknown = null): void {
    this.#ended = true
    for (const queue of this.#queues) queue.end(error)
    this.#queues.clear()
  }

  iterate(): AsyncIterator<SubscriptionEvent, undefined> {
    const queue = this.#first ?? new Queue(this.#forget)
    this.#first = null
    if (this.#ended) queue.end(null)
    else this.#queues.add(queue)
    return queue
  }
}

class Queue implements AsyncIterator<SubscriptionEvent, undefined> {
  readonly #kept: SubscriptionEvent[] = []
  readonly #waiting: Waiting[] = []
  readonly #onReturn: (queue: Queue) => void
  #ended: { readonly error: unknown } | null = null

  constructor(onReturn: (queue: Queue) => void) {
    this.#onReturn = onReturn
  }

  push(event: SubscriptionEvent): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) waiting.resolve({ done: false, value: event })
    else {
      this.#kept.push(event)
      if (this.#kept.length > keptMax) this.#kept.shift()
    }
  }

  end(error: unknown): void {
    this.#ended ??= { error }
    for (const waiting of this.#waiting.splice(0)) {
      if (this.#ended.error === null) waiting.resolve({ done: true, value: undefined })
      else waiting.reject(this.#ended.error)
    }
  }

  next(): Promise<IteratorResult<SubscriptionEvent, undefined>> {
    const event = this.#kept.shift()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#ended === null) {
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
    }
    const { error } = this.#ended
    // The error is told once; who asks again learns that it is over.
    this.#ended = { error: null }
    if (error !== null) return Promise.reject(error)
    return Promise.resolve({ done: true, value: undefined })
  }

  return(): Promise<IteratorResult<SubscriptionEvent, undefined>> {
    this.#kept.length = 0
    this.end(null)
    this.#onReturn(this)
    return Promise.resolve({ done: true, value: undefined })
  }
}

interface Waiting {
  resolve(result: IteratorResult<SubscriptionEvent, undefined>): void
  reject(error: unknown): void
}

function isOf<T extends SubscriptionEventTag>(
  event: SubscriptionEvent,
  tag: T
): event is SubscriptionEventOf<T> {
  return event.tag === tag
}

/** One listener that throws must not keep the others from hearing; its error is the app's own. */
function call(listener: Listener, event: SubscriptionEvent): void {
  try {
    listener(event)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
