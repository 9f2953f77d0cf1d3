/**
 * What to do now. It knows the policy of a release (ranges, presets, the file a person writes), the
 * gate that compares treated and control nodes, the queue of a channel and the stages of a rollout,
 * and answers one question: given what is believed, what the fleet reports and what this node is,
 * what should this node do and say. It knows no clock, wire or disk, and does nothing itself.
 */
export { defaultPolicy } from './plan/defaults.ts'
export { marginBuckets } from './gate/ladder.ts'
export { bucketOf, Sketch } from './gate/sketch.ts'
export { metricsOf, withExtras, type MetricSpec } from './plan/extras.ts'
export { checkPolicy, leastMs, smallWidth } from './plan/policy.ts'
export { compilePlan, presetFor, s18, withFixes } from './plan/presets.ts'
export { readPolicyFile, type PolicyFile } from './plan/file.ts'
export {
  firstAgainst,
  standings,
  type AgainstId,
  type Answer,
  type Moment
} from './decide/against.ts'
export { decide } from './decide/decide.ts'
export { judgedOf } from './decide/facts.ts'
export { offerFor } from './decide/offer.ts'
export { wishAgainst, type Wishes } from './decide/operator.ts'
export { windowsAt, type WindowState, type ZoneOffset } from './decide/windows.ts'
export {
  emptyMemory,
  type Act,
  type Condition,
  type DecideInput,
  type Decision,
  type Measured,
  type NodeFacts,
  type Phase,
  type RolloutMemory,
  type RolloutView,
  type SelfFacts,
  type Treatment
} from './decide/types.ts'
