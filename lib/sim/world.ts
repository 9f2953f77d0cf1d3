import {
  alloc,
  assert,
  DAY,
  equal,
  HOUR,
  MINUTE,
  PPM,
  SECOND,
  toHex,
  type Bytes
} from '../base/index.ts'
import { censusInterval, Pool, rolloutsOf, type PoolSeat, type Rollout } from '../crowd/index.ts'
import {
  encodeEvidence,
  sealEvidence,
  type Evidence,
  type EvidenceDraft,
  type Policy
} from '../records/index.ts'
import { decide, type DecideInput, type Decision, type RolloutView } from '../rollout/index.ts'
import { hash } from '../trust/index.ts'
import { Agent } from './agent.ts'
import { Attention, caughtUp } from './attention.ts'
import { SharedView } from './shared-view.ts'
import { SimClock } from './clock.ts'
import { SimDice } from './dice.ts'
import { Fate, type Effect } from './fate.ts'
import { foundNetwork, simChannel, simEpochMs, simPlatform, type SimNetwork } from './network.ts'
import { momentOf, type Ending, type Headcount, type Moment, type Story } from './story.ts'

export type { Effect } from './fate.ts'

export interface WorldOptions {
  /** A whole number from 0 to 2³² − 1. */
  readonly seed: number
  readonly nodes: number
  readonly policy: Policy
  /** Share of reports that fail although nothing is wrong with a release, in ppm. */
  readonly basePpm: number
  readonly effect: Effect
  /** Asks every node at every event, as real ones are: the same story, and slow. */
  readonly asksAll?: boolean
  /** Longest time that is played, in ms of the world. */
  readonly limitMs?: number
  /** Hears every statement as it is said. */
  readonly onSaid?: (evidence: Evidence) => void
}

/** A stalled plan waits for a week before it says so. */
const limitMsDefault = 60 * DAY
/** Nothing is finer than this: what is said in one tick is heard by all at the next. */
const tickMsMax = 30 * SECOND
const tickMsMin = 100
/** Bytes nobody looks behind: the simulated fleet signs nothing. */
const unsigned = alloc(64)

/**
 * One fleet with one shared view of the evidence, stepped from event to event. Every node decides
 * by the very `decide` of a real one, at the times it asked for, and whenever the phase of the
 * rollout changes for everybody; what it says reaches all others one tick later.
 */
export class World {
  readonly network: SimNetwork
  readonly pool: Pool
  readonly agents: readonly Agent[]
  readonly tickMs: number
  readonly #options: WorldOptions
  readonly #clock = new SimClock(simEpochMs)
  readonly #fate: Fate
  readonly #rollout: Rollout
  readonly #hex: string
  /** Runs nothing and says nothing: through its eyes the fleet sees its phase change. */
  readonly #watcher: Agent
  readonly #shared: SharedView
  /** Null: everybody is asked. By rank everybody looks at everybody. */
  readonly #attention: Attention | null
  readonly #buckets = new Map<number, Agent[]>()
  readonly #moments: Moment[] = []
  #outbox: Evidence[] = []
  #view: RolloutView | null = null
  #seen = ''

  constructor(options: WorldOptions) {
    const dice = new SimDice(options.seed)
    const { policy, nodes } = options
    this.#options = options
    this.network = foundNetwork(dice, policy)
    this.#hex = toHex(this.network.release)
    const rollout = rolloutsOf(this.network.believed).get(this.#hex)
    assert(rollout !== undefined, 'the release that was signed has a rollout')
    this.#rollout = rollout
    this.#fate = new Fate(options.seed, rollout, options)
    const salt = dice.fill(alloc(32))
    const { old } = this.network
    this.agents = Array.from({ length: nodes }, (_, i) => new Agent(i, keyOf(salt, i), old))
    this.#watcher = new Agent(nodes, keyOf(salt, nodes), old)
    this.pool = poolOf(this.network, this.agents)
    this.#shared = new SharedView(this.pool)
    const isWhole = options.asksAll === true || rollout.bands.small
    this.#attention = isWhole ? null : new Attention(rollout, this.network.id, this.agents)
    const { settleMs, checkpointsMs } = policy.gate
    const finest = Math.min(tickMsMax, settleMs / 2, (checkpointsMs[0] ?? tickMsMax) / 4)
    this.tickMs = Math.max(tickMsMin, Math.floor(finest))
  }

  /** Plays the rollout to its end, and on until nothing moves; once per world. */
  run(): Story {
    const play = this.play()
    for (;;) {
      const next = play.next()
      if (next.done === true) return next.value
    }
  }

  /**
   * The same, but stops after each hour of the world and tells the time since the release, in ms.
   */
  *play(): Generator<number, Story> {
    const limitMs = simEpochMs + (this.#options.limitMs ?? limitMsDefault)
    this.#wakeAll()
    let hourMs = simEpochMs
    while (endingOf(this.#view) === null && this.#clock.step(limitMs)) {
      if (this.#clock.wallMs() < hourMs + HOUR) continue
      hourMs = this.#clock.wallMs()
      yield hourMs - simEpochMs
    }
    const ending = endingOf(this.#view) ?? 'unfinished'
    const endedMs = this.#clock.wallMs()
    const heads = this.headcount()
    const restMs = endedMs + this.#restMs(ending)
    while (this.#clock.step(restMs));
    return {
      seed: this.#options.seed,
      nodes: this.agents.length,
      ending,
      stage: this.#view?.stage ?? 0,
      stages: this.#rollout.bands.list.length,
      exposed: heads.exposed,
      failed: heads.failed,
      endedMs: endedMs - simEpochMs,
      restedMs: restMs - simEpochMs,
      upgraded: this.headcount().upgraded,
      moments: this.#moments
    }
  }

  headcount(): Headcount {
    const { release } = this.network
    let exposed = 0
    let upgraded = 0
    let failed = 0
    for (const { starts, failures, running } of this.agents) {
      if (starts > 0) exposed++
      if (failures > 0) failed++
      if (equal(running, release)) upgraded++
    }
    return { exposed, upgraded, failed }
  }

  /** After a halt the fleet takes back, after a completion the last ones follow. */
  #restMs(ending: Ending): number {
    const { bands, policy } = this.#rollout
    const last = bands.list[bands.list.length - 1]?.bakeMs ?? 0
    if (ending === 'halted') return policy.halt.undoSpreadMs + 10 * this.tickMs
    return ending === 'completed' ? (last * policy.plan.jitter) / 1_000 + 30 * MINUTE : 0
  }

  /** One tick: hear, look, and let everybody act whose time has come. */
  #tick(nowMs: number): void {
    const due = this.#buckets.get(nowMs) ?? []
    this.#buckets.delete(nowMs)
    const isNews = this.#hear(nowMs)
    this.#shared.look()
    const hasChanged = this.#look(nowMs, isNews)
    if ((nowMs - simEpochMs) % HOUR < this.tickMs) this.#hour(nowMs, due)
    const asked = hasChanged ? this.agents : due
    for (const agent of asked) {
      if (agent.nextMs === nowMs || (hasChanged && this.#isAwake(agent, nowMs))) {
        this.#step(agent, nowMs)
      }
    }
    if (this.#outbox.length > 0) this.#bucket(nowMs + this.tickMs)
  }

  /** An hour has begun: those who were drawn for its census wake. */
  #hour(nowMs: number, due: Agent[]): void {
    if (this.#attention === null) return
    for (const agent of this.#attention.hour(censusInterval(nowMs))) {
      if (agent.nextMs === nowMs) continue
      agent.nextMs = nowMs
      due.push(agent)
    }
    this.#bucket(this.#gridded(nowMs - ((nowMs - simEpochMs) % HOUR) + HOUR))
  }

  /** Everybody is, once the rollout has ended: the last ones follow, or take back. */
  #isAwake(agent: Agent, nowMs: number): boolean {
    const run = this.#watcher.memory.runs[this.#hex]
    if (this.#attention === null || run === undefined || agent === this.#watcher) return true
    return endingOf(this.#view) !== null || this.#attention.isAwake(agent, run, nowMs)
  }

  #hear(nowMs: number): boolean {
    let isNews = false
    const heard = this.#outbox
    this.#outbox = []
    for (const evidence of heard) {
      if (this.pool.add(evidence, nowMs).answer === 'accepted') isNews = true
    }
    return isNews
  }

  /** The watcher looks whenever something was heard or its own time has come. */
  #look(nowMs: number, isNews: boolean): boolean {
    if (!isNews && this.#watcher.nextMs > nowMs) return false
    const { view, memory } = this.#decide(this.#watcher, nowMs)
    const run = memory.runs[this.#hex]
    const seen = [
      view.phase,
      view.stage,
      view.reading.tag,
      run?.held,
      run?.solo,
      run?.bakeMs,
      run?.startMs
    ].join(' ')
    const isSame = seen === this.#seen
    this.#seen = seen
    if (!isSame && (view.phase !== this.#view?.phase || view.stage !== this.#view.stage)) {
      this.#moments.push(momentOf(nowMs - simEpochMs, view, this.headcount()))
    }
    this.#view = view
    this.#attention?.open(view.stage)
    // by rank everybody looks at everybody
    return !isSame || (isNews && this.#rollout.bands.small)
  }

  #step(agent: Agent, nowMs: number): void {
    const { say } = this.#decide(agent, nowMs)
    for (const draft of say) this.#say(agent, draft, nowMs)
  }

  #decide(agent: Agent, nowMs: number): Decision {
    if (agent.sleeps) agent.memory = caughtUp(agent, this.#watcher, this.#hex)
    const input = this.#inputOf(agent, nowMs)
    const decision = decide(input)
    agent.follow(decision, input, this.#fate)
    agent.sleeps = !this.#isAwake(agent, nowMs)
    const atMs = agent.sleeps ? this.#sleepsUntilMs(agent) : agent.dueMs
    agent.nextMs = this.#gridded(Math.max(atMs, nowMs + 1))
    if (agent.nextMs < Infinity) this.#bucket(agent.nextMs).push(agent)
    return decision
  }

  #sleepsUntilMs(agent: Agent): number {
    const run = this.#watcher.memory.runs[this.#hex]
    return run === undefined
      ? agent.dueMs
      : (this.#attention?.sleepsUntilMs(agent, run) ?? Infinity)
  }

  #inputOf(agent: Agent, nowMs: number): DecideInput {
    const isWatcher = agent === this.#watcher
    return {
      nowMs,
      believed: this.network.believed,
      pool: this.#shared,
      self: {
        nodeKey: agent.key,
        member: !isWatcher,
        platform: simPlatform,
        channel: simChannel,
        tier: 0,
        level: isWatcher ? 'notify' : 'auto',
        hold: false,
        pinned: null,
        skipped: [],
        applied: []
      },
      node: agent.facts(nowMs, this.#fate),
      network: {
        peers: this.agents.length - 1,
        settledSince: (sinceMs) => nowMs >= sinceMs + 2 * this.tickMs,
        coverage: () => PPM,
        clockSkewMs: null,
        trustSettled: true
      },
      memory: agent.memory
    }
  }

  #say(agent: Agent, draft: EvidenceDraft, nowMs: number): void {
    const tsS = Math.floor(nowMs / 1_000)
    const bare = encodeEvidence(this.network.id, agent.key, tsS, draft)
    const evidence = sealEvidence(bare, unsigned)
    this.#options.onSaid?.(evidence)
    this.#outbox.push(evidence)
  }

  #wakeAll(): void {
    const now = this.#bucket(simEpochMs)
    for (const agent of [this.#watcher, ...this.agents]) {
      agent.nextMs = simEpochMs
      now.push(agent)
    }
  }

  #gridded(atMs: number): number {
    return simEpochMs + Math.ceil((atMs - simEpochMs) / this.tickMs) * this.tickMs
  }

  /** Everybody who acts at one moment; the clock is asked once for it. */
  #bucket(atMs: number): Agent[] {
    const held = this.#buckets.get(atMs)
    if (held !== undefined) return held
    const bucket: Agent[] = []
    this.#buckets.set(atMs, bucket)
    this.#clock.after(atMs - this.#clock.wallMs(), () => this.#tick(atMs))
    return bucket
  }
}

function keyOf(salt: Bytes, index: number): Bytes {
  const count = alloc(4)
  new DataView(count.buffer, count.byteOffset, 4).setUint32(0, index, true)
  return hash([salt, count])
}

/** One pool for all, whose seats are the fleet: every node in a slot of one old invite. */
function poolOf({ believed, seatedMs }: SimNetwork, agents: readonly Agent[]): Pool {
  const seat: PoolSeat = { issuedMs: seatedMs, operator: 'fleet', lag: 0 }
  const seated = new Set(agents.map(({ key }) => toHex(key)))
  return new Pool(believed, {
    verify: () => true,
    seatOf: (hex) => (seated.has(hex) ? seat : null)
  })
}

function endingOf(view: RolloutView | null): Ending | null {
  if (view === null) return null
  const { phase } = view
  return phase === 'halted' || phase === 'completed' || phase === 'stalled' ? phase : null
}
