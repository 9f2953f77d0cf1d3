/**
 * The embeddable library: it follows one network inside somebody else's program, says what was
 * released, whose turn has come and what was halted, and brings checked bytes into a folder. It
 * knows the rooms that judge and carry; it starts, stops and replaces nothing.
 */
export { subscribe } from './subscribe.ts'
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
} from './subscription.ts'
