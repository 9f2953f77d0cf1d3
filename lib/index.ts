/** Upswell for programs: everything that may be imported from the package, by name. */
export { EXIT, isOtaError, OtaError, type Code, type Facts } from './base/index.ts'
export { subscribe } from './subscribe/index.ts'
export type {
  AttestedEvent,
  BrakeEvent,
  FetchedEvent,
  FetchOptions,
  Freshness,
  FreshnessEvent,
  HaltedEvent,
  OwnStore,
  OwnSwarm,
  ReleaseEvent,
  ReleaseInfo,
  SubscribeOptions,
  Subscription,
  SubscriptionEvent,
  SubscriptionEventOf,
  SubscriptionEventTag,
  TurnEvent
} from './subscribe/index.ts'
