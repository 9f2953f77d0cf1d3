/**
 * Every byte that is signed, stored or sent, one file per record: `encodeX` and `decodeX`, strict
 * both ways. It knows layouts, ranges and limits. It does not know who may sign, whether a
 * signature is right, or what follows from a record; hashes and keys are 32 bytes to it.
 */
export {
  blob,
  bool,
  decodeWhole,
  encodeWhole,
  i16,
  i8,
  inOrder,
  isCritical,
  list,
  name,
  note,
  oneOf,
  opt,
  ppm,
  Reader,
  text,
  times,
  u16,
  u32,
  u8,
  uint,
  Writer,
  type Codec,
  type Ext
} from './codec/index.ts'
export { criticalExt, decodeBody, encodeBody, policyTags } from './authority/body.ts'
export type { KnownBody } from './authority/body.ts'
export { encodeControl, type Control } from './authority/control.ts'
export {
  decodeEntry,
  encodeEntry,
  entryBytes,
  normaliseEntries,
  parseEntry
} from './authority/entries.ts'
export type { Era } from './authority/era.ts'
export type { Floor, Head } from './authority/head.ts'
export {
  decodeCertificate,
  decodeInvite,
  decodeMembership,
  encodeCertificate,
  encodeInvite,
  encodeMembership,
  type Certificate,
  type CertificateFields,
  type Invite,
  type InviteFields,
  type Label,
  type Membership
} from './authority/membership.ts'
export {
  decodePolicy,
  encodePolicy,
  type OrderBound,
  type Policy,
  type Stage,
  type Waypoint,
  type Window
} from './authority/policy.ts'
export {
  decodeSource,
  encodeRelease,
  encodeSource,
  type Artifact,
  type CoreRef,
  type Release,
  type Source
} from './authority/release.ts'
export type { Revoke } from './authority/revoke.ts'
export {
  decodeStatement,
  encodeCanonical,
  encodeStatement,
  STATEMENT,
  type Body,
  type Entry,
  type Signature,
  type Statement,
  type StatementParts
} from './authority/statement.ts'
export {
  encodeTrust,
  ROLE,
  type Member,
  type Role,
  type RoleName,
  type Trust
} from './authority/trust.ts'
export {
  authIdsMax,
  authWantMax,
  bucketCount,
  BYE,
  decodeAuthIds,
  decodeAuthWant,
  decodeBuckets,
  decodeBye,
  decodeExchange,
  decodeHave,
  decodeHeads,
  decodeHello,
  decodeIds,
  decodeProof,
  decodePush,
  decodeSums,
  decodeWant,
  encodeAuthIds,
  encodeAuthWant,
  encodeBuckets,
  encodeBye,
  encodeExchange,
  encodeHave,
  encodeHeads,
  encodeHello,
  encodeIds,
  encodeProof,
  encodePush,
  encodeSums,
  encodeWant,
  exchangeMax,
  FRAME,
  fromSetKey,
  haveMax,
  HELLO_ROLE,
  idsMax,
  setKey,
  sumMax,
  type AuthId,
  type Buckets,
  type Bye,
  type FrameNumber,
  type Have,
  type Heads,
  type Hello,
  type Ids,
  type Proof,
  type Running,
  type SetRef,
  type Sum
} from './frames/index.ts'
export {
  decodeEvidence,
  decodeEvidenceBy,
  encodeEvidence,
  sealEvidence,
  shortenEvidence,
  type UnsignedEvidence
} from './evidence/envelope.ts'
export {
  type Attest,
  type Beacon,
  type Brake,
  type Cause,
  type Census,
  type Enrol,
  type Evidence,
  type EvidenceBody,
  type EvidenceDraft,
  type EvidenceName,
  type Metric,
  type Outcome,
  type Verdict,
  type Vote
} from './evidence/evidence.ts'
export {
  cardCanonical,
  decodeAnswer,
  decodeCard,
  decodeInviteFile,
  decodeRequest,
  encodeAnswer,
  encodeCard,
  encodeInviteFile,
  encodeRequest,
  type Answer,
  type Card,
  type CardFields,
  type InviteFile
} from './people.ts'
export { crc32 } from './crc.ts'
export { decodeJournal, encodeJournalLine, type Journal } from './journal.ts'
export {
  type BaseLine,
  type CompletedLine,
  type EdgeLine,
  type ExecLine,
  type GcLine,
  type HoldLine,
  type JournalDraft,
  type JournalLine,
  type NoteLine,
  type OpStateName,
  type QuarantineLine,
  type QuarantineWhy,
  type UnquarantineLine
} from './journal-line.ts'
export {
  decodePointer,
  encodePointer,
  isReleaseName,
  type Pair,
  type Pointer,
  type ReleaseName
} from './pointer.ts'
export {
  decodeCheckResult,
  decodeOtaJson,
  isReservedEnv,
  portVariable,
  stateFaults,
  type Argv,
  type CheckResult,
  type Handover,
  type Hook,
  type Kind,
  type Listen,
  type OtaJson,
  type Probe,
  type Responsibility,
  type StateBefore,
  type StateRules
} from './ota-json/index.ts'
export {
  decodeRecipe,
  isWithin,
  recipeFile,
  toolchainText,
  type Dependency,
  type Recipe
} from './recipe.ts'
export {
  bundleSumBytes,
  bundleTag,
  comparePapers,
  decodeBundleHead,
  decodeFrameHead,
  encodeBundleHead,
  encodeFrameHead,
  frameBytesMaxOf,
  frameHeadBytes,
  readPaper,
  type BundleHead,
  type Paper
} from './bundle.ts'
export {
  coreTableBytes,
  decodeCoreTable,
  decodeMirrorIndex,
  encodeCoreTable,
  encodeMirrorIndex,
  mirrorIndexBytesMax,
  type BlockEntry,
  type MirrorIndex
} from './mirror.ts'
