/**
 * Words all rooms share: coded errors, limits, units, bytes, and the shapes of what the outside
 * hands in (clock, dice, disk, log). It knows nothing of releases, keys or networks.
 */
export * from './assert.ts'
export * from './bytes.ts'
export { EXIT, type Code } from './codes.ts'
export * from './errors.ts'
export * from './limits.ts'
export type * from './ports.ts'
export * from './units.ts'
