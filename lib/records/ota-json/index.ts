/**
 * `ota.json` of a tree: its shape and its one validator. It knows no file system and no process.
 */
export { isReservedEnv, portVariable } from './argv.ts'
export { stateFaults, type StateBefore } from './change.ts'
export { decodeOtaJson } from './decode.ts'
export { decodeCheckResult, type CheckResult } from './result.ts'
export type {
  Argv,
  Handover,
  Hook,
  Kind,
  Listen,
  OtaJson,
  Probe,
  Responsibility,
  StateRules
} from './types.ts'
