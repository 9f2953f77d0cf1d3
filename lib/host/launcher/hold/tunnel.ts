import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A connection that leaves HTTP (a WebSocket): after its first request, bytes both ways. */
export class Tunnel {
  readonly #client: Duplex
  readonly #upstream: Socket

  /** `onEnd` is called once; `unsent`: the app could not be reached, and no byte was sent. */
  constructor(
    { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
    port: number,
    onEnd: (end: 'over' | 'unsent') => void
  ) {
    this.#client = socket
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#upstream = upstream
    let isSent = false
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      upstream.destroy()
      if (isSent || socket.destroyed) socket.destroy()
      onEnd(isSent || socket.destroyed ? 'over' : 'unsent')
    }
    upstream.once('connect', () => {
      isSent = true
      upstream.write(headOf(request))
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    for (const one of [upstream, socket]) one.on('error', end).on('close', end)
  }

  cut(): void {
    this.#upstream.destroy()
    this.#client.destroy()
  }
}

function headOf({ method, url, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/1.1`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  }
  return lines.join('\r\n') + '\r\n\r\n'
}
