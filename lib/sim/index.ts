/**
 * A fleet on a seed: the same pure rooms that run a real node (trust, crowd, rollout), stepped by a
 * clock and dice of its own over thousands of machines that exist only here. It knows what a
 * machine would tell its node and how often releases fail; it judges nothing itself, signs no
 * evidence, and gives the same story for the same seed on every machine.
 */
export { SimClock } from './clock.ts'
export { SimDice, chance } from './dice.ts'
export { simEpochMs } from './network.ts'
export type { Lie } from './liars.ts'
export type { Effect } from './fate.ts'
export type { Partition, WorldOptions } from './options.ts'
export { World } from './world.ts'
export type { Ending, Moment, Point, Story } from './story.ts'
export { summarise, type Summary } from './summary.ts'
