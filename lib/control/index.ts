/**
 * The local interface of a daemon: HTTP over the unix socket of its home, for status, why, events
 * and the operator's words. It knows sentences and JSON, not how a decision is made.
 */
export type { Controlled, ConditionView } from './api.ts'
export { callDaemon, type Call } from './client.ts'
export { ControlServer } from './server.ts'
