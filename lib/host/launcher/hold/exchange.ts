import { request as ask, type Agent } from 'node:http'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'

/** Where a request goes. */
export interface Way {
  /** Names the process. */
  readonly key: string
  readonly port: number
  /** Its connections to that process. */
  readonly agent: Agent
}

export interface ExchangeOptions extends Way {
  /** The process could not be reached, and no byte was sent. */
  readonly onUnsent: () => void
  readonly onEnd: (end: 'passed' | 'lost' | 'unsent' | 'left') => void
}

/** Headers that are between two neighbours, not between client and app. */
const between: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'expect',
  'te'
])

/** One request and its answer. */
export class Exchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #options: ExchangeOptions
  #upstream: ClientRequest | null = null
  #over = false

  constructor(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.#request = request
    this.#response = response
    this.#options = options
  }

  start(): void {
    const request = this.#request
    const response = this.#response
    if (response.destroyed) {
      this.#end('left')
      return
    }
    const upstream = ask({
      host: '127.0.0.1',
      port: this.#options.port,
      method: request.method,
      path: request.url,
      headers: headersOf(request),
      setHost: false,
      agent: this.#options.agent
    })
    this.#upstream = upstream
    let isSent = false
    const send = (): void => {
      isSent = true
      request.pipe(upstream)
    }
    upstream.on('socket', (socket) => {
      socket.setNoDelay(true)
      if (socket.connecting) socket.once('connect', send)
      else send()
    })
    upstream.on('error', () => {
      if (isSent) this.#lose()
      else if (this.#end('unsent')) this.#options.onUnsent()
    })
    upstream.on('response', (answer) => this.#answer(answer))
    response.once('close', () => {
      // The client left, or it is all said.
      if (!this.#over) upstream.destroy()
      this.#end(response.writableFinished ? 'passed' : 'left')
    })
  }

  /** Ends it where it is. */
  cut(): void {
    this.#over = true
    this.#upstream?.destroy()
    this.#response.destroy()
  }

  #answer(answer: IncomingMessage): void {
    const response = this.#response
    response.sendDate = false
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutBetween(answer))
    answer.on('error', () => this.#lose())
    answer.on('aborted', () => this.#lose())
    answer.pipe(response)
  }

  #lose(): void {
    if (!this.#end('lost')) return
    const response = this.#response
    if (response.headersSent) response.destroy()
    else response.writeHead(502, { connection: 'close', 'content-length': '0' }).end()
  }

  #end(how: 'passed' | 'lost' | 'unsent' | 'left'): boolean {
    if (this.#over) return false
    this.#over = true
    this.#options.onEnd(how)
    return true
  }
}

/** Bytes that the head of a request holds in memory, about. */
export function sizeOf(request: IncomingMessage): number {
  const heads = request.rawHeaders.reduce((sum, text) => sum + text.length + 4, 0)
  return heads + (request.url?.length ?? 0)
}

/** Headers as they came, in their order and spelling, and who asked. */
function headersOf(request: IncomingMessage): string[] {
  const before = request.headers['x-forwarded-for']
  const from = request.socket.remoteAddress ?? 'unknown'
  const kept = withoutBetween(request).filter((_, index, all) => {
    const name = all[index - (index % 2)] ?? ''
    return name.toLowerCase() !== 'x-forwarded-for'
  })
  const chain = before === undefined ? from : `${String(before)}, ${from}`
  return [...kept, 'X-Forwarded-For', chain, 'Connection', 'keep-alive']
}

function withoutBetween({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, index, all) => {
    const name = all[index - (index % 2)] ?? ''
    return !between.has(name.toLowerCase())
  })
}
