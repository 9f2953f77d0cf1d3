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
export { explainTrust, foundNetwork, warningsOf } from './drafts/found.ts'
export { movedKeys, proposeTrust, refuseOrphans, type Rotation } from './drafts/rotate.ts'
export { demandComplete, shortest, tally, type Tally } from './tally.ts'
export { keysFor, readTrustDraft, signDraft } from './sign.ts'
export {
  decodePackFile,
  encodePackFile,
  knownFolder,
  packFolder,
  readOtaJson,
  rememberPack,
  type PackFile
} from './pack.ts'
export { heldRelease, proposeRelease, waitsFor, type Proposal } from './drafts/propose.ts'
export { hooksOf, reviewRelease, type ArtifactReview, type ReleaseReview } from './review.ts'
export { currentTrust, draftControl, liftable, type ControlOptions } from './drafts/control.ts'
export { makeInvite, parseLabel, writeInvite } from './drafts/invite.ts'
