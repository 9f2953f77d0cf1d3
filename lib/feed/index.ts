/**
 * Hypercores on disk and wire, the only door to them: the feeds of a network as mailboxes whose
 * union counts, and the static core of each tree, built, fetched from few peers, made whole again
 * from installed files, counted and dropped. It knows no swarm, no statement and no decision; what
 * a block of a feed means is for its listeners to say.
 */
export { readBundle, type Bundle, type ReadBundleOptions } from './bundle/read.ts'
export { writeBundle, type BundleParts, type Carried } from './bundle/write.ts'
export { writeMirror, type MirrorParts } from './mirror/write.ts'
export { Mirrors, type MirrorTaker, type MirrorView } from './mirror/mirrors.ts'
export { feedKey } from './cores.ts'
export type { Progress } from './progress.ts'
export type { FeedAlarm } from './reader.ts'
export type { Seed } from './seeding.ts'
export type { PeerAlarm } from './sources.ts'
export type { StoreOptions } from './opened.ts'
export { Store } from './store.ts'
export type { FetchCoreOptions, FetchTreeOptions, Rebuilt } from './trees.ts'
export type { LocalTree } from './ways/ways.ts'
