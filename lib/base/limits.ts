import { KIB, MIB, GIB } from './units.ts'

/**
 * Every maximum for what arrives from outside, each with its reason. A number that bounds foreign
 * data stands here and nowhere else.
 */

/** Canonical bytes of a release without signatures: it is pulled by every node of the fleet. */
export const releaseBytesMax = 8 * KIB
/** Canonical bytes of a trust: 64 members in 7 roles with labels fit. */
export const trustBytesMax = 40 * KIB
/** Canonical bytes of any other authority statement. */
export const authorityBytesMax = 12 * KIB
/** An authority statement with its signatures: one AUTH frame of 64 KiB carries it. */
export const statementBytesMax = 60 * KIB
/** One signature entry: key, signature and draw proof are 512 bytes. */
export const entryBytesMax = 600
/** Entries of a trust: twice each member of 16 roles and of the root it follows (S13). */
export const trustEntriesMax = 2_176
/** Entries of any other statement: twice 64 members of a role and 16 drawers (S13). */
export const statementEntriesMax = 160
/** An evidence statement on the wire. */
export const evidenceBytesMax = 1_024
/** Body of an evidence statement. */
export const evidenceBodyBytesMax = 256
/** Invite and certificate together. */
export const membershipBytesMax = 1_024
/** Statements kept short of their quorum, per signing key: drafts must not fill disks (S99). */
export const pendingPerKeyMax = 16
/** The authority set: above it what no longer matters is forgotten, never a refusal or a trust. */
export const authoritySetMax = 256
export const authoritySetBytesMax = 8 * MIB
/** Newest releases of a channel, which are never forgotten: live, waiting and last completed. */
export const releasesKeptMax = 8
/** Channels with a release in force: the set is for each of them. */
export const channelsMax = 8
/**
 * Statements that are never forgotten (refusals, floors, resumes, eras), per trust they name, and
 * revokes per key: whoever holds stolen keys fills the share of their trust, and no other.
 */
export const lastingMax = 1_024
/** Rivals of one trust version that are kept: two are the proof, more only take room (S17). */
export const rivalsMax = 16
/** Steps along the trust chain in one cycle (S20). */
export const trustStepsMax = 256
/** Feeds of a network. */
export const feedsMax = 4
/** One block of a feed. */
export const feedBlockBytesMax = 64 * KIB
/** Blocks behind the last useful statement, after which a feed is ignored (S27). */
export const feedJunkBlocksMax = 4_096
/** A frame of the gossip channel. */
export const frameBytesMax = 64 * KIB
/** Evidence statements in one frame. */
export const frameStatementsMax = 64

/** Entries of one tree: the largest npm tree measured had 8,711. */
export const treeEntriesMax = 50_000
export const pathBytesMax = 512
export const pathPartBytesMax = 255
export const pathDepthMax = 64
export const fileBytesMax = GIB
/** Head of a tree core, manifest and chunk table together (S32). */
export const headBytesMax = 5_000_000
export const chunkBytesMax = 256 * KIB
/** A manifest before compression: 50,000 entries of the longest tree measured need 4.6 MB. */
export const manifestBytesMax = 16 * MIB
/** A git bundle with its history: it is fetched whole before anything of it is judged. */
export const bundleBytesMax = 256 * MIB
/** Blocks of the core of a git bundle, but for the last. */
export const bundleBlockBytes = 64 * KIB
/** Dependencies that a recipe lists: more fit as one folder each. */
export const dependenciesMax = 512
/** Static cores open at one time, and peers asked for the blocks of one. */
export const openCoresMax = 3
export const fetchPeersMax = 8

/** Inbound connections, closed by us: hyperswarm enforces no inbound limit (S86). */
export const peersInMax = 32
export const peersOutMax = 16
/** Verifications of evidence signatures per second, in all and per connection. */
export const verifyPerSecondMax = 500
export const verifyPerPeerPerSecondMax = 100

/** One journal line. */
export const journalLineBytesMax = 4 * KIB
/** The journal is compacted when idle and above this. */
export const journalBytesMax = 256 * KIB
/** `ota.json` at the top of a tree. */
export const otaJsonBytesMax = 64 * KIB
/** A line on the launcher's or the control socket. */
export const socketLineBytesMax = 64 * KIB
/** Free space kept beside what an install needs. */
export const diskMarginBytes = 64 * MIB

/** Statements and evidence that one file or mirror carries: several authority sets. */
export const offlinePapersMax = 8_192
/** The same in bytes: they are held in memory while they are judged. */
export const offlinePapersBytesMax = 24 * MIB
/** Cores in one file or on one mirror: ten releases for six platforms, and some more. */
export const offlineCoresMax = 256
/** A block of any static core: a chunk of a tree, or a piece of a route. */
export const coreBlockBytesMax = 256 * KIB
