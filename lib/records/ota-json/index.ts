/**
 * `ota.json` of a tree: its shape and its one validator. It knows no file system and no process.
 */
export { isReservedEnv, portVariable } from './argv.ts'
export { decodeOtaJson } from './decode.ts'
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
