import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'
import type { Passing, SpawnOrder } from './config.ts'
import { filler, portVariables } from './ports.ts'

const firstSocket = 3
/** What `LISTEN_PID` must be is known only inside the process; `exec` keeps the number. */
const tellPid = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"'

/** A program behind the programs that take rights away from it, and what `spawn` has to add. */
export interface Dressed {
  readonly argv: readonly string[]
  readonly uid?: number
  readonly gid?: number
}

export interface StartOptions {
  readonly order: SpawnOrder
  readonly ports: Readonly<Record<string, number>>
  /** Number of the life that begins, or of the last one for a process that waits. */
  readonly incarnation: number
  /** Descriptor of a listening socket; undefined: not held. */
  readonly socket: (name: string) => number | undefined
  readonly output: (bytes: Uint8Array) => void
  readonly dress: (argv: readonly string[]) => Dressed
}

export interface Started {
  readonly child: ChildProcess
  /** Our end of its control stream; null below level 2. */
  readonly stream: Socket | null
}

export const plain: Passing = { level: 0, mode: 'live', sockets: [], watchdogMs: 0 }

/**
 * Starts one process of the app in a group of its own, with its sockets from descriptor 3 on, then
 * its control stream, then the spare copies of its sockets in rounds, and no other descriptor.
 */
export function startProcess(options: StartOptions): Started {
  const { order, ports, socket, output, dress } = options
  const pass = order.pass ?? plain
  const fill = filler(order.ports, ports)
  const words = order.argv.map(fill)
  const sockets = descriptors(pass, socket)
  const inner = sockets.length > 0 ? ['/bin/sh', '-c', tellPid, 'sh', ...words] : words
  const { argv, ...rights } = dress(inner)
  const [program = '', ...args] = argv
  const hasStream = pass.level === 2
  const spares = spareRounds(pass, socket)
  const child = spawn(program, args, {
    ...rights,
    cwd: order.cwd,
    env: { ...filledIn(order.env, fill), ...variables(options, sockets.length) },
    detached: true,
    stdio: [
      'ignore',
      'pipe',
      'pipe',
      ...sockets,
      ...(hasStream ? ['pipe' as const] : []),
      ...spares
    ]
  })
  // An app that ends mid-line says no more; its output is not worth an error.
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', output).on('error', ignore)
  const stream = child.stdio[firstSocket + sockets.length]
  return { child, stream: hasStream && stream instanceof Socket ? stream : null }
}

/** Output that a process outside the group still holds open is let go of. */
export function letGo(child: ChildProcess): void {
  child.stdout?.destroy()
  child.stderr?.destroy()
}

function ignore(): void {
  return undefined
}

function descriptors(
  { level, sockets }: Passing,
  socket: (name: string) => number | undefined
): readonly number[] {
  if (level === 0) return []
  return sockets.map(({ name }) => {
    const held = socket(name)
    if (held === undefined) throw new Error(`no socket is held for "${name}"`)
    return held
  })
}

/** Full rounds over the sockets in order, as many as the socket with the most spares asks for. */
function spareRounds(
  pass: Passing,
  socket: (name: string) => number | undefined
): readonly number[] {
  if (pass.level < 2) return []
  const rounds = Math.max(0, ...pass.sockets.map((one) => one.spares))
  const round = descriptors(pass, socket)
  return Array.from({ length: rounds }, () => round).flat()
}

function variables(
  { order, ports, incarnation }: StartOptions,
  count: number
): Readonly<Record<string, string>> {
  const pass = order.pass ?? plain
  const stream = firstSocket + count
  const spares = spareRounds(pass, () => 0).map((_, index) => stream + 1 + index)
  const names = pass.sockets.map(({ name }) => name)
  return {
    ...portVariables(order.ports, ports),
    OTA_INCARNATION: String(incarnation),
    ...(count === 0 ? {} : { LISTEN_FDS: String(count), LISTEN_FDNAMES: names.join(':') }),
    ...(pass.level === 2 ? { OTA_FD: String(stream) } : {}),
    ...(spares.length > 0 ? { OTA_SPARE_FDS: spares.join(',') } : {}),
    ...(pass.watchdogMs > 0 ? { WATCHDOG_USEC: String(pass.watchdogMs * 1_000) } : {})
  }
}

function filledIn(
  env: Readonly<Record<string, string>>,
  fill: (text: string) => string
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, fill(value)]))
}
