import { Agent, get } from 'node:http'

/** What one target has answered so far. */
export interface Tally {
  sent: number
  answered: number
  lost: number
  readonly reasons: Map<string, number>
}

/** Requests a client sends over one connection before it opens the next. */
const requestsPerConnection = 8
/** What has not answered by then, when the load ends, is lost. */
const lateMs = 5_000

/**
 * A steady open-loop load: requests leave at scheduled moments whatever the answers do, so that a
 * pause of the server is seen and not waited out. Half of them come on connections that are kept
 * for eight requests, half on a new connection each.
 */
export class Load {
  readonly tallies: readonly Tally[]
  readonly #ports: readonly number[]
  readonly #everyMs: number
  readonly #kept: { agent: Agent; uses: number }[]
  readonly #open = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | null = null
  #round = 0

  /** `everyMs` between two requests to one target. */
  constructor(ports: readonly number[], everyMs: number) {
    this.#ports = ports
    this.#everyMs = everyMs
    this.tallies = ports.map(() => ({ sent: 0, answered: 0, lost: 0, reasons: new Map() }))
    this.#kept = ports.map(() => ({ agent: keepAlive(), uses: 0 }))
  }

  start(): void {
    const slice = Math.max(1, Math.floor(this.#everyMs / this.#ports.length))
    let target = 0
    this.#timer = setInterval(() => {
      if (target === 0) this.#round++
      this.#send(target)
      target = (target + 1) % this.#ports.length
    }, slice)
  }

  /** Stops sending and waits for what is under way, a little while: a dead target never answers. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    const late = new Promise<void>((resolve) => {
      setTimeout(resolve, lateMs).unref()
    })
    await Promise.race([Promise.all(this.#open), late])
    for (const { agent } of this.#kept) agent.destroy()
  }

  get lost(): number {
    return this.tallies.reduce((sum, tally) => sum + tally.lost, 0)
  }

  get answered(): number {
    return this.tallies.reduce((sum, tally) => sum + tally.answered, 0)
  }

  #send(target: number): void {
    const request = this.#request(target)
    this.#open.add(request)
    void request.finally(() => this.#open.delete(request))
  }

  async #request(target: number): Promise<void> {
    const tally = this.tallies[target]
    const port = this.#ports[target]
    if (tally === undefined || port === undefined) return
    tally.sent++
    const agent = this.#agentFor(target)
    const problem = await ask(port, agent)
    if (agent !== false && agent !== this.#kept[target]?.agent && isIdle(agent)) agent.destroy()
    if (problem === null) tally.answered++
    else {
      tally.lost++
      tally.reasons.set(problem, (tally.reasons.get(problem) ?? 0) + 1)
    }
  }

  #agentFor(target: number): Agent | false {
    if (this.#round % 2 === 0) return false
    const kept = this.#kept[target]
    if (kept === undefined) return false
    if (++kept.uses > requestsPerConnection) {
      kept.agent = keepAlive()
      kept.uses = 1
    }
    return kept.agent
  }
}

function keepAlive(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 })
}

/**
 * An agent given up is closed only when nothing is under way on it: we must not lose by ourselves.
 */
function isIdle(agent: Agent): boolean {
  return Object.keys(agent.sockets).length === 0 && Object.keys(agent.requests).length === 0
}

/** Null when the answer came whole with status 200, else what went wrong. */
function ask(port: number, agent: Agent | false): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/version.txt', agent }, (response) => {
      response.resume()
      response.on('end', () => {
        resolve(response.statusCode === 200 ? null : `status ${response.statusCode ?? 0}`)
      })
      response.on('error', (error) => resolve(error.message))
    })
    request.setTimeout(30_000, () => request.destroy(new Error('no answer in 30 s')))
    request.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message))
  })
}
