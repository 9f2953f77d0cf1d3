import { equal, toHex, type Bytes } from '../base/index.ts'
import {
  emptyMemory,
  type Act,
  type Decision,
  type DecideInput,
  type NodeFacts,
  type RolloutMemory,
  type Treatment
} from '../rollout/index.ts'
import { earlier, never, type Failure, type Fate } from './fate.ts'

/** One machine of the fleet: what a real one would hold and tell its node. */
export class Agent {
  readonly index: number
  readonly key: Bytes
  memory: RolloutMemory = emptyMemory
  running: Bytes
  /** When it acts next, on the grid of the world; what lies in other buckets is out of date. */
  nextMs = Infinity
  /** It moves with the events of its side, and is asked at each of them. */
  follows = false
  /** It was not asked at every event, and is told when it wakes. */
  sleeps = false
  /** How often the new version was started here, and how often it failed. */
  starts = 0
  failures = 0
  #previous: Bytes | null = null
  #staged: Bytes | null = null
  #fetching: { readonly release: Bytes; readonly atMs: number } | null = null
  #starting: { readonly release: Bytes; readonly atMs: number } | null = null
  #treatment: Treatment | null = null
  #quarantine: NodeFacts['quarantine'] = []
  #fails: Failure = never
  #oldFails: Failure = never
  #untilMs = Infinity

  constructor(index: number, key: Bytes, running: Bytes) {
    this.index = index
    this.key = key
    this.running = running
  }

  /** What the machine has done by itself until `nowMs`, and how it stands then. */
  facts(nowMs: number, fate: Fate): NodeFacts {
    this.#work(nowMs, fate)
    const hasFailed = this.#oldFails.atMs <= nowMs && fate.happens(this.#oldFails)
    // the keeper starts the old version again: it is news once
    if (this.#oldFails.atMs <= nowMs) this.#oldFails = never
    return {
      running: this.running,
      previous: this.#previous,
      quarantine: this.#quarantine,
      staged: this.#staged,
      busy: this.#starting?.release ?? null,
      treatment: this.#treatment,
      incumbentFailed: hasFailed ? { cause: 'crash-loop' } : null,
      metrics: fate.measured(this.index, this.#treatment?.state === 'running')
    }
  }

  /** Does what was decided, and notes when there is something to do or to ask again. */
  follow(decision: Decision, input: Pick<DecideInput, 'nowMs'>, fate: Fate): void {
    const { nowMs } = input
    this.memory = decision.memory
    this.#untilMs = decision.untilMs ?? Infinity
    for (const { body, stage } of decision.say) {
      if (body.tag !== 'enrol' || body.enrol.arm !== 'control') continue
      this.#oldFails = earlier(this.#oldFails, fate.oldFails(this.index, stage, nowMs))
    }
    this.#perform(decision.act, nowMs, fate)
  }

  /** The earliest moment at which something happens here or the node wants to be asked. */
  get dueMs(): number {
    return Math.min(this.#untilMs, this.#fetching?.atMs ?? Infinity, this.handsMs)
  }

  /** The next start or failure; bytes that arrive wait until somebody wants them. */
  get handsMs(): number {
    return Math.min(this.#starting?.atMs ?? Infinity, this.#fails.atMs, this.#oldFails.atMs)
  }

  get isBusy(): boolean {
    return this.#starting !== null
  }

  /** The bytes of the new release are here, or on their way. */
  get hasBytes(): boolean {
    return this.#fetching !== null || this.#staged !== null || this.starts > 0
  }

  /** When the new version started here, or Infinity. */
  get startedMs(): number {
    return this.#treatment?.startedMs ?? Infinity
  }

  /** It had what it was to fetch before anybody looked: the bytes come whoever looks. */
  fetched(release: Bytes, atMs: number): void {
    this.#fetching = { release, atMs }
  }

  /** It runs the new release since before anybody looked, and could go back. */
  upgraded(release: Bytes): void {
    this.#previous = this.running
    this.running = release
    this.starts = 1
  }

  #perform(act: Act, nowMs: number, fate: Fate): void {
    switch (act.tag) {
      case 'wait':
        return
      case 'fetch':
        this.#fetching ??= {
          release: act.release,
          atMs: nowMs + fate.fetchMs(this.index, this.starts)
        }
        return
      case 'upgrade':
        this.#starting = {
          release: act.release,
          atMs: nowMs + fate.startMs(this.index, this.starts)
        }
        this.#staged = null
        this.starts++
        return
      case 'undo':
        if (act.atMs > nowMs) return
        this.#takeBack()
        this.#treatment = null
        // the next look comes at once: there is an act behind this one
        this.#untilMs = nowMs
    }
  }

  #work(nowMs: number, fate: Fate): void {
    if (this.#fetching !== null && this.#fetching.atMs <= nowMs) {
      this.#staged = this.#fetching.release
      this.#fetching = null
    }
    if (this.#starting !== null && this.#starting.atMs <= nowMs) {
      this.#switch(this.#starting.release, nowMs, fate)
    }
    if (this.#fails.atMs > nowMs) return
    if (fate.happens(this.#fails)) this.#fail(nowMs)
    else this.#fails = never
  }

  #switch(release: Bytes, nowMs: number, fate: Fate): void {
    const held = this.#treatment
    const tries = held !== null && equal(held.release, release) ? held.tries : 0
    const run = this.memory.runs[toHex(release)]
    const stage = run?.mine.findLast(({ arm }) => arm === 'treated')?.stage ?? 0
    this.#starting = null
    this.#previous = this.running
    this.running = release
    this.#oldFails = never
    this.#treatment = {
      release,
      resume: run?.resume ?? 0,
      startedMs: nowMs,
      state: 'running',
      cause: 'none',
      tries
    }
    this.#fails = fate.newFails(this.index, { stage, tries, nowMs })
  }

  /** An own failure is taken back at once, whatever the fleet says. */
  #fail(nowMs: number): void {
    const treatment = this.#treatment
    this.#fails = never
    if (treatment === null || treatment.startedMs > nowMs) return
    const { release, tries } = treatment
    this.failures++
    this.#takeBack()
    this.#treatment = { ...treatment, state: 'failed', cause: 'crash-loop', tries: tries + 1 }
    if (!this.#quarantine.some((one) => equal(one.release, release))) {
      this.#quarantine = [...this.#quarantine, { release, why: 'own', retryAtMs: null }]
    }
  }

  #takeBack(): void {
    this.#fails = never
    if (this.#previous === null) return
    this.running = this.#previous
    this.#previous = null
  }
}
