import { toHex } from '../base/index.ts'
import type { Pool, Rollout } from '../crowd/index.ts'
import type { Evidence } from '../records/index.ts'
import type { Decision, RolloutMemory, RolloutView } from '../rollout/index.ts'
import { Agent } from './agent.ts'
import { Attention } from './attention.ts'
import { keyOf, poolOf, type Fleet } from './fleet.ts'
import type { SimNetwork } from './network.ts'
import { SharedView } from './shared-view.ts'
import type { Ending } from './story.ts'
import type { Bytes } from '../base/index.ts'

type Run = RolloutMemory['runs'][string]

/**
 * The part of a fleet that hears the same: all of it, or what is left of it on one side of a
 * partition. Everybody in it shares one view of the evidence.
 */
export class Side {
  readonly pool: Pool
  readonly shared: SharedView
  /** Runs nothing and says nothing: through its eyes the side sees its phase change. */
  readonly watcher: Agent
  readonly attention: Attention
  /** Who is asked at every event. */
  readonly followers = new Set<Agent>()
  /** Said here, and heard by all one tick later. */
  outbox: Evidence[] = []
  /** Said on the other side while the fleet was apart. */
  owed: Evidence[] = []
  view: RolloutView | null = null
  /** Stage whose turns are set, and the moment they count from. */
  openedStage = 0
  openedMs = 0
  readonly #hex: string
  #seen = ''

  constructor(rollout: Rollout, network: SimNetwork, it: { fleet: Fleet; salt: Bytes }) {
    const key = keyOf(it.salt, it.fleet.size)
    this.watcher = new Agent(it.fleet.size, key, network.old)
    this.pool = poolOf(network, key)
    this.shared = new SharedView(this.pool)
    this.attention = new Attention(rollout, network.id, it.fleet)
    this.#hex = toHex(network.release)
  }

  /** Takes in what was said; true if anything of it is news. */
  hear(nowMs: number): boolean {
    let isNews = false
    const heard = this.outbox
    this.outbox = []
    for (const evidence of heard) {
      if (this.pool.add(evidence, nowMs).answer === 'accepted') isNews = true
    }
    return isNews
  }

  /** What the fleet knows of the rollout here. */
  get run(): Run | undefined {
    return this.watcher.memory.runs[this.#hex]
  }

  get ending(): Ending | null {
    const phase = this.view?.phase
    return phase === 'halted' || phase === 'completed' || phase === 'stalled' ? phase : null
  }

  /** Whether what everybody goes by has changed: asked once per look of the watcher. */
  note({ view, memory }: Decision): boolean {
    const run = memory.runs[this.#hex]
    const seen = [
      view.phase,
      view.stage,
      view.reading.tag,
      run?.held,
      run?.solo,
      run?.bakeMs,
      run?.startMs,
      run?.calledUp
    ].join(' ')
    const isSame = seen === this.#seen
    this.#seen = seen
    this.view = view
    return !isSame
  }
}
