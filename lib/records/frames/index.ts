/**
 * The frames of the gossip channel: what each holds, its numbers and its limits. They know nothing
 * of connections, and what they carry stays foreign until `trust` or `crowd` has judged it.
 */
export * from './authority.ts'
export * from './evidence.ts'
export * from './hello.ts'
export * from './link.ts'
export * from './set-ref.ts'
export * from './walk.ts'

/** Number of each message: the order in which they are added to the channel; append only. */
export const FRAME = {
  push: 0,
  have: 1,
  want: 2,
  sums: 3,
  buckets: 4,
  ids: 5,
  exchange: 6,
  bye: 7,
  auth: 8,
  heads: 9,
  authIds: 10,
  authWant: 11,
  proof: 12
} as const

export type FrameNumber = (typeof FRAME)[keyof typeof FRAME]
