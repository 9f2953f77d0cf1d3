/**
 * The ceremony of people: keys and cards, found a network, pack, propose, review, sign, collect,
 * invite, and what goes out. Each verb is a function over what it is handed. It knows no flags, no
 * terminal and no swarm; it never judges for a node what a statement permits.
 */
export { placesAt, placesIn, type Desk, type Places } from './desk.ts'
export { fromLine, readLineFile, toLine, writeLineFile } from './papers/line.ts'
export {
  createKey,
  type NewKey,
  exportKey,
  feedPairs,
  importKey,
  listKeys,
  readCard,
  unlockKey,
  wipeKey,
  type KeyInfo,
  type UnlockedKey
} from './papers/keyfile.ts'
export {
  draftFrom,
  nameOf,
  readAnswer,
  readRequest,
  requestOf,
  type Draft
} from './papers/request.ts'
export { explainTrust, foundNetwork, warningsOf, type Founding } from './drafts/found.ts'
export { movedKeys, proposeTrust, refuseOrphans, type Rotation } from './drafts/rotate.ts'
export { demandComplete, isComplete, shortest, tally, type Side, type Tally } from './tally.ts'
export { keysFor, readTrustDraft, signDraft } from './sign.ts'
export {
  decodePackFile,
  encodePackFile,
  knownFolder,
  matchBuild,
  packFolder,
  readOtaJson,
  rememberPack,
  type PackFile,
  type Packed
} from './pack.ts'
export { heldRelease, proposeRelease, waitsFor, type Proposal } from './drafts/propose.ts'
export {
  artifactFor,
  hooksOf,
  reviewRelease,
  type ArtifactReview,
  type ReleaseReview
} from './review.ts'
export { currentTrust, draftControl, liftable, type ControlOptions } from './drafts/control.ts'
export { makeInvite, parseLabel, writeInvite, type InviteOptions } from './drafts/invite.ts'
