import { alloc, assert, DAY, equal, HOUR, PPM, SECOND, toHex } from '../base/index.ts'
import { censusInterval, rolloutsOf, undoMs, type Pool, type Rollout } from '../crowd/index.ts'
import { encodeEvidence, sealEvidence, type EvidenceDraft } from '../records/index.ts'
import { decide, type DecideInput, type Decision } from '../rollout/index.ts'
import type { Agent } from './agent.ts'
import { caughtUp } from './attention.ts'
import { SimClock } from './clock.ts'
import { chance, draws, SimDice } from './dice.ts'
import { Fate } from './fate.ts'
import { Fleet } from './fleet.ts'
import { Liars } from './liars.ts'
import type { WorldOptions } from './options.ts'
import { foundNetwork, simChannel, simEpochMs, simPlatform, type SimNetwork } from './network.ts'
import { assumeBytes, countedOut, restTimeMs } from './latecomer.ts'
import { Side } from './side.ts'
import { Curve, momentOf, type Headcount, type Moment, type Story } from './story.ts'

/** A stalled plan waits for a week before it says so. */
const limitMsDefault = 60 * DAY
/** Nothing is finer than this: what is said in one tick is heard by all at the next. */
const tickMsMax = 30 * SECOND
const tickMsMin = 100
/** Bytes nobody looks behind: the simulated fleet signs nothing. */
const unsigned = alloc(64)

/** What happens at one moment: machines that asked for it, and others whose turn it is. */
interface Bucket {
  readonly agents: Agent[]
  readonly turns: number[]
}

/**
 * One fleet, stepped from event to event. Every node decides by the very `decide` of a real one, at
 * the times it asked for, and whenever the phase of the rollout changes for everybody; what it says
 * reaches all others of its side one tick later.
 */
export class World {
  readonly network: SimNetwork
  readonly tickMs: number
  readonly #options: WorldOptions
  readonly #clock = new SimClock(simEpochMs)
  readonly #fate: Fate
  readonly #fleet: Fleet
  readonly #liars: Liars
  readonly #rollout: Rollout
  readonly #hex: string
  readonly #main: Side
  readonly #other: Side | null
  /** By rank everybody looks at everybody. */
  readonly #isWhole: boolean
  readonly #buckets = new Map<number, Bucket>()
  readonly #moments: Moment[] = []
  readonly #curve = new Curve()
  #isHealed = false

  constructor(options: WorldOptions) {
    const dice = new SimDice(options.seed)
    const { policy, nodes, seed } = options
    this.#options = options
    this.network = foundNetwork(dice, policy)
    this.#hex = toHex(this.network.release)
    const rollout = rolloutsOf(this.network.believed).get(this.#hex)
    assert(rollout !== undefined, 'the release that was signed has a rollout')
    this.#rollout = rollout
    const isStill = (stage: number) => this.#main.view?.stage === stage
    this.#fate = new Fate(seed, rollout, { ...options, isStill })
    this.#liars = new Liars(seed, options.lie ?? null)
    const salt = dice.fill(alloc(32))
    this.#fleet = new Fleet(nodes, salt, this.network)
    const it = { fleet: this.#fleet, salt }
    this.#main = new Side(rollout, this.network, it)
    this.#other = options.partition ? new Side(rollout, this.network, it) : null
    this.#isWhole = options.asksAll === true || rollout.bands.small
    const { settleMs, checkpointsMs } = policy.gate
    const finest = Math.min(tickMsMax, settleMs / 2, (checkpointsMs[0] ?? tickMsMax) / 4)
    this.tickMs = Math.max(tickMsMin, Math.floor(finest))
  }

  /** The evidence as the larger side holds it. */
  get pool(): Pool {
    return this.#main.pool
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
    while (this.#main.ending === null && this.#clock.step(limitMs)) {
      if (this.#clock.wallMs() < hourMs + HOUR) continue
      hourMs = this.#clock.wallMs()
      yield hourMs - simEpochMs
    }
    const ending = this.#main.ending ?? 'unfinished'
    const endedMs = this.#clock.wallMs()
    const heads = this.headcount()
    const restMs = endedMs + restTimeMs(this.#rollout, ending, this.tickMs)
    while (this.#clock.step(restMs));
    return {
      seed: this.#options.seed,
      nodes: this.#fleet.size,
      ending,
      stage: this.#main.view?.stage ?? 0,
      stages: this.#rollout.bands.list.length,
      exposed: heads.exposed,
      failed: heads.failed,
      endedMs: endedMs - simEpochMs,
      restedMs: restMs - simEpochMs,
      upgraded: this.headcount().upgraded,
      moments: this.#moments,
      curve: this.#curve.points
    }
  }

  headcount(): Headcount {
    return this.#fleet.headcount()
  }

  get #sides(): readonly Side[] {
    return this.#other === null ? [this.#main] : [this.#main, this.#other]
  }

  /** The side a node is on, now and ever: apart from the time of the partition they are as one. */
  #sideOf(index: number): Side {
    const { partition, seed } = this.#options
    if (this.#other === null || !partition) return this.#main
    const isCut = chance(seed, index, draws.side, 0) * PPM < partition.sharePpm
    return isCut ? this.#other : this.#main
  }

  #isApart(nowMs: number): boolean {
    const { partition } = this.#options
    if (!partition) return false
    const fromMs = simEpochMs + partition.fromMs
    return nowMs >= fromMs && nowMs < fromMs + partition.forMs
  }

  /** One tick: hear, look, and let everybody act whose time has come. */
  #tick(nowMs: number): void {
    const due = this.#buckets.get(nowMs) ?? { agents: [], turns: [] }
    this.#buckets.delete(nowMs)
    if (!this.#isApart(nowMs) && !this.#isHealed) this.#heal(nowMs)
    for (const side of this.#sides) {
      const isNews = side.hear(nowMs)
      side.shared.look()
      this.#look(side, nowMs, isNews)
    }
    if ((nowMs - simEpochMs) % HOUR < this.tickMs) this.#hour(nowMs)
    for (const index of due.turns) this.#turn(index, nowMs)
    for (const agent of due.agents) if (agent.nextMs === nowMs) this.#step(agent, nowMs)
    this.#curve.note(nowMs - simEpochMs, this.headcount())
    if (this.#sides.some(({ outbox }) => outbox.length > 0)) this.#bucket(nowMs + this.tickMs)
  }

  /** What was said apart is heard by the others once they are together again. */
  #heal(nowMs: number): void {
    const { partition } = this.#options
    const isOver = partition && nowMs >= simEpochMs + partition.fromMs + partition.forMs
    if (!isOver) return
    this.#isHealed = true
    for (const side of this.#sides) {
      side.outbox.push(...side.owed)
      side.owed = []
    }
  }

  /** An hour has begun: those who were drawn for its census wake. */
  #hour(nowMs: number): void {
    if (this.#isWhole) return
    for (const index of this.#main.attention.hour(censusInterval(nowMs))) this.#turn(index, nowMs)
    if (this.#other !== null) this.#other.attention.hour(censusInterval(nowMs))
    this.#bucket(this.#gridded(nowMs - ((nowMs - simEpochMs) % HOUR) + HOUR))
  }

  /** The watcher looks whenever something was heard or its own time has come. */
  #look(side: Side, nowMs: number, isNews: boolean): void {
    const { watcher } = side
    if (!isNews && watcher.nextMs > nowMs) return
    const before = side.view
    const hasChanged = side.note(this.#decide(watcher, side, nowMs))
    const { view } = side
    if (view === null) return
    if (side === this.#main && (view.phase !== before?.phase || view.stage !== before.stage)) {
      this.#moments.push(momentOf(nowMs - simEpochMs, view, this.headcount()))
    }
    if (this.#isWhole) {
      if (hasChanged || (isNews && this.#rollout.bands.small)) this.#askAll(nowMs)
      return
    }
    if (!hasChanged) return
    this.#setTurns(side, nowMs)
    for (const agent of side.followers) this.#step(agent, nowMs)
    if (side.ending !== null && side.ending !== 'stalled') this.#end(side, nowMs)
  }

  #askAll(nowMs: number): void {
    for (let i = 0; i < this.#fleet.size; i++) this.#turn(i, nowMs)
  }

  /** A stage has opened, or starts anew: everybody it is about has a moment of its own. */
  #setTurns(side: Side, nowMs: number): void {
    const { run, attention } = side
    if (run === undefined || run.stage < 1) return
    if (run.stage === side.openedStage && run.startMs === side.openedMs) return
    side.openedStage = run.stage
    side.openedMs = run.startMs
    for (const index of attention.open(run.stage)) {
      if (this.#sideOf(index) !== side) continue
      // while one goes alone, each of the stage is asked whether it is the one
      const atMs = run.solo ? nowMs : attention.turnMs(index, run.stage, run.startMs)
      this.#bucket(this.#gridded(Math.max(atMs, nowMs + 1))).turns.push(index)
    }
  }

  /** The rollout is over: the last ones follow, or those on the release take back. */
  #end(side: Side, nowMs: number): void {
    const isHalt = side.ending === 'halted'
    const list = isHalt ? this.#fleet.upgraded() : side.attention.rest()
    const { id, policy } = this.#rollout
    for (const index of list) {
      if (this.#sideOf(index) !== side) continue
      // who takes back has a moment of its own, and nothing to do before it
      const spreadMs = isHalt ? policy.halt.undoSpreadMs : 0
      const atMs = nowMs + undoMs(id, this.#fleet.key(index), spreadMs)
      this.#bucket(this.#gridded(Math.max(atMs, nowMs + 1))).turns.push(index)
    }
  }

  /** Wakes one node, which is made if nothing ever happened on it. */
  #turn(index: number, nowMs: number): void {
    const { agent, isNew } = this.#fleet.agent(index)
    if (isNew) this.#tell(agent, nowMs)
    this.#step(agent, nowMs)
  }

  /** What a machine has gone through before anybody looked at it. */
  #tell(agent: Agent, nowMs: number): void {
    const side = this.#sideOf(agent.index)
    const { run } = side
    if (run === undefined || this.#isWhole) return
    agent.sleeps = true
    if (!side.attention.isCounted(agent.index)) {
      agent.memory = countedOut(agent.memory, this.#rollout, nowMs)
    }
    assumeBytes(agent, { rollout: this.#rollout, fate: this.#fate, run, grid: this.#grid, nowMs })
  }

  #step(agent: Agent, nowMs: number): void {
    const backMs = this.#offUntilMs(agent.index, nowMs)
    if (backMs > nowMs) {
      agent.nextMs = this.#gridded(backMs)
      this.#bucket(agent.nextMs).agents.push(agent)
      return
    }
    const side = this.#sideOf(agent.index)
    if (!this.#isWhole && side.ending === null && side.attention.isQuiet(agent)) {
      this.#fleet.watch(agent, () => agent.facts(nowMs, this.#fate))
      side.followers.delete(agent)
      agent.follows = false
      agent.sleeps = true
      this.#next(agent, agent.handsMs, nowMs)
    } else {
      const { say } = this.#decide(agent, side, nowMs)
      for (const draft of say) this.#say(agent, draft, nowMs)
    }
    const isDone = agent.nextMs === Infinity && !agent.follows
    if (!isDone || this.#isWhole || !equal(agent.running, this.network.release)) return
    if (agent.memory.runs[this.#hex]?.mine.every(({ over, reserve }) => over && reserve !== true)) {
      this.#fleet.putAway(agent)
    }
  }

  #decide(agent: Agent, side: Side, nowMs: number): Decision {
    if (agent.sleeps) agent.memory = caughtUp(agent, side.watcher, this.#hex)
    const input = this.#inputOf(agent, side, nowMs)
    const decision = this.#fleet.watch(agent, () => {
      const known = { ...input, node: agent.facts(nowMs, this.#fate) }
      const made = decide(known)
      agent.follow(made, known, this.#fate)
      return made
    })
    const isWatcher = agent === side.watcher
    agent.follows = isWatcher || this.#follows(agent, side, nowMs)
    agent.sleeps = !agent.follows
    if (!isWatcher && agent.follows) side.followers.add(agent)
    else side.followers.delete(agent)
    const { run, attention } = side
    const isAsleep = agent.sleeps && run !== undefined
    const atMs = isAsleep ? attention.sleepsUntilMs(agent, run) : agent.dueMs
    // who has taken back after a halt has nothing behind it
    const isBack =
      side.ending === 'halted' && decision.act.tag === 'undo' && decision.act.atMs <= nowMs
    this.#next(agent, isBack && !this.#isWhole ? Infinity : atMs, nowMs)
    return decision
  }

  #next(agent: Agent, atMs: number, nowMs: number): void {
    agent.nextMs = this.#gridded(Math.max(atMs, nowMs + 1))
    if (agent.nextMs < Infinity) this.#bucket(agent.nextMs).agents.push(agent)
  }

  /** Everybody does, once the rollout has ended: the last ones follow, or take back. */
  #follows(agent: Agent, side: Side, nowMs: number): boolean {
    const { run } = side
    if (this.#isWhole || run === undefined || side.ending !== null) return true
    return side.attention.isAwake(agent, run, nowMs)
  }

  #inputOf(agent: Agent, side: Side, nowMs: number): Omit<DecideInput, 'node'> {
    const isWatcher = agent === side.watcher
    return {
      nowMs,
      believed: this.network.believed,
      pool: side.shared,
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
      network: {
        peers: this.#fleet.size - 1,
        settledSince: (sinceMs) => nowMs >= sinceMs + 2 * this.tickMs,
        // who is cut off lists what it has, and cannot know what it lacks
        coverage: () => PPM,
        clockSkewMs: null,
        trustSettled: true
      },
      memory: agent.memory
    }
  }

  #say(agent: Agent, said: EvidenceDraft, nowMs: number): void {
    const draft = this.#liars.twist(agent.index, said)
    if (draft === null) return
    const tsS = Math.floor(nowMs / 1_000)
    const bare = encodeEvidence(this.network.id, agent.key, tsS, draft)
    const evidence = sealEvidence(bare, unsigned)
    this.#options.onSaid?.(evidence)
    const own = this.#sideOf(agent.index)
    for (const side of this.#sides) {
      if (side === own || !this.#isApart(nowMs)) side.outbox.push(evidence)
      else side.owed.push(evidence)
    }
  }

  /** When a machine that is switched off now comes back, in ms; now, if it is on. */
  #offUntilMs(index: number, nowMs: number): number {
    const { offlinePpm, seed } = this.#options
    if (!offlinePpm || chance(seed, index, draws.off, 0) * PPM >= offlinePpm) return nowMs
    const offset = Math.floor(chance(seed, index, draws.offAt, 0) * DAY)
    const intoDay = (nowMs + offset) % DAY
    return intoDay < DAY / 2 ? nowMs + DAY / 2 - intoDay : nowMs
  }

  #wakeAll(): void {
    const { agents, turns } = this.#bucket(simEpochMs)
    for (const { watcher } of this.#sides) {
      watcher.nextMs = simEpochMs
      agents.push(watcher)
    }
    if (this.#isWhole) for (let i = 0; i < this.#fleet.size; i++) turns.push(i)
    else turns.push(...this.#main.attention.voters)
  }

  readonly #grid = (atMs: number): number => this.#gridded(atMs)

  #gridded(atMs: number): number {
    return simEpochMs + Math.ceil((atMs - simEpochMs) / this.tickMs) * this.tickMs
  }

  /** Everything of one moment; the clock is asked once for it. */
  #bucket(atMs: number): Bucket {
    const held = this.#buckets.get(atMs)
    if (held !== undefined) return held
    const bucket: Bucket = { agents: [], turns: [] }
    this.#buckets.set(atMs, bucket)
    this.#clock.after(atMs - this.#clock.wallMs(), () => this.#tick(atMs))
    return bucket
  }
}
