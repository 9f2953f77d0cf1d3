import type { Net } from './net.ts'
import type { Proc } from './proc.ts'

/** One way of spreading one file to `receivers` machines, each with the same uplink. */
export interface Setting {
  readonly net: Net
  /** A folder of this run. */
  readonly scratch: string
  readonly receivers: number
  /** Bytes of the file. */
  readonly bytes: number
  readonly uplinkMbit: number
}

export interface Outcome {
  readonly name: string
  readonly receivers: number
  readonly bytes: number
  /** From the start until the last receiver has it. */
  readonly lastS: number
  readonly medianS: number
  /** Left all uplinks, headers included; of it the seed's. */
  readonly sentBytes: number
  readonly seedBytes: number
  readonly cpuS: number
  readonly note: string
}

/** No contest takes longer. */
export const limitMs = 290_000

/** Counters of all uplinks and processes. */
export class Meter {
  readonly #net: Net
  readonly #procs: readonly Proc[]
  #sent: readonly number[] = []
  #cpuS = 0
  #startedMs = 0

  constructor(net: Net, procs: readonly Proc[]) {
    this.#net = net
    this.#procs = procs
  }

  async start(): Promise<void> {
    this.#sent = await this.#uplinks()
    this.#cpuS = await this.#cpu()
    this.#startedMs = performance.now()
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1_000
  }

  /** `doneS`: when each receiver had the file. */
  async outcome(
    { receivers, bytes }: Setting,
    name: string,
    doneS: readonly number[]
  ): Promise<Outcome> {
    const uplinks = await this.#uplinks()
    const sent = uplinks.map((value, i) => value - (this.#sent[i] ?? 0))
    const cpuS = (await this.#cpu()) - this.#cpuS
    const sorted = doneS.toSorted((a, b) => a - b)
    return {
      name,
      receivers,
      bytes,
      lastS: sorted.at(-1) ?? 0,
      medianS: sorted[sorted.length >> 1] ?? 0,
      sentBytes: sent.reduce((sum, value) => sum + value, 0),
      seedBytes: sent[0] ?? 0,
      cpuS,
      note: ''
    }
  }

  async #uplinks(): Promise<number[]> {
    return await Promise.all(this.#net.places.map(async (place) => await this.#net.sent(place)))
  }

  async #cpu(): Promise<number> {
    const all = await Promise.all(this.#procs.map(async (proc) => await proc.cpuSeconds()))
    return all.reduce((sum, value) => sum + value, 0)
  }
}
