import { connect, type Socket } from 'node:net'

/** A running process that takes connections: its ports by name, and what passed. */
export interface Target {
  readonly ports: Readonly<Record<string, number>>
  readonly links: Set<Link>
  readonly counts: { connections: number; lost: number }
  /** Whether this very process ever got a connection. */
  served: boolean
}

export interface LinkOptions {
  readonly name: string
  /** Who is in charge now; null: wait. */
  readonly target: () => Target | null
  /** Time within which a connection must have found its target. */
  readonly findMs: number
  readonly refused: () => void
}

const retryMs = 20
/** Bytes within this time mean that an answer is still flowing. */
const flowingMs = 20

/**
 * One client's connection and its way to the app's own port. As long as no byte has passed either
 * way, a failed attempt is repeated against whoever is in charge then: a hand-over or a take-back
 * in that moment costs time, not the connection.
 */
export class Link {
  readonly #client: Socket
  readonly #options: LinkOptions
  readonly #deadline: number
  #upstream: Socket | null = null
  #target: Target | null = null
  #bytesUp = 0
  #bytesDown = 0
  #lastMs = 0
  #requestOpen = false
  #over = false

  constructor(client: Socket, options: LinkOptions) {
    this.#client = client
    this.#options = options
    this.#deadline = performance.now() + options.findMs
    client.setNoDelay(true)
    client.on('error', () => this.#finish())
    client.on('close', () => this.#finish())
    this.#attempt()
  }

  /** Whether no byte passed for `quietMs` and no request waits for its answer. */
  isIdle(quietMs: number): boolean {
    return !this.#requestOpen && performance.now() - this.#lastMs >= quietMs
  }

  /** Ends it; counts as lost if a request was under way. */
  cut(): void {
    const flowing = performance.now() - this.#lastMs < flowingMs && this.#bytesDown > 0
    if (this.#target !== null && (this.#requestOpen || flowing)) this.#target.counts.lost++
    this.#requestOpen = false
    this.#client.end()
    this.#finish()
  }

  #attempt(): void {
    if (this.#over) return
    const target = this.#options.target()
    const port = target?.ports[this.#options.name]
    if (target === null || port === undefined) {
      this.#again()
      return
    }
    const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.#upstream = upstream
    let failed = false
    const fail = (): void => {
      if (failed) return
      failed = true
      this.#failed(upstream)
    }
    upstream.on('error', fail)
    upstream.on('close', fail)
    upstream.once('connect', () => this.#join(target, upstream))
  }

  #join(target: Target, upstream: Socket): void {
    if (this.#over) {
      upstream.destroy()
      return
    }
    this.#target = target
    target.links.add(this)
    target.counts.connections++
    target.served = true
    this.#lastMs = performance.now()
    upstream.on('data', (bytes) => {
      this.#bytesDown += bytes.byteLength
      this.#lastMs = performance.now()
      this.#requestOpen = false
      if (!this.#client.write(bytes)) {
        upstream.pause()
        this.#client.once('drain', () => upstream.resume())
      }
    })
    upstream.on('end', () => {
      // A close before any byte may still be repeated; only what was answered is an end.
      if (this.#bytesUp + this.#bytesDown > 0) this.#client.end()
      else upstream.destroy()
    })
    this.#client.on('data', (bytes) => {
      this.#bytesUp += bytes.byteLength
      this.#lastMs = performance.now()
      this.#requestOpen = true
      if (!upstream.write(bytes)) {
        this.#client.pause()
        upstream.once('drain', () => this.#client.resume())
      }
    })
    this.#client.on('end', () => upstream.end())
    this.#client.resume()
  }

  #failed(upstream: Socket): void {
    if (this.#over || this.#upstream !== upstream) return
    const target = this.#target
    this.#target = null
    target?.links.delete(this)
    if (this.#bytesUp + this.#bytesDown === 0 && !this.#client.readableEnded) {
      this.#client.pause()
      if (target !== null) target.counts.connections--
      this.#again()
      return
    }
    if (this.#requestOpen && target !== null) target.counts.lost++
    if (this.#requestOpen) this.#client.resetAndDestroy()
    else this.#client.end()
    this.#finish()
  }

  #again(): void {
    if (performance.now() >= this.#deadline) {
      this.#options.refused()
      this.#client.destroy()
      this.#finish()
      return
    }
    setTimeout(() => this.#attempt(), retryMs)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#target?.links.delete(this)
    this.#upstream?.destroy()
    this.#client.destroySoon()
  }
}
