import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Ceremony } from './ceremony.ts'
import type { Fleet } from './fleet.ts'
import type { Load } from './load.ts'
import type { BadSeen, GoodSeen } from './outcome.ts'
import { start, stop } from './proc.ts'
import type { Shipped } from './releases.ts'
import type { Show } from './show.ts'

/** How long the demo waits for one thing to come true before it calls it a failure. */
const patienceMs = 120_000
/** How long it watches that a halted release is left alone. */
const quietMs = 6_000

/** Checkpoint 1 of the plan: only then a node is good, and the next one may go. */
const goodAfterMs = 3_000

/** The plan of both releases: *small*, with minutes shortened to seconds. */
const plan = {
  policy: 1,
  plan: 'small',
  prefetch: '1s',
  shadow: { policy: 'off' },
  gate: { checkpoints: ['1s', '3s', '6s', '30s', '60s'], settle: '1s', windowsOpen: '1s' },
  deadlines: { download: '60s', migrate: '10s', start: '20s', shadow: '10s', trial: '5s' },
  undoSpread: '2s'
}

/** Publishes and watches until what must come true has come true. */
export class Rollout {
  readonly #show: Show
  readonly #ceremony: Ceremony
  #seeder: ChildProcess | null = null

  constructor(show: Show, ceremony: Ceremony) {
    this.#show = show
    this.#ceremony = ceremony
  }

  /** The first release has no fleet yet: the publisher seeds until nodes hold it. */
  async publishFirst(shipped: Shipped, bootstrap: string): Promise<void> {
    await this.#ceremony.release(shipped, { plan, seeds: 0 })
    const { home } = this.#ceremony.publisher
    this.#seeder = start('ota-publish', ['seed', '--bootstrap', bootstrap, '--host', '127.0.0.1'], {
      cwd: home,
      logFile: join(home, 'seed.log'),
      env: { XDG_CONFIG_HOME: join(home, 'config'), XDG_STATE_HOME: join(home, 'state') }
    })
    this.#show.step(`http-server ${shipped.label} is published with 2 of 3 signatures`, {
      phase: 'published',
      label: shipped.label
    })
  }

  /** Waits for every node's first install, which is outside any plan. */
  async installed(fleet: Fleet, shipped: Shipped): Promise<void> {
    await this.#until(
      fleet,
      null,
      'first install',
      () => fleet.on(shipped.label) === fleet.members.length
    )
    // The publisher's store is needed for the next commit; the nodes carry the release from here.
    if (this.#seeder !== null) await stop(this.#seeder, 8_000)
    this.#show.step(`${fleet.members.length} nodes run ${shipped.label}; the publisher is gone`, {
      phase: 'installed',
      nodes: fleet.members.length
    })
  }

  async good(fleet: Fleet, load: Load, shipped: Shipped): Promise<GoodSeen> {
    const begun = performance.now()
    const release = await this.#ceremony.release(shipped, { plan, seeds: 2 })
    this.#show.step(
      `${shipped.label} is published, two nodes hold it whole, the publisher is gone`,
      {
        phase: 'published',
        label: shipped.label
      }
    )
    await this.#until(fleet, load, `rollout of ${shipped.label}`, () => {
      const upgraded = fleet.on(shipped.label)
      return upgraded === fleet.members.length && fleet.members.every(isDone(release))
    })
    return {
      upgraded: fleet.on(shipped.label),
      firstStage: startedFirst(fleet, release),
      completed: fleet.members.every(isDone(release)),
      seconds: Math.round((performance.now() - begun) / 1_000)
    }
  }

  async bad(
    fleet: Fleet,
    load: Load,
    shipped: { readonly good: Shipped; readonly bad: Shipped }
  ): Promise<BadSeen> {
    const begun = performance.now()
    const release = await this.#ceremony.release(shipped.bad, { plan, seeds: 2 })
    this.#show.step(
      `${shipped.bad.label} is published: it reports healthy and dies a moment later`,
      {
        phase: 'published',
        label: shipped.bad.label
      }
    )
    const halted = (): boolean =>
      fleet.members.every((member) => phaseOf(member, release) === 'halted')
    const total = fleet.members.length
    await this.#until(fleet, load, `halt of ${shipped.bad.label}`, () => {
      return halted() && fleet.on(shipped.good.label) === total
    })
    const before = attempts(fleet, release)
    const end = performance.now() + quietMs
    await this.#until(fleet, load, 'a quiet fleet', () => performance.now() > end)
    return {
      exposed: started(fleet, release),
      restored: fleet.on(shipped.good.label),
      halted: halted(),
      triedAgain: attempts(fleet, release) - before,
      seconds: Math.round((performance.now() - begun) / 1_000)
    }
  }

  async #until(
    fleet: Fleet,
    load: Load | null,
    what: string,
    reached: () => boolean
  ): Promise<void> {
    const deadline = performance.now() + patienceMs
    for (;;) {
      await fleet.refresh()
      this.#show.fleet(fleet, load, { phase: what, ...summary(fleet) })
      if (reached()) return
      if (performance.now() > deadline) {
        throw new Error(`${what} did not come about in ${patienceMs / 1_000} s`)
      }
      await new Promise((resolve) => setTimeout(resolve, 400))
    }
  }
}

type Member = Fleet['members'][number]

/** How often nodes started this release, retries included. */
function attempts(fleet: Fleet, release: string): number {
  return fleet.members.reduce((sum, member) => sum + attemptsOf(member, release), 0)
}

/** How many nodes ever started it. */
function started(fleet: Fleet, release: string): number {
  return fleet.members.filter((member) => attemptsOf(member, release) > 0).length
}

function attemptsOf(member: Member, release: string): number {
  return member.status?.attempts.find((attempt) => attempt.release === release)?.count ?? 0
}

function phaseOf(member: Member, release: string): string {
  const rollout = member.status?.rollout
  return rollout?.release === release ? rollout.phase : ''
}

function isDone(release: string): (member: Member) => boolean {
  return (member) => phaseOf(member, release) === 'completed'
}

/** How many took charge before the first of them can have reported good. */
function startedFirst(fleet: Fleet, release: string): number {
  const starts = fleet.members
    .map(({ status }) => status?.treatment)
    .filter((treatment) => treatment?.release === release)
    .map((treatment) => treatment?.startedMs ?? 0)
  const first = Math.min(...starts)
  return starts.filter((startedMs) => startedMs < first + goodAfterMs).length
}

/** Versions and verdicts of the fleet as counts. */
function summary(fleet: Fleet): Readonly<Record<string, string | number>> {
  const versions = new Map<string, number>()
  const phases = new Map<string, number>()
  for (const { status } of fleet.members) {
    const label = status?.running?.label ?? 'nothing'
    versions.set(label, (versions.get(label) ?? 0) + 1)
    if (status?.rollout) {
      const { label: of, phase, stage } = status.rollout
      const key = `${of} ${phase} ${stage}`
      phases.set(key, (phases.get(key) ?? 0) + 1)
    }
  }
  return { runs: list(versions), rollout: list(phases) || 'none' }
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} × ${count}`).join(', ')
}
