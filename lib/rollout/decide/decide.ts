import { rolloutsOf } from '../../crowd/index.ts'
import { takeCensus } from '../say/census.ts'
import { adopt, advance } from '../stages/advance.ts'
import { isClockOff } from './against.ts'
import { choose, once } from './choose.ts'
import { Draft } from './draft.ts'
import { releasesOf, type ReleaseFacts } from './facts.ts'
import { report, verdict } from '../say/own.ts'
import { isNewer, liveOf, queuedBehind, statusOf } from './queue.ts'
import { Alarm, haltStageOf, newRun, undoes, type Scene } from '../stages/scene.ts'
import type { Decision, DecideInput, Run } from './types.ts'
import { viewOf } from './view.ts'

/**
 * What this node should do and say now. Pure: the same input gives the same decision on every
 * machine, so `why` can show it and anybody can recompute it. Unknown, unreadable or too little
 * means wait. The caller journals `memory` before it acts or says anything.
 */
export function decide(input: DecideInput): Decision {
  const alarm = new Alarm(input.nowMs)
  const releases = releasesOf(input.believed, input.self.channel)
  const draft = new Draft(input)
  const kept = rolloutsOf(input.believed)
  // What is held may be short of its quorum for a moment, between a new trust and the signatures
  // that carry the release over to it: who forgot that it is treated would never report (S91).
  draft.prune((hex) => kept.has(hex) || input.believed.held.has(hex))
  draft.noteAborts(releases)
  const live = liveOf(draft.input, releases)
  const scene = live === null ? null : { input: draft.input, facts: live, alarm }
  if (scene !== null) stepLive(scene, draft)
  noteCompleted(draft, releases)
  const open = live !== null && statusOf(draft.input, live) === 'open' ? live : null
  // whose clock is off would be believed by nobody, and its ages are wrong: it says nothing (S47)
  if (!isClockOff(input.network.clockSkewMs)) {
    for (const facts of releases) speak({ input: draft.input, facts, alarm }, draft)
    const newest = releases[releases.length - 1] ?? null
    const census = takeCensus(draft.input, open, { alarm, newest })
    draft.setCensus(census.memory)
    draft.say(census.say)
  }
  const chosen = choose({ draft, releases, live: open, alarm })
  const status = (wanted: 'halted' | 'completed') =>
    releases.filter((facts) => statusOf(draft.input, facts) === wanted || refused(facts, wanted))
  const queued = queuedBehind(draft.input, releases, open)
  const view = once(() => viewOf(draft.input, live ?? lastOf(draft, releases), { alarm, queued }))
  return {
    memory: draft.memory,
    act: chosen.act.tag === 'wait' ? { tag: 'wait', untilMs: alarm.untilMs } : chosen.act,
    untilMs: alarm.untilMs,
    halted: status('halted').map(({ id }) => id),
    completed: status('completed').map(({ id }) => id),
    say: draft.said,
    about: chosen.about,
    // sentences for people are made when they are read
    get conditions() {
      return chosen.conditions()
    },
    get view() {
      return view()
    }
  }
}

/** An abort is a quorum's: it stops a release like a halt, whatever the evidence said. */
function refused(facts: ReleaseFacts, wanted: 'halted' | 'completed'): boolean {
  return wanted === 'halted' && facts.aborted
}

/** The newest release with a run, for showing how the last rollout ended. */
function lastOf(draft: Draft, releases: readonly ReleaseFacts[]): ReleaseFacts | null {
  return releases.findLast(({ hex }) => draft.runOf(hex) !== null) ?? null
}

/** Moves the live rollout as far as it goes now, and says what is to be said about it. */
function stepLive(scene: Scene, draft: Draft): void {
  const { facts, input } = scene
  const { resume } = facts.rollout
  const held = draft.runOf(facts.hex)
  const before = held === null ? newRun(resume, input.nowMs) : resumed(scene, held)
  const adopted = adopt(scene, before)
  let run = adopted === before ? advance(scene, before) : adopted
  if ((run.phase === 'halted' || run.phase === 'completed') && run.learnedMs === null) {
    const haltStage = run.haltStage ?? haltStageOf(scene)
    run = { ...run, learnedMs: input.nowMs, haltStage }
  }
  draft.setRun(facts.hex, run)
}

/** A resume: new number, new reporters, E = 1. Undone: from the start; else from where it was. */
function resumed(scene: Scene, run: Run): Run {
  const { facts, input } = scene
  const { resume } = facts.rollout
  if (run.resume === resume) return run
  const fresh = newRun(resume, input.nowMs)
  const stage = run.phase === 'halted' && undoes(scene, run.haltStage ?? 1) ? 1 : run.stage
  if (facts.rollout.bands.small || stage <= 1) return fresh
  return { ...fresh, phase: 'filling', stage, saidStage: stage }
}

/** Completions learned from the majority get a time of their own, from which late joiners wait. */
function noteCompleted(draft: Draft, releases: readonly ReleaseFacts[]): void {
  for (const facts of releases) {
    if (facts.first || draft.runOf(facts.hex) !== null) continue
    if (statusOf(draft.input, facts) !== 'completed' || !isNewer(draft.input, facts)) continue
    const { nowMs } = draft.input
    const run = newRun(facts.rollout.resume, nowMs)
    draft.setRun(facts.hex, { ...run, phase: 'completed', away: true, learnedMs: nowMs })
  }
}

/** Outcomes of every rollout this node is enrolled in, and its verdicts. */
function speak(scene: Scene, draft: Draft): void {
  const held = draft.runOf(scene.facts.hex)
  if (held === null || held.resume !== scene.facts.rollout.resume) return
  const told = report(scene, held)
  const judged = verdict(scene, told.run)
  draft.say([...told.say, ...judged.say])
  draft.setRun(scene.facts.hex, judged.run)
}
