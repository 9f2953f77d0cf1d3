import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { forgetPid, notePid } from '../pids.ts'
import type { RawSocket } from '../raw.ts'
import type { HoldCounts } from './proxy.ts'

const script = join(import.meta.dirname, 'main.js')
const againMs = 200
const settleMs = 2_000
const none: HoldCounts = { passed: 0, held: 0, lost: 0, turnedAway: 0 }

/** Keeps the holding process (slot `p`) alive and tells it who serves. */
export class HoldKeeper {
  readonly #pids: string
  readonly #drains = new Map<number, (lost: number) => void>()
  readonly #sockets = new Map<string, () => RawSocket | undefined>()
  #child: ChildProcess | null = null
  #flow: { readonly key: string; readonly ports: Readonly<Record<string, number>> } | null = null
  #last = 0
  /** Counts of processes before this one. */
  #before: HoldCounts = none
  #counts: HoldCounts = none
  #stopped = false

  constructor(pids: string) {
    this.#pids = pids
  }

  get isUsed(): boolean {
    return this.#sockets.size > 0
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  get counts(): HoldCounts {
    return added(this.#before, this.#counts)
  }

  /** Serves a socket; asked for again when the process has to be started anew. */
  open(name: string, socket: () => RawSocket | undefined): void {
    if (this.#sockets.has(name)) return
    this.#sockets.set(name, socket)
    if (this.#child === null) this.#start()
    else this.#give(name, socket)
  }

  close(name: string): void {
    if (!this.#sockets.delete(name)) return
    this.#child?.send({ do: 'close', name })
  }

  flow(key: string, ports: Readonly<Record<string, number>>): void {
    this.#flow = { key, ports }
    this.#child?.send({ do: 'flow', key, ports })
  }

  /** Requests wait from now on; resolves when those on their way were answered, or in a while. */
  async hold(): Promise<void> {
    this.#flow = null
    await this.#ask({ do: 'hold', settleMs })
  }

  /** Resolves with the requests that were cut off. */
  async drain(key: string, drainMaxMs: number): Promise<number> {
    return await this.#ask({ do: 'drain', key, drainMaxMs })
  }

  async #ask(question: object): Promise<number> {
    const child = this.#child
    if (child === null) return 0
    const id = ++this.#last
    return await new Promise((resolve) => {
      this.#drains.set(id, resolve)
      child.send({ ...question, id })
    })
  }

  stop(): void {
    this.#stopped = true
    this.#child?.kill('SIGKILL')
  }

  #start(): void {
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      detached: true,
      env: {}
    })
    this.#child = child
    if (child.pid !== undefined) notePid(this.#pids, 'p', child.pid)
    // A message to one that just ended: `exit` is what counts.
    child.on('error', () => undefined)
    child.on('message', (message) => this.#take(message))
    child.once('exit', () => this.#ended(child))
    for (const [name, socket] of this.#sockets) this.#give(name, socket)
    if (this.#flow !== null) child.send({ do: 'flow', ...this.#flow })
  }

  #give(name: string, socket: () => RawSocket | undefined): void {
    const found = socket()
    // A raw socket may be sent, which the types of Node leave out.
    if (found !== undefined)
      this.#child?.send({ do: 'open', name }, found as never, { keepOpen: true })
  }

  #take(message: unknown): void {
    const fields = new Map<string, unknown>(Object.entries(message ?? {}))
    const counts = fields.get('counts')
    // From our own program.
    if (counts !== undefined) this.#counts = counts as HoldCounts
    const id = fields.get('drained')
    if (typeof id !== 'number') return
    this.#drains.get(id)?.(Number(fields.get('lost')))
    this.#drains.delete(id)
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return
    this.#child = null
    forgetPid(this.#pids, 'p')
    for (const resolve of this.#drains.values()) resolve(0)
    this.#drains.clear()
    this.#before = this.counts
    this.#counts = none
    if (this.#stopped || !this.isUsed) return
    setTimeout(() => {
      if (!this.#stopped && this.#child === null && this.isUsed) this.#start()
    }, againMs)
  }
}

function added(a: HoldCounts, b: HoldCounts): HoldCounts {
  return {
    passed: a.passed + b.passed,
    held: a.held + b.held,
    lost: a.lost + b.lost,
    turnedAway: a.turnedAway + b.turnedAway
  }
}
