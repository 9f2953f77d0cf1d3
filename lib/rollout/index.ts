/**
 * What to do now. It knows the policy of a release (ranges, presets, the file a person writes), the
 * gate that compares treated and control nodes, the queue of a channel and the stages of a rollout,
 * and answers one question: given what is believed, what the fleet reports and what this node is,
 * what should this node do and say. It knows no clock, wire or disk, and does nothing itself.
 */
export { defaultCheckpointsMs, defaultPolicy } from './plan/defaults.ts'
export { checkPolicy, leastMs, smallWidth } from './plan/policy.ts'
export {
  compilePlan,
  presetFor,
  s18,
  withQuotas,
  type PlanCensus,
  type Preset
} from './plan/presets.ts'
export { readPolicyFile, type PolicyFile } from './plan/file.ts'
export { decide } from './decide/decide.ts'
export {
  conditionOrder,
  emptyMemory,
  type Act,
  type Condition,
  type ConditionId,
  type DecideInput,
  type Decision,
  type NetworkFacts,
  type NodeFacts,
  type Phase,
  type Quarantined,
  type RolloutMemory,
  type RolloutView,
  type SelfFacts,
  type Treatment
} from './decide/types.ts'
