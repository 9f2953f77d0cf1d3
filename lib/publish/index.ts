/**
 * The ceremony of people: keys and cards, found a network, pack, propose, review, sign, collect,
 * invite, and what goes out. Each verb is a function over what it is handed. It knows no flags, no
 * terminal and no swarm; it never judges for a node what a statement permits.
 */
export { placesAt, placesIn, type Desk } from './desk.ts'
export { fromLine, readLineFile, toLine } from './papers/line.ts'
export {
  createKey,
  exportKey,
  feedPairs,
  importKey,
  keyElsewhere,
  listKeys,
  unlockKey,
  wipeKey,
  type Elsewhere,
  type KeyInfo,
  type NewKey,
  type SigningKey,
  type UnlockedKey
} from './papers/keyfile.ts'
export { readCard } from './papers/card.ts'
export {
  draftFrom,
  nameOf,
  readAnswers,
  readRequest,
  requestOf,
  type Answers,
  type Draft
} from './papers/request.ts'
export { explainTrust, foundNetwork, warningsOf, type Builder } from './drafts/found.ts'
export {
  dropEverywhere,
  movedKeys,
  proposeTrust,
  replaceSigner,
  type Newcomer,
  type Rotation
} from './drafts/rotate.ts'
export {
  endedByEpoch,
  idleAnswers,
  improvedReleases,
  refuseOrphans,
  type ReleaseAnswer,
  type Taken
} from './drafts/orphans.ts'
export { highestSigned } from './papers/journal.ts'
export { demandComplete, shortest, tally, type Tally } from './tally.ts'
export {
  hasPart,
  isNamedDrawer,
  keysFor,
  listTrustDrafts,
  readTrustDraft,
  signDraft
} from './sign.ts'
export {
  decodePackFile,
  encodePackFile,
  forgetPack,
  keepPack,
  knownFolder,
  packFolder,
  readOtaJson,
  type PackFile,
  type Packed
} from './pack.ts'
export { findLint, type Lint } from './lint.ts'
export { lastBases, namedBases, type Base, type Earlier } from './patches/bases.ts'
export { dropPatchFile, keptPatches } from './patches/cache.ts'
export type { Download, Downloads } from './patches/downloads.ts'
export { makePatchCore, type PatchesMade } from './patches/make.ts'
export type { MissingTree } from './patches/trees.ts'
export {
  encodeSourceFile,
  forgetSource,
  keepSource,
  knownBundle,
  needJail,
  packSource,
  readSourceFile,
  sourceCore
} from './source.ts'
export { heldRelease, proposeRelease, waitsFor, type Proposal } from './drafts/propose.ts'
export {
  hooksOf,
  reviewRelease,
  type ArtifactReview,
  type OwnBuild,
  type ReleaseReview
} from './review.ts'
export type { Difference, FileLine } from './compare.ts'
export {
  currentTrust,
  draftControl,
  inForce,
  labelsOf,
  type Against,
  type ControlOptions,
  type InForce
} from './drafts/control.ts'
export {
  keptInvites,
  makeInvite,
  parseLabel,
  readInvite,
  writeInvite,
  type KeptInvite
} from './drafts/invite.ts'
export { draftRevoke, type Ended } from './drafts/revoke.ts'
export { actorFor } from './acts/actor.ts'
export { compareBuild, refuseUntrue, type Compared } from './acts/attest.ts'
export { checkBrakeTime, parseReason, refuseBrake, type BrakeWish } from './acts/brake.ts'
export { readActed } from './acts/acted.ts'
export { highestSeq, signAttest, signBeacon, signBrake } from './acts/sign.ts'
