import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { getSystemErrorName } from 'node:util'
import { OtaError } from '../../base/errors.ts'
import { addressOf, bindRaw, canBind, isRaw, rawOf, type RawSocket } from './raw.ts'

export const backlogUsual = 1_024
const firstInherited = 3
const helper = join(import.meta.dirname, 'lend.js')

interface Held {
  readonly socket: RawSocket
  readonly address: string
  /** Given to this process by who started it, who holds it too. */
  readonly given: boolean
}

/**
 * The listening sockets of a home: bound and listening, never accepted from here, so that whoever
 * holds a copy serves, and connections wait while nobody does. They stay open until `unlisten`.
 */
export class Sockets {
  readonly #held = new Map<string, Held>()
  readonly #given: ReadonlyMap<string, Held>

  /** Takes what the service manager passed to this very process. */
  constructor(env: NodeJS.ProcessEnv = process.env) {
    this.#given = inherited(env)
    // Nobody after us may take them for its own.
    for (const key of ['LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PID']) delete env[key]
  }

  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#held].map(([name, { address }]) => [name, address]))
  }

  /** Whether the service manager gave a socket of that name. */
  isGiven(name: string): boolean {
    return this.#given.has(name)
  }

  /** Number of the socket `name`; undefined if it is not held. */
  descriptor(name: string): number | undefined {
    return this.#held.get(name)?.socket.fd
  }

  /** The socket `name` itself; undefined if it is not held. */
  raw(name: string): RawSocket | undefined {
    return this.#held.get(name)?.socket
  }

  /**
   * Holds `host:port` under `name` and returns the address in force; twice the same is once, a new
   * address replaces it. Rejects with the system's error if it is taken, `UNSUPPORTED` where this
   * Node cannot bind without accepting.
   */
  async listen(name: string, address: string, backlog = backlogUsual): Promise<string> {
    const held = this.#held.get(name)
    if (held !== undefined && (held.given || sameAddress(held.address, address))) {
      return held.address
    }
    const given = this.#given.get(name)
    const found = given ?? { ...(await bound(address, backlog)), given: false }
    this.#held.set(name, found)
    // The operator moved it: the new one is open before the old one goes.
    held?.socket.close()
    return found.address
  }

  /** Takes over a socket that another part of this process made, as a copy of its own. */
  async adopt(name: string, socket: RawSocket): Promise<void> {
    const address = addressOf(socket)
    if (address === null) throw new Error(`the socket of "${name}" has no address`)
    this.#held.get(name)?.socket.close()
    this.#held.set(name, { socket: await copyOf(socket), address, given: false })
  }

  /** Another descriptor of the socket `name`; undefined if it is not held. */
  async copy(name: string): Promise<RawSocket | undefined> {
    const held = this.#held.get(name) ?? this.#given.get(name)
    return held === undefined ? undefined : await copyOf(held.socket)
  }

  /** Lets a socket go; those who hold copies keep them. One of the service manager stays. */
  unlisten(name: string): void {
    const held = this.#held.get(name)
    this.#held.delete(name)
    if (held?.given === false) held.socket.close()
  }

  close(): void {
    for (const name of this.#held.keys()) this.unlisten(name)
  }
}

/** `host:port`; a v6 host stands in brackets. */
export function splitAddress(address: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? []
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

/** Port 0 asks for any, so whatever was given for it is the same. */
export function sameAddress(held: string, asked: string): boolean {
  return held === asked || (asked.endsWith(':0') && held.startsWith(asked.slice(0, -1)))
}

function inherited(env: NodeJS.ProcessEnv): ReadonlyMap<string, Held> {
  const found = new Map<string, Held>()
  const count = Number(env['LISTEN_FDS'] ?? 0)
  if (Number(env['LISTEN_PID']) !== process.pid || !Number.isInteger(count) || count < 1) {
    return found
  }
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':')
  for (let index = 0; index < count; index++) {
    const socket = tcpOf(firstInherited + index)
    const address = socket === null ? null : addressOf(socket)
    const name = names[index] ?? ''
    if (socket === null || address === null || name === '') continue
    found.set(name, { socket, address, given: true })
  }
  return found
}

/** A socket of the service manager; null for one of another kind, which no app here asks for. */
function tcpOf(fd: number): RawSocket | null {
  try {
    const socket = rawOf(fd)
    return isRaw(socket) ? socket : null
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

async function bound(
  address: string,
  backlog: number
): Promise<{ socket: RawSocket; address: string }> {
  if (!canBind()) {
    throw new OtaError('UNSUPPORTED', 'this Node passes no socket on: the app needs proxy mode', {
      hint: 'set [app] handover = "proxy", or run another version of Node'
    })
  }
  const { host, port } = splitAddress(address)
  const socket = bindRaw(await numeric(host), port)
  if (typeof socket === 'number') throw systemError(-socket, address)
  const actual = addressOf(socket)
  // libuv tells of a taken address only when it listens; the socket has no address then.
  const errno = actual === null ? inUse : await listenBy(socket, backlog)
  if (errno === 0 && actual !== null) return { socket, address: actual }
  socket.close()
  throw systemError(errno, address)
}

const inUse = process.platform === 'darwin' ? 48 : 98

/** The socket begins to listen without anybody accepting here; 0 or the errno. */
async function listenBy(socket: RawSocket, backlog: number): Promise<number> {
  const child = spawn(process.execPath, [helper, 'listen', String(backlog)], {
    stdio: ['ignore', 'ignore', 'ignore', socket.fd],
    env: {}
  })
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? inUse))
  })
}

/** Sent to another process and back: the only way Node duplicates a descriptor. */
async function copyOf(socket: RawSocket): Promise<RawSocket> {
  const child = spawn(process.execPath, [helper, 'copy'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {}
  })
  return await new Promise((resolve, reject) => {
    const failed = (): void => reject(new Error('no copy of a socket came back'))
    child.once('error', failed)
    child.once('exit', failed)
    child.once('message', (_message, copy: unknown) => {
      if (isRaw(copy)) resolve(copy)
      else failed()
    })
    // A raw socket may be sent, which the types of Node leave out.
    child.send('copy', socket as never, { keepOpen: true }, (error) => {
      if (error !== null) failed()
    })
  })
}

/** Names are resolved as `listen` would; numbers stay. */
async function numeric(host: string): Promise<string> {
  if (/^[0-9.]+$/.test(host) || host.includes(':')) return host
  const server = createServer()
  return await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port: 0 }, () => {
      const at = server.address()
      server.close(() => resolve(typeof at === 'object' && at !== null ? at.address : host))
    })
  })
}

function systemError(errno: number, address: string): Error {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${code}: cannot listen on ${address}`), { code, errno: -errno })
}
