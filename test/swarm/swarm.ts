import createTestnet from '@hyperswarm/testnet'
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Order, Seen, Told } from './talk.ts'

/** Nodes of the DHT that they find each other with: with fewer than four nobody is found. */
const dhtNodes = 6
const childFile = join(import.meta.dirname, 'child.js')
/** Processes that start at the same time: a machine that starts all at once starts none. */
const startsAtOnce = 8

interface Member {
  readonly child: ChildProcess
  readonly has: Map<string, number>
  seen: Seen | null
}

/** Nodes of one network on loopback, each a process. */
export class SwarmOfProcesses {
  readonly members: Member[] = []
  readonly #folder: string
  readonly #testnet: Awaited<ReturnType<typeof createTestnet>>
  #changed: () => void = () => undefined

  private constructor(folder: string, testnet: Awaited<ReturnType<typeof createTestnet>>) {
    this.#folder = folder
    this.#testnet = testnet
  }

  static async start(nodes: number): Promise<SwarmOfProcesses> {
    const folder = await mkdtemp(join(tmpdir(), 'upswell-swarm-'))
    const swarm = new SwarmOfProcesses(folder, await createTestnet(dhtNodes))
    for (let from = 0; from < nodes; from += startsAtOnce) {
      const batch = Math.min(startsAtOnce, nodes - from)
      await Promise.all(Array.from({ length: batch }, async (_, i) => await swarm.#add(from + i)))
    }
    return swarm
  }

  /** Resolves when `holds`, asked at every word of a node; rejects when that takes too long. */
  async until(what: string, holds: () => boolean, withinMs: number): Promise<void> {
    if (holds()) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#changed = () => undefined
        reject(new Error(`${what}: not within ${withinMs} ms`))
      }, withinMs)
      this.#changed = () => {
        if (!holds()) return
        clearTimeout(timer)
        this.#changed = () => undefined
        resolve()
      }
    })
  }

  /** What all of them see now. */
  async look(): Promise<readonly Seen[]> {
    for (const member of this.members) {
      member.seen = null
      member.child.send('look' satisfies Order)
    }
    await this.until('a look', () => this.members.every(({ seen }) => seen !== null), 60_000)
    return this.members.flatMap(({ seen }) => (seen === null ? [] : [seen]))
  }

  /** Tells one node to say something; how long until each has it, in ms, those that do. */
  async spread(what: 'release' | 'brake', from: number, withinMs: number): Promise<number[]> {
    const begunMs = Date.now()
    this.members[from]?.child.send(what satisfies Order)
    await this.until(what, () => this.members.every(({ has }) => has.has(what)), withinMs)
    return this.members.map(({ has }) => (has.get(what) ?? Infinity) - begunMs)
  }

  async close(): Promise<void> {
    const gone = this.members.map(
      async ({ child }) =>
        await new Promise<void>((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) return resolve()
          child.once('exit', () => resolve())
          child.send('end' satisfies Order, () => undefined)
          setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
        })
    )
    await Promise.all(gone)
    await this.#testnet.destroy()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #add(number: number): Promise<void> {
    const ports = this.#testnet.bootstrap.map(({ port }) => port).join(',')
    const child = fork(childFile, [join(this.#folder, String(number)), ports], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    const member: Member = { child, has: new Map(), seen: null }
    this.members.push(member)
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`node ${number} ended with ${code}`)))
      child.on('message', (told: Told) => {
        if (told.tag === 'up') resolve()
        else if (told.tag === 'has') member.has.set(told.what, told.atMs)
        else member.seen = told
        this.#changed()
      })
    })
  }
}

/** Nodes that can reach each other over connections that both ends list. */
export function isConnected(seen: readonly Seen[]): boolean {
  const byKey = new Map(seen.map((one) => [one.key, one]))
  const [first] = seen
  if (first === undefined) return false
  const reached = new Set([first.key])
  for (const key of reached) {
    for (const peer of byKey.get(key)?.peers ?? []) if (byKey.has(peer.key)) reached.add(peer.key)
  }
  return reached.size === seen.length
}

/** Least, middle and most of some numbers. */
export function range(values: readonly number[]): readonly [number, number, number] {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0
  return [sorted[0] ?? 0, middle, sorted.at(-1) ?? 0]
}
