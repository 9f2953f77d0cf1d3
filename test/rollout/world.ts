import { alloc, DAY, equal, HOUR, toHex, type Bytes } from '../../lib/base/index.ts'
import { Pool, type PoolSeat } from '../../lib/crowd/index.ts'
import {
  encodeEvidence,
  sealEvidence,
  type Beacon,
  type Control,
  type Evidence,
  type EvidenceDraft,
  type Policy,
  type Release
} from '../../lib/records/index.ts'
import {
  decide,
  emptyMemory,
  type Decision,
  type DecideInput,
  type RolloutMemory,
  type SelfFacts,
  type Treatment
} from '../../lib/rollout/index.ts'
import { admit, believeNothing, hash, type Believed } from '../../lib/trust/index.ts'
import { beacon, brake } from '../tools/acts.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  signControl,
  signRelease,
  testNowMs,
  type TrustSpec
} from '../tools/people.ts'

/** How the new version behaves on a node, in order of its attempts. */
export type Behaviour = 'good' | 'crash'

export interface WorldNode {
  readonly index: number
  readonly key: Bytes
  readonly hex: string
  memory: RolloutMemory
  running: Bytes | null
  previous: Bytes | null
  staged: Bytes | null
  busyUntilMs: number
  goingTo: Bytes | null
  failsAtMs: number
  treatment: Treatment | null
  quarantine: DecideInput['node']['quarantine']
  nextMs: number
  /** Switched off: it neither decides nor says anything. */
  off: boolean
  /** Says nothing, but decides. */
  mute: boolean
  self: Partial<SelfFacts>
  decision: Decision | null
  attempts: string[]
}

export interface WorldOptions {
  readonly nodes: number
  readonly behaves?: (node: WorldNode, release: string, tries: number) => Behaviour
  /** Failure of controls: nodes whose old version breaks by itself. */
  readonly startMs?: number
  readonly latencyMs?: number
  readonly coverage?: number
  readonly open?: boolean
  /** Roles beside those of `testRoles`. */
  readonly roles?: TrustSpec['roles']
}

/** A fleet with one shared view of the evidence, stepped from event to event without a clock. */
export class World {
  readonly network = foundNetwork({ issuedMs: testNowMs - 300 * DAY })
  readonly nodes: WorldNode[] = []
  readonly pool: Pool
  readonly options: WorldOptions
  believed: Believed
  nowMs = testNowMs + HOUR
  coverage: number
  said: { readonly atMs: number; readonly node: number; readonly draft: EvidenceDraft }[] = []
  readonly #seats = new Map<string, PoolSeat>()

  constructor(options: WorldOptions) {
    this.options = options
    this.coverage = options.coverage ?? 1_000_000
    this.network = foundNetwork({
      issuedMs: testNowMs - 300 * DAY,
      membership: options.open === true ? 'open' : 'enrolled',
      roles: options.roles ?? {}
    })
    this.believed = believeNothing(this.network.id)
    this.#take(this.network.first)
    this.pool = new Pool(this.believed, {
      verify: () => true,
      seatOf: (hex) => this.#seats.get(hex) ?? null
    })
    for (let i = 0; i < options.nodes; i++) this.addNode()
  }

  addNode(seat: Partial<PoolSeat> = {}): WorldNode {
    const index = this.nodes.length
    const key = hash([Uint8Array.of(7, index & 255, index >> 8)])
    const node: WorldNode = {
      index,
      key,
      hex: toHex(key),
      memory: emptyMemory,
      running: null,
      previous: null,
      staged: null,
      busyUntilMs: 0,
      goingTo: null,
      failsAtMs: Infinity,
      treatment: null,
      quarantine: [],
      nextMs: 0,
      off: false,
      mute: false,
      self: {},
      decision: null,
      attempts: []
    }
    this.nodes.push(node)
    this.#seats.set(node.hex, { issuedMs: 0, operator: 'one', lag: 0, ...seat })
    return node
  }

  /** Signs and spreads a release; returns its id. */
  release(seq: number, policy: Policy, fields: Partial<Release> = {}): Bytes {
    const head = headUnder(1, this.network.id, this.nowMs)
    const release = makeRelease(this.network.id, { head, seq, label: `r${seq}`, policy, ...fields })
    const statement = signRelease(this.network.id, release)
    this.#take(statement)
    this.pool.setContext({ believed: this.believed })
    this.wake()
    return idOfStatement(statement)
  }

  control(release: Bytes, fields: Partial<Control>): Bytes {
    const head = headUnder(1, this.network.id, this.nowMs)
    const control = makeControl(this.network.id, release, { head, ...fields })
    const statement = signControl(this.network.id, control)
    this.#take(statement)
    this.pool.setContext({ believed: this.believed })
    this.wake()
    return idOfStatement(statement)
  }

  /** A word of a key that the trust names, heard by everybody now. */
  hear(evidence: Evidence): string {
    const { answer } = this.pool.add(evidence, this.nowMs)
    this.wake()
    return answer
  }

  brake(release: Bytes, ttlMs: number, by = 1, seq = 1): string {
    const atMs = this.nowMs
    return this.hear(brake({ network: this.network.id, release, by, seq, atMs, ttlMs }))
  }

  /** Says what everybody believes, unless told otherwise. */
  beacon(by: number, seq: number, said: Partial<Beacon> = {}): string {
    const { believed, nowMs: atMs } = this
    return this.hear(beacon({ network: this.network.id, believed, by, seq, atMs, ...said }))
  }

  /** Everybody runs this release already. */
  installed(release: Bytes): void {
    for (const node of this.nodes) node.running = release
  }

  wake(delayMs = 0): void {
    for (const node of this.nodes) node.nextMs = Math.min(node.nextMs, this.nowMs + delayMs)
  }

  /** Steps from event to event until `done` or for `forMs`. */
  run(forMs: number, done: () => boolean = () => false): void {
    const endMs = this.nowMs + forMs
    while (!done()) {
      const nextMs = this.nodes.reduce(
        (least, node) => (node.off ? least : Math.min(least, node.nextMs)),
        Infinity
      )
      if (nextMs > endMs) {
        this.nowMs = endMs
        return
      }
      this.nowMs = Math.max(this.nowMs, nextMs)
      for (const node of this.nodes) if (!node.off && node.nextMs <= this.nowMs) this.step(node)
    }
  }

  /** One decision of one node, and what follows from it on its machine. */
  step(node: WorldNode): Decision {
    this.#machine(node)
    const decision = decide(this.inputOf(node))
    node.memory = decision.memory
    node.decision = decision
    for (const draft of decision.say) this.#say(node, draft)
    let nextMs = decision.untilMs ?? Infinity
    const { act } = decision
    if (act.tag === 'fetch') {
      node.staged = act.release
      nextMs = this.nowMs + 10
    }
    if (act.tag === 'upgrade') this.#upgrade(node, act.release)
    if (act.tag === 'undo' && act.atMs <= this.nowMs) {
      node.running = node.previous
      node.previous = null
      node.treatment = null
      nextMs = this.nowMs + 10
    }
    if (node.goingTo !== null) nextMs = Math.min(nextMs, node.busyUntilMs)
    if (node.failsAtMs < Infinity) nextMs = Math.min(nextMs, node.failsAtMs)
    node.nextMs = Math.max(nextMs, this.nowMs + 1)
    return decision
  }

  /** What a node would decide that saw this. */
  decide(input: DecideInput): Decision {
    return decide(input)
  }

  inputOf(node: WorldNode): DecideInput {
    const { treatment } = node
    return {
      nowMs: this.nowMs,
      believed: this.believed,
      pool: this.pool,
      self: {
        nodeKey: node.key,
        member: true,
        platform: 'linux-x64',
        channel: 'stable',
        tier: 0,
        level: 'auto',
        hold: false,
        pinned: null,
        skipped: [],
        applied: [],
        ...node.self
      },
      node: {
        running: node.running,
        previous: node.previous,
        quarantine: node.quarantine,
        staged: node.staged,
        busy: node.goingTo,
        treatment
      },
      network: {
        peers: this.nodes.length - 1,
        settledSince: (sinceMs) => this.nowMs >= sinceMs + (this.options.latencyMs ?? 50),
        coverage: () => this.coverage,
        clockSkewMs: null,
        trustSettled: true
      },
      memory: node.memory
    }
  }

  running(release: Bytes): number {
    return this.nodes.filter(({ running }) => running !== null && equal(running, release)).length
  }

  #say(node: WorldNode, draft: EvidenceDraft): void {
    if (node.mute) return
    this.said.push({ atMs: this.nowMs, node: node.index, draft })
    const tsS = Math.floor(this.nowMs / 1_000)
    const bare = encodeEvidence(this.network.id, node.key, tsS, draft)
    const offer = this.pool.add(sealEvidence(bare, alloc(64)), this.nowMs)
    if (offer.answer === 'accepted') this.wake(this.options.latencyMs ?? 50)
  }

  #upgrade(node: WorldNode, release: Bytes): void {
    node.goingTo = release
    node.busyUntilMs = this.nowMs + 500
    node.attempts.push(toHex(release))
  }

  /** The hands: a switch takes half a second, a crash follows a moment after. */
  #machine(node: WorldNode): void {
    const { goingTo } = node
    if (goingTo !== null && this.nowMs >= node.busyUntilMs) {
      const known = this.pool.rollout(toHex(goingTo))
      const held = node.treatment
      const tries = held !== null && equal(held.release, goingTo) ? held.tries : 0
      node.previous = node.running
      node.running = goingTo
      node.goingTo = null
      node.treatment = {
        release: goingTo,
        resume: known?.resume ?? 0,
        startedMs: this.nowMs,
        state: 'running',
        cause: 'none',
        tries
      }
      const behaves = this.options.behaves?.(node, toHex(goingTo), tries) ?? 'good'
      node.failsAtMs = behaves === 'crash' ? this.nowMs + 200 : Infinity
    }
    if (this.nowMs < node.failsAtMs || node.treatment === null) return
    node.failsAtMs = Infinity
    node.running = node.previous
    node.previous = null
    const { treatment } = node
    node.treatment = {
      ...treatment,
      state: 'failed',
      cause: 'crash-loop',
      tries: treatment.tries + 1
    }
    node.quarantine = [
      ...node.quarantine,
      { release: treatment.release, why: 'own', retryAtMs: null }
    ]
  }

  #take(statement: Parameters<typeof admit>[1]): void {
    const verdict = admit(this.believed, statement, this.nowMs)
    if (verdict.tag !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(verdict)}`)
    this.believed = verdict.believed
  }
}
