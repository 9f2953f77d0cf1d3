import { Agent, get } from 'node:http'

export interface Sample {
  /** Latency from the scheduled instant, ms. */
  readonly ms: number
  readonly atMs: number
  readonly kept: boolean
  /** Null: a whole answer of status 200. */
  readonly lost: string | null
}

/** Clients use a connection again within this time, which is less than the app's linger. */
export const thinkMs = 500

/**
 * Requests at scheduled instants, whatever the answers do: half on kept connections, half on fresh
 * ones. A load that waits for its answers would hide every pause.
 */
export class OpenLoop {
  readonly samples: Sample[] = []
  readonly #port: number
  readonly #everyMs: number
  readonly #kept = new Agent({ keepAlive: true, maxSockets: 512, timeout: thinkMs })
  readonly #open = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  readonly #begunMs = performance.now()
  #sent = 0

  constructor(port: number, perSecond: number) {
    this.#port = port
    this.#everyMs = 1_000 / perSecond
    this.#timer = setInterval(() => this.#fire(), 1)
  }

  /** Waits for the last answers, and returns everything that was asked. */
  async stop(): Promise<readonly Sample[]> {
    clearInterval(this.#timer)
    await Promise.all(this.#open)
    this.#kept.destroy()
    return this.samples
  }

  #fire(): void {
    const nowMs = performance.now() - this.#begunMs
    while (this.#sent * this.#everyMs <= nowMs) {
      const atMs = this.#begunMs + this.#sent * this.#everyMs
      const kept = this.#sent++ % 2 === 0
      const one = this.#ask(atMs, kept)
      this.#open.add(one)
      void one.then(() => this.#open.delete(one))
    }
  }

  async #ask(atMs: number, kept: boolean): Promise<void> {
    const lost = await ask(this.#port, kept ? this.#kept : false)
    this.samples.push({ ms: performance.now() - atMs, atMs, kept, lost })
  }
}

/** One request; null for a whole answer of status 200, else what became of it. */
export async function ask(port: number, agent: Agent | false = false): Promise<string | null> {
  return await new Promise((resolve) => {
    const request = get(
      { port, host: '127.0.0.1', agent, path: '/', timeout: 20_000 },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode === 200 ? null : `${answer.statusCode}`))
        answer.on('error', () => resolve('cut off'))
      }
    )
    request.on('timeout', () => request.destroy(new Error('timeout')))
    request.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
  })
}

/** The value below which `share` of the numbers lie; 0 for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
