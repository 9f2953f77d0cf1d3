import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { EXIT, fromText, isOtaError, OtaError, socketLineBytesMax } from '../base/index.ts'
import { Life } from '../base/life.ts'
import type { Controlled } from './api.ts'

/**
 * HTTP over the unix socket of one home. The folder is 0700 and the socket 0600, so whoever can
 * open it is the operator; there is no network listener.
 */
export class ControlServer extends Life {
  readonly #node: Controlled
  readonly #path: string

  constructor(node: Controlled, path: string) {
    super()
    this.#node = node
    this.#path = path
  }

  protected async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => sendError(response, error))
    })
    // A daemon that was killed leaves its socket behind; the lock of the home is ours by now.
    await rm(this.#path, { force: true })
    await listen(server, this.#path)
    this.own({ close: () => closeServer(server) })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://control')
    const [, room = '', name = ''] = url.pathname.split('/')
    if (request.method === 'GET' && room === 'status') {
      return send(response, await this.#node.status())
    }
    if (request.method === 'GET' && room === 'why') {
      return send(response, await this.#node.why(name === '' ? null : decoded(name)))
    }
    if (request.method === 'GET' && room === 'trust') {
      return send(response, await this.#node.trust())
    }
    if (request.method === 'GET' && room === 'events') return this.#stream(response)
    if (request.method === 'POST' && room === 'command') {
      return send(response, await this.#node.command(decoded(name), await readArgs(request)))
    }
    throw new OtaError('USAGE', `the daemon knows no "${request.method} ${url.pathname}"`)
  }

  /** Server-sent events until the reader leaves. */
  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    const end = this.#node.onEvent((event, facts) => {
      response.write(`event: ${event}\ndata: ${JSON.stringify(facts)}\n\n`)
    })
    response.on('close', end)
  }
}

async function readArgs(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  const value = parseArgs(await readBody(request))
  const args: Record<string, string> = {}
  if (typeof value !== 'object' || value === null) return args
  for (const [key, item] of Object.entries(value)) if (typeof item === 'string') args[key] = item
  return args
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch (cause) {
    throw new OtaError('USAGE', `"${name}" names no release`, { cause })
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8')
  let text = ''
  for await (const part of request) {
    text += String(part)
    if (fromText(text).byteLength > socketLineBytesMax) {
      throw new OtaError('OVER_LIMIT', `a command has at most ${socketLineBytesMax} bytes`)
    }
  }
  return text
}

function parseArgs(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw new OtaError('USAGE', 'the words of a command are no JSON', { cause })
  }
}

function send(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(value)}\n`)
}

function sendError(response: ServerResponse, error: unknown): void {
  const coded = isOtaError(error)
  const code = coded ? error.code : 'INTERNAL'
  response.writeHead(coded ? 409 : 500, { 'content-type': 'application/json' })
  const message = error instanceof Error ? error.message : 'unknown fault'
  const hint = coded ? error.hint : null
  response.end(`${JSON.stringify({ code, exit: EXIT[code], message, hint })}\n`)
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Bound within this call: the socket is never open to others, not even for a moment.
    const before = process.umask(0o177)
    server.listen(path, () => resolve())
    process.umask(before)
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
