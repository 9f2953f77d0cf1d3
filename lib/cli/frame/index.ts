/**
 * The frame both programs hang in: one command table drives dispatch, help and "did you mean"; one
 * object speaks to people or in NDJSON; exit numbers come from error codes. It knows no release.
 */
export { runMain } from './main.ts'
export { runProgram } from './program.ts'
export type { Command, Context, Outcome, Program } from './program.ts'
export type { Flags, FlagTable } from './flags.ts'
export type { Output, Value } from './output.ts'
export { firstLine } from './prompt.ts'
export { suggest } from './suggest.ts'
export { amount, escapeText, findByName, formatTime, table } from './text.ts'
export {
  formatDuration,
  formatShare,
  formatSize,
  parseCount,
  parseDuration,
  parseShare,
  parseSize
} from './units.ts'
