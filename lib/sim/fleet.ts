import { alloc, equal, toHex, type Bytes } from '../base/index.ts'
import { Pool, type PoolSeat } from '../crowd/index.ts'
import { hash } from '../trust/index.ts'
import { Agent } from './agent.ts'
import type { SimNetwork } from './network.ts'
import type { Headcount } from './story.ts'

/**
 * The machines of a fleet. A machine is made when something happens on it, and put away when
 * nothing more will: a million of them are 32 bytes of key and one of history each.
 */
export class Fleet {
  readonly size: number
  readonly #keys: Bytes
  readonly #network: SimNetwork
  readonly #agents = new Map<number, Agent>()
  /** Put away, running the new release. */
  readonly #upgraded: Uint8Array
  #exposed = 0
  #failed = 0
  #running = 0

  constructor(size: number, salt: Bytes, network: SimNetwork) {
    this.size = size
    this.#network = network
    this.#keys = alloc(32 * size)
    this.#upgraded = new Uint8Array(size)
    for (let i = 0; i < size; i++) this.#keys.set(keyOf(salt, i), 32 * i)
  }

  key(index: number): Bytes {
    return this.#keys.subarray(32 * index, 32 * index + 32)
  }

  /** The machine, made if need be; `isNew` says whether somebody has to tell it what it missed. */
  agent(index: number): { readonly agent: Agent; readonly isNew: boolean } {
    const held = this.#agents.get(index)
    if (held !== undefined) return { agent: held, isNew: false }
    const { old, release } = this.#network
    const agent = new Agent(index, this.key(index), old)
    if (this.#upgraded[index] === 1) agent.upgraded(release)
    this.#upgraded[index] = 0
    this.#agents.set(index, agent)
    return { agent, isNew: true }
  }

  /** Puts a machine away that runs the new release and has nothing more to do or say. */
  putAway(agent: Agent): void {
    this.#agents.delete(agent.index)
    this.#upgraded[agent.index] = 1
  }

  /** Whether the new version was ever started here. */
  hasStarted(index: number): boolean {
    return this.#upgraded[index] === 1 || (this.#agents.get(index)?.starts ?? 0) > 0
  }

  /** Everybody who runs the new release, or began to. */
  upgraded(): readonly number[] {
    const out: number[] = []
    for (let i = 0; i < this.size; i++) if (this.hasStarted(i)) out.push(i)
    return out
  }

  /** To be told around whatever changes a machine. */
  watch<T>(agent: Agent, work: () => T): T {
    const { starts, failures } = agent
    const before = this.#isNew(agent)
    const done = work()
    if (starts === 0 && agent.starts > 0) this.#exposed++
    if (failures === 0 && agent.failures > 0) this.#failed++
    this.#running += this.#isNew(agent) - before
    return done
  }

  #isNew({ running }: Agent): 0 | 1 {
    return equal(running, this.#network.release) ? 1 : 0
  }

  headcount(): Headcount {
    return { exposed: this.#exposed, upgraded: this.#running, failed: this.#failed }
  }
}

export function keyOf(salt: Bytes, index: number): Bytes {
  const count = alloc(4)
  new DataView(count.buffer, count.byteOffset, 4).setUint32(0, index, true)
  return hash([salt, count])
}

/** Evidence as one side of the fleet holds it; every node sits in a slot of one old invite. */
export function poolOf({ believed, seatedMs }: SimNetwork, watcher: Bytes): Pool {
  const seat: PoolSeat = { issuedMs: seatedMs, operator: 'fleet', lag: 0 }
  const none = toHex(watcher)
  return new Pool(believed, {
    verify: () => true,
    seatOf: (hex) => (hex === none ? null : seat)
  })
}
