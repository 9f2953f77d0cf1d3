import { installed, Killed, releaseA, releaseB, type World } from '../cutover/world.ts'
import { problem, tell, type Story } from './stories.ts'

export interface Tally {
  runs: number
  half: number
  readonly faults: string[]
}

export interface Depth {
  /** Whether the machine lives on, or goes down with its daemon. */
  readonly alive: readonly boolean[]
  /** Kills again after so many points of the recovery, each by itself; `Infinity`: not again. */
  readonly again: readonly number[]
}

/** Points of a story that nobody interrupts: each journal write and each command is one. */
export function pointsOf(story: Story): number {
  const world = installed(releaseA, story.rules)
  tell(world, story)
  const fault = problem(world, story)
  if (fault !== null) throw new Error(`${story.name}: ${fault} though nobody was killed`)
  return world.points
}

/** Kills at every point of a story, and after each again while it recovers. */
export function killEverywhere(story: Story, { alive, again }: Depth, tally: Tally): void {
  const points = pointsOf(story)
  for (const isAlive of alive) {
    for (let first = 1; first <= points; first++) {
      for (const second of again) {
        const fault = survive(story, isAlive, [first, second])
        tally.runs++
        if (fault === null) continue
        tally.half++
        const what = isAlive ? 'daemon' : 'machine'
        tally.faults.push(`${story.name}: ${what} killed at ${first}, then ${second}: ${fault}`)
      }
    }
  }
}

function survive(story: Story, alive: boolean, kills: readonly number[]): string | null {
  const world = installed(releaseA, story.rules)
  for (const kill of [...kills, Infinity]) {
    world.killAfter = world.points + kill
    try {
      if (world.points > 0) world.restart(alive)
      tell(world, story)
      return problem(world, story)
    } catch (error) {
      if (!(error instanceof Killed)) return error instanceof Error ? error.message : 'it threw'
      if (!isWhole(world)) return 'half a pointer'
    }
  }
  return 'it never ended'
}

function isWhole({ pointer }: World): boolean {
  return pointer?.release === releaseA || pointer?.release === releaseB
}
