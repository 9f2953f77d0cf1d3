// What a node remembers of its own upgrades, over whole stories of the upgrade machine: each step
// of a machine on paper is handed on as the conductor does it.
import test from 'brittle'
import { HOUR, unreachable } from '../../lib/base/index.ts'
import { dueMs, plainPlan, step, type Command, type Event } from '../../lib/cutover/index.ts'
import { afterStep, notesOf, readRemembered, type Remembered } from '../../lib/node/remembered.ts'
import {
  installed,
  releaseA,
  releaseB,
  releaseC,
  type Rules,
  type World
} from '../cutover/world.ts'

const nothing: Remembered = {
  treatment: null,
  attempts: {},
  cores: [],
  applied: [],
  checks: null
}

/** A node on `releaseA`, and what it remembers of what comes next. */
class Story {
  remembered: Remembered = nothing
  resume = 0
  readonly world: World

  constructor(rules: Rules = {}) {
    this.world = installed(releaseA, rules)
  }

  /** One event and all that follows from it, as the machine on paper answers its commands. */
  tell(event: Event): void {
    const events = [event]
    for (let at = 0; at < events.length; at++) {
      const { state, nowMs } = this.world
      const next = step(state, events[at]!, nowMs)
      this.remembered = afterStep(this.remembered, next, {
        ms: nowMs,
        resumeOf: () => this.resume
      })
      this.world.state = next.state
      for (const command of next.commands) events.push(...answers(command, this.world.rules))
    }
  }

  pass(ms: number): void {
    const end = this.world.nowMs + ms
    for (let due = dueMs(this.world.state); due !== null && due <= end;) {
      this.world.nowMs = Math.max(this.world.nowMs, due)
      this.tell({ tag: 'tick' })
      due = dueMs(this.world.state)
    }
    this.world.nowMs = end
  }

  upgrade(release: string): void {
    this.tell({ tag: 'want', release, kind: 'code' })
    this.tell({ tag: 'go', release })
  }

  /** Release, state, tries and cause of the treatment, as one line. */
  get treatment(): string {
    const { treatment } = this.remembered
    if (treatment === null) return 'none'
    const { release, state, tries, cause } = treatment
    return `${release.slice(0, 1)} ${state} ${tries} ${cause}`
  }
}

function answers(command: Command, rules: Rules): readonly Event[] {
  switch (command.tag) {
    case 'preflight':
      return [{ tag: 'preflighted', op: command.op }]
    case 'fetch':
      return [{ tag: 'fetched', op: command.op }]
    case 'verify':
      return [{ tag: 'verified', op: command.op }]
    case 'place':
      return [{ tag: 'placed', op: command.op }]
    case 'prepare': {
      const times = { warmMs: 60_000, observeMs: 600_000 }
      const handover = rules.plan?.handover ?? 'overlap'
      const plan = { ...plainPlan, gen: '0-1', handover, ...times }
      return [{ tag: 'prepared', op: command.op, plan }]
    }
    case 'confirm':
      return [{ tag: 'confirmed', op: command.op }]
    case 'start': {
      const how = rules.start?.[command.release] ?? 'healthy'
      const { slot } = command
      if (how === 'exit') return [{ tag: 'exited', slot, restarting: false }]
      return [{ tag: how === 'healthy' ? 'healthy' : 'start-timeout', slot }]
    }
    case 'end':
      return [{ tag: 'ended', slot: command.slot }]
    case 'flip':
      return [{ tag: 'flipped', seq: command.pointer.seq }]
    case 'alarm':
    case 'arm':
    case 'disarm':
    case 'discard':
    case 'gc':
    case 'keep':
    case 'report':
    case 'route':
    case 'snapshot':
    case 'rehearse':
    case 'shadow':
    case 'end-shadow':
    case 'migrate':
    case 'down':
    case 'release':
    case 'takeover':
    case 'resume':
      return []
    default:
      return unreachable(command)
  }
}

test('a good upgrade is a treatment that goes on after the commit', (t) => {
  const story = new Story()
  story.resume = 3
  story.upgrade(releaseB)
  const { nowMs } = story.world
  t.is(story.treatment, 'b running 0 none')
  t.is(story.remembered.treatment?.startedMs, nowMs)
  t.is(story.remembered.treatment?.resume, 3)
  story.pass(HOUR)
  t.is(story.world.state.op, null, 'committed')
  t.is(story.treatment, 'b running 0 none')
  t.is(story.remembered.treatment?.startedMs, nowMs, 'its age counts from the start')
  t.alike(story.remembered.attempts, { [releaseB]: 1 })
})

test('a release that exits before it serves failed once, and is compared from that moment', (t) => {
  const story = new Story({ start: { [releaseB]: 'exit' } })
  story.upgrade(releaseB)
  t.is(story.treatment, 'b failed 1 crash-loop')
  t.is(story.remembered.treatment?.startedMs, story.world.nowMs)
  t.alike(story.remembered.attempts, { [releaseB]: 1 })
  t.is(story.world.state.pointer?.release, releaseA)
})

test('a take-back in the trial keeps the time at which the new version took charge', (t) => {
  const story = new Story()
  story.upgrade(releaseB)
  const startedMs = story.world.nowMs
  story.pass(20_000)
  story.tell({ tag: 'unhealthy', slot: 'b' })
  t.is(story.treatment, 'b failed 1 health')
  t.is(story.remembered.treatment?.startedMs, startedMs)
  t.is(story.world.state.pointer?.release, releaseA)
})

test('a start that takes too long is an illness, and an early exit a crash', (t) => {
  const slow = new Story({ start: { [releaseB]: 'timeout' } })
  slow.upgrade(releaseB)
  t.is(slow.treatment, 'b failed 1 health')
  const short = new Story()
  short.upgrade(releaseB)
  short.tell({ tag: 'exited', slot: 'b', restarting: false })
  t.is(short.treatment, 'b failed 1 crash-loop')
})

test('the one retry counts on: good after a failure, or failed twice', (t) => {
  const story = new Story({ start: { [releaseB]: 'exit' } })
  story.upgrade(releaseB)
  story.world.rules = {}
  story.tell({ tag: 'retry', release: releaseB })
  story.upgrade(releaseB)
  t.is(story.treatment, 'b running 1 none', 'the first failure is not forgotten')
  t.alike(story.remembered.attempts, { [releaseB]: 2 })
  story.tell({ tag: 'unhealthy', slot: 'b' })
  t.is(story.treatment, 'b failed 2 health')
})

test('a cause that lies with the machine is no failure of the release', (t) => {
  const story = new Story({ start: { [releaseB]: 'exit' } })
  story.tell({ tag: 'want', release: releaseB, kind: 'code' })
  const { op } = story.world.state
  story.tell({ tag: 'failed', op: op!.op, reason: 'disk' })
  t.is(story.treatment, 'none')
  t.alike(story.remembered.attempts, {}, 'it was never started')
  const bad = new Story({ start: { [releaseB]: 'exit' } })
  bad.tell({ tag: 'unhealthy', slot: 'a' })
  bad.upgrade(releaseB)
  t.is(bad.treatment, 'none', 'the old version was bad before (S76)')
  t.alike(bad.remembered.attempts, { [releaseB]: 1 })
})

test('a retry that the machine prevents leaves the first failure as it was', (t) => {
  const story = new Story({ start: { [releaseB]: 'exit' } })
  story.upgrade(releaseB)
  const first = story.remembered.treatment
  story.tell({ tag: 'retry', release: releaseB })
  story.tell({ tag: 'want', release: releaseB, kind: 'code' })
  story.tell({ tag: 'failed', op: story.world.state.op!.op, reason: 'disk' })
  t.alike(story.remembered.treatment, first)
  story.pass(HOUR)
  story.upgrade(releaseB)
  t.is(story.treatment, 'b failed 2 crash-loop', 'so that the second one is told as the second')
})

test('a retry that ends in its trial by no fault of its own is no running treatment', (t) => {
  const story = new Story({ start: { [releaseB]: 'exit' } })
  story.upgrade(releaseB)
  story.world.rules = {}
  story.tell({ tag: 'retry', release: releaseB })
  // Seen bad before: what follows is blamed on the machine.
  story.tell({ tag: 'unhealthy', slot: 'a' })
  story.upgrade(releaseB)
  story.tell({ tag: 'unhealthy', slot: 'b' })
  t.is(story.world.state.op?.state, 'back', 'the old version is not well yet')
  story.tell({ tag: 'healthy', slot: 'a' })
  t.is(story.treatment, 'b failed 1 taken-back')
})

test('an undo by the fleet ends the treatment and is no failure', (t) => {
  const story = new Story()
  story.upgrade(releaseB)
  story.pass(HOUR)
  const atMs = story.world.nowMs
  story.tell({ tag: 'undo', release: releaseB, atMs, why: 'halted' })
  story.tell({ tag: 'tick' })
  t.is(story.world.state.pointer?.release, releaseA)
  t.is(story.treatment, 'none')
})

test('an operator who goes back ends the treatment too', (t) => {
  const story = new Story()
  story.upgrade(releaseB)
  story.tell({ tag: 'rollback' })
  t.is(story.treatment, 'none')
})

test('the next release takes the place of the one before', (t) => {
  const story = new Story()
  story.upgrade(releaseB)
  story.pass(HOUR)
  story.upgrade(releaseC)
  t.is(story.treatment, 'c running 0 none')
  t.alike(story.remembered.attempts, { [releaseB]: 1, [releaseC]: 1 })
})

test('a first install is compared with nothing, and its attempt is counted', (t) => {
  const story = new Story()
  story.world.state = { ...story.world.state, pointer: null, slots: { a: null, b: null } }
  story.upgrade(releaseB)
  t.is(story.world.state.op?.state, 'trial')
  t.is(story.treatment, 'none')
  t.alike(story.remembered.attempts, { [releaseB]: 1 })
})

test("an operator's yes is used up when the release runs", (t) => {
  const story = new Story()
  story.remembered = { ...nothing, applied: [releaseB, releaseC] }
  story.upgrade(releaseB)
  t.alike(story.remembered.applied, [releaseC])
})

test('attempts of the newest eight releases are kept', (t) => {
  const story = new Story()
  const names = 'cdefghijkl'.split('').map((letter) => letter.repeat(52))
  story.world.rules = { start: Object.fromEntries(names.map((name) => [name, 'exit'] as const)) }
  for (const name of names) story.upgrade(name)
  t.alike(Object.keys(story.remembered.attempts), names.slice(-8))
})

test('notes carry all of it over a restart, and only what changed is written', (t) => {
  const story = new Story()
  story.upgrade(releaseB)
  const after = { ...story.remembered, cores: [releaseA], applied: [releaseC] }
  const notes = notesOf(nothing, after)
  t.alike(
    notes.map(([key]) => key),
    ['treatment', 'attempts', 'cores', 'applied']
  )
  t.alike(readRemembered(new Map(notes)), after)
  t.alike(notesOf(after, after), [])
  t.alike(notesOf(after, { ...after, cores: [] }), [['cores', '[]']])
  t.alike(readRemembered(new Map()), nothing)
})
