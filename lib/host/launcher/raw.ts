import * as net from 'node:net'

/**
 * The two things Node does with sockets that its documentation leaves out: binding without
 * accepting, and the number behind a socket. A test fails when a version of Node drops them.
 */

/** A socket as Node's core holds it. */
export interface RawSocket {
  readonly fd: number
  /** Fills in the address; returns 0 or a negative errno. */
  getsockname(into: { address?: string; port?: number }): number
  /** Begins to listen; returns 0 or a negative errno. */
  listen(backlog: number): number
  close(done?: () => void): void
}

type Create = (
  host: string | null,
  port: number | null,
  family: 4 | 6 | null,
  fd?: number
) => RawSocket | number

/** Whether this Node lets us bind without accepting. */
export function canBind(): boolean {
  return creator() !== null
}

/** Binds and does not accept. Returns a negative errno when the system refuses. */
export function bindRaw(host: string, port: number): RawSocket | number {
  return create(host, port, host.includes(':') ? 6 : 4)
}

/** The socket that this process was given under a number. */
export function rawOf(fd: number): RawSocket | number {
  return create(null, null, null, fd)
}

/** `host:port` of a socket, a v6 host in brackets; null if it has none. */
export function addressOf(socket: RawSocket): string | null {
  const into: { address?: string; port?: number } = {}
  if (socket.getsockname(into) !== 0) return null
  const { address = '', port = 0 } = into
  if (port === 0) return null
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The raw socket a server listens on; null when it does not listen, or Node hides it. */
export function rawOfServer(server: net.Server): RawSocket | null {
  const handle: unknown = Object.entries(server).find(([key]) => key === '_handle')?.[1]
  return isRaw(handle) ? handle : null
}

export function isRaw(value: unknown): value is RawSocket {
  if (typeof value !== 'object' || value === null) return false
  return 'fd' in value && 'getsockname' in value && 'listen' in value && 'close' in value
}

function create(...how: Parameters<Create>): RawSocket | number {
  const make = creator()
  if (make === null) throw new Error('this Node binds no socket without accepting')
  return make(...how)
}

function creator(): Create | null {
  const found: unknown = Object.entries(net).find(([key]) => key === '_createServerHandle')?.[1]
  // Typed by what it is called with, as the test of it does.
  return typeof found === 'function' ? (found as Create) : null
}
