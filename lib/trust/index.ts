/**
 * Who may say what: hashes and ids, keys, the trust chain, quorums, permission and refusal, order,
 * draw values and seeds, slots of invites, and `admit`, which judges one statement against what is
 * believed. It knows neither where a statement came from nor where it is kept, and no clock decides
 * what it believes.
 */
export { Hasher, hash, hash128 } from './hash.ts'
export { isKey, keyPairFromSeed, sign, verify, type KeyPair } from './keys.ts'
export { fromLongName, fromName, toName, toShortName } from './names.ts'
export {
  boxCost,
  boxCostMax,
  boxNonceBytes,
  boxSaltBytes,
  openSecret,
  sealSecret,
  wipe,
  type BoxCost,
  type BoxOptions
} from './secretbox.ts'
export { evidenceId, networkIdOf, networkOfFirst, statementId } from './ids.ts'
export { signEvidence, signStatement, verifyEvidence } from './sign.ts'
export { formatJoin, parseJoin, type Join } from './join.ts'
export {
  buildAnchor,
  checkProof,
  draw64,
  drawHash,
  drawValues,
  proofAt,
  seedOf,
  type Anchor,
  type DrawClaim
} from './draw.ts'
export { releaseSeed } from './belief/drawers.ts'
export type {
  AnyKnown,
  Known,
  KnownControl,
  KnownEra,
  KnownOther,
  KnownRelease,
  KnownRevoke,
  KnownTrust
} from './belief/known.ts'
export { countSigners, hasKey, isMet, keysOf, membersOf, type Count } from './belief/quorum.ts'
export type { Checkpoint } from './belief/chain.ts'
export type { Standing } from './belief/standing.ts'
export type { Base, Believed, Held } from './belief/believed.ts'
export { believeNothing, expired, isBelowCheckpoint, releaseOf, walkOn } from './belief/settle.ts'
export { admittedReleases, compareOrder, equalNumbers } from './belief/order.ts'
export {
  admit,
  Admission,
  judgeAllOffline,
  judgeOffline,
  readStatement,
  restore,
  verdictOf,
  type AdmissionOptions,
  type Judgement,
  type Restored,
  type Ruling,
  type Stored,
  type Told,
  type Verdict
} from './intake/index.ts'
export {
  excludedKeys,
  isLifted,
  permission,
  refusals,
  resumeNumber,
  widenedTo,
  type Permission,
  type Refusals
} from './views/permission.ts'
export { drawProof, type DrawProof, type NamedDraw } from './views/draw-proof.ts'
export { authorityDigest, liveIds } from './views/digest.ts'
export { signedDateMs } from './views/signed-date.ts'
export { certificateId, verifyMembership, type NoSeat, type Seat } from './membership.ts'
export { Slots, type Seated } from './slots.ts'
