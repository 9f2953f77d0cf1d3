import {
  Agent,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse
} from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { Exchange, sizeOf, type Way } from './exchange.ts'
import { Tunnel } from './tunnel.ts'

/** What may wait while nobody serves; beyond it a request is turned away and counts as lost. */
export interface HoldBounds {
  readonly requests: number
  readonly bytes: number
  readonly ms: number
}

export const usualBounds: HoldBounds = { requests: 1_024, bytes: 16 * 1_048_576, ms: 10_000 }

/** The process that serves: its own port for each listen name. */
export interface Upstream {
  readonly key: string
  readonly ports: Readonly<Record<string, number>>
}

export interface HoldCounts {
  /** Requests answered by the app. */
  readonly passed: number
  /** Requests that had to wait. */
  readonly held: number
  /** Requests sent to an app that did not answer them, or cut off at the end of a drain. */
  readonly lost: number
  /** Requests beyond the bounds, answered 503; lost as well. */
  readonly turnedAway: number
}

/** A request of which no byte was sent on. */
interface Entry {
  readonly name: string
  readonly bytes: number
  readonly sinceMs: number
  readonly go: (way: Way) => void
  readonly turnAway: () => void
}

interface Waiting extends Entry {
  readonly timer: NodeJS.Timeout
}

/** Something of a client's that is on its way to a process. */
interface Open {
  cut(): void
}

const clientIdleMs = 75_000
const retryMs = 20
/** A connection to the app is used again only while the app surely keeps it. */
const agentOptions = { keepAlive: true, timeout: 1_000, scheduling: 'lifo' } as const
const bodyBytesMax = 65_536

/**
 * Speaks HTTP/1.1 at the border of requests. While nobody serves, a request of which no byte was
 * sent on waits its turn; one that was sent on is never sent again.
 */
export class HoldProxy {
  readonly #bounds: HoldBounds
  readonly #servers = new Map<string, Server>()
  readonly #open = new Map<string, Set<Open>>()
  #queue: Waiting[] = []
  #queuedBytes = 0
  #agent = new Agent(agentOptions)
  #upstream: Upstream | null = null
  #counts = { passed: 0, held: 0, lost: 0, turnedAway: 0 }

  constructor(bounds: HoldBounds = usualBounds) {
    this.#bounds = bounds
  }

  get counts(): HoldCounts {
    return { ...this.#counts }
  }

  /** A server for `name`, to be told what to listen on. */
  serve(name: string): Server {
    const server = createServer({ keepAliveTimeout: clientIdleMs, requestTimeout: 0 })
    server.on('request', (request, response) => this.#take(name, request, response))
    server.on('upgrade', (request, socket, head) => this.#tunnel(name, { request, socket, head }))
    this.close(name)
    this.#servers.set(name, server)
    return server
  }

  /** Takes no more connections for `name`; those there are stay. */
  close(name: string): void {
    const server = this.#servers.get(name)
    this.#servers.delete(name)
    if (server !== undefined) stopAccepting(server)
  }

  /**
   * From now on requests wait. Resolves when those on their way are answered, or `settleMs` are
   * over: the app may let go of what it holds.
   */
  async hold(settleMs: number): Promise<void> {
    const key = this.#upstream?.key
    this.#upstream = null
    if (key === undefined) return
    const until = performance.now() + settleMs
    const isBusy = (): boolean => [...this.#opened(key)].some((one) => one instanceof Exchange)
    while (isBusy() && performance.now() < until) await pause(2)
  }

  /** From now on requests go to this process, those that waited first. */
  flow(upstream: Upstream): void {
    if (this.#upstream?.key !== upstream.key) {
      this.#agent.destroy()
      this.#agent = new Agent(agentOptions)
    }
    this.#upstream = upstream
    const queue = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const waiting of queue) {
      clearTimeout(waiting.timer)
      this.#send(waiting)
    }
  }

  /** Resolves with the requests cut off, once nothing is on its way to a process any more. */
  async drain(key: string, drainMaxMs: number): Promise<number> {
    const open = this.#opened(key)
    const until = performance.now() + drainMaxMs
    while (open.size > 0 && performance.now() < until) await pause(5)
    const left = open.size
    this.#counts.lost += left
    for (const one of open) one.cut()
    open.clear()
    return left
  }

  #take(name: string, request: IncomingMessage, response: ServerResponse): void {
    const body = Number(request.headers['content-length'] ?? 0)
    const isChunked = request.headers['transfer-encoding'] !== undefined
    const bytes = sizeOf(request) + Math.min(isChunked ? bodyBytesMax : body, bodyBytesMax)
    const sinceMs = performance.now()
    const go = (way: Way): void => {
      const open = this.#opened(way.key)
      const exchange = new Exchange(request, response, {
        ...way,
        // No byte was sent: it may wait for another process.
        onUnsent: () => this.#again({ name, bytes, sinceMs, go, turnAway }),
        onEnd: (end) => {
          open.delete(exchange)
          if (end === 'lost') this.#counts.lost++
          if (end === 'passed') this.#counts.passed++
        }
      })
      open.add(exchange)
      exchange.start()
    }
    const turnAway = (): void => {
      this.#counts.turnedAway++
      this.#counts.lost++
      const headers = { 'retry-after': '1', connection: 'close', 'content-length': '0' }
      if (!response.destroyed) response.writeHead(503, headers).end()
    }
    this.#enter({ name, bytes, sinceMs, go, turnAway })
  }

  #tunnel(name: string, client: { request: IncomingMessage; socket: Duplex; head: Buffer }): void {
    const sinceMs = performance.now()
    const go = (way: Way): void => {
      const open = this.#opened(way.key)
      const tunnel = new Tunnel(client, way.port, (end) => {
        open.delete(tunnel)
        if (end === 'unsent') this.#again({ name, bytes: 0, sinceMs, go, turnAway })
      })
      open.add(tunnel)
    }
    const turnAway = (): void => {
      this.#counts.turnedAway++
      this.#counts.lost++
      client.socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n')
    }
    this.#enter({ name, bytes: sizeOf(client.request), sinceMs, go, turnAway })
  }

  #enter(entry: Entry): void {
    if (this.#upstream === null) this.#wait(entry)
    else this.#send(entry)
  }

  /** It reached nobody: it waits for whoever is in charge next, or asks the same one again. */
  #again(entry: Entry): void {
    const waiting = this.#wait(entry)
    if (waiting !== null && this.#upstream !== null) setTimeout(() => this.#retry(waiting), retryMs)
  }

  #wait(entry: Entry): Waiting | null {
    const isOver = this.#queue.length >= this.#bounds.requests
    const leftMs = this.#bounds.ms - (performance.now() - entry.sinceMs)
    if (isOver || this.#queuedBytes + entry.bytes > this.#bounds.bytes || leftMs <= 0) {
      entry.turnAway()
      return null
    }
    this.#counts.held++
    this.#queuedBytes += entry.bytes
    const waiting: Waiting = {
      ...entry,
      timer: setTimeout(() => {
        this.#leave(waiting)
        waiting.turnAway()
      }, leftMs)
    }
    this.#queue.push(waiting)
    return waiting
  }

  #retry(waiting: Waiting): void {
    if (this.#upstream === null || !this.#leave(waiting)) return
    clearTimeout(waiting.timer)
    this.#send(waiting)
  }

  #leave(waiting: Waiting): boolean {
    const index = this.#queue.indexOf(waiting)
    if (index < 0) return false
    this.#queue.splice(index, 1)
    this.#queuedBytes -= waiting.bytes
    return true
  }

  #send({ name, go, turnAway }: Entry): void {
    const upstream = this.#upstream
    const port = upstream?.ports[name]
    if (upstream === null || port === undefined) turnAway()
    else go({ key: upstream.key, port, agent: this.#agent })
  }

  #opened(key: string): Set<Open> {
    const found = this.#open.get(key) ?? new Set<Open>()
    this.#open.set(key, found)
    return found
  }
}

/** Not `http.Server.close`, which ends idle connections between two requests. */
function stopAccepting(server: Server): void {
  NetServer.prototype.close.call(server)
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
