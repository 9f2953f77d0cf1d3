/**
 * Hands: the machine's clock, dice and disk; version folders, pointer and journal files; the
 * launcher that holds the app and its public port; probes. It performs the commands of `cutover`
 * and decides nothing: it knows no fleet and no network of peers, and of keys only how another
 * program signs with one.
 */
export { realClock } from './clock.ts'
export { readDescriptor } from './descriptor.ts'
export { realDice } from './dice.ts'
export { realDisk } from './disk.ts'
export { takeLock } from './files/lock.ts'
export type { LaunchConfig, LauncherView, SlotView, Traffic } from './launcher/config.ts'
export { runLauncher } from './launcher/run.ts'
export { socketPath } from './launcher/socket-path.ts'
export { Machine, type MachineOptions } from './machine.ts'
export { checkPatchMemory, makePatches } from './maker/make.ts'
export type { MadePatches } from './maker/order.ts'
export type { ReleaseFacts } from './performer.ts'
export { noLocalApp, type Facts, type LocalApp, type RunSpec } from './app/runspec.ts'
export { signWithAgent, type Agent } from './signer/agent.ts'
export { splitCommand } from './signer/argv.ts'
export { signWithCommand } from './signer/command.ts'
export { readSshPublicKey } from './signer/public-key.ts'
export { findJail, runJailed, type FindJail, type Jail, type JailFound } from './jail/jail.ts'
export type { JailEnd, JailJob, JailLimits, Place } from './jail/job.ts'
export {
  buildRelease,
  buildSource,
  hashBundle,
  openSource,
  packBuilt,
  type BuildOrder,
  type OpenSource,
  type SourceFacts
} from './source/build.ts'
export { SourceBuilder, writeSource } from './source/builder.ts'
export { makeBundle, type BundleFrom } from './source/git.ts'
export { workAside } from './work/aside.ts'
export { windowBits } from './work/memory.ts'
export { closeWorkshop, type Workshop } from './source/workshop.ts'
export { judgeListen, judgeSpawn, type Allowed, type AskedSpawn } from './rights/allowed.ts'
export { dropRights, findMeans, hardOpenFiles, whyNoProgram, type Dropped } from './rights/drop.ts'
export { checkWay, giveFolder } from './rights/folders.ts'
export { limitsOf, noLimits, stricter } from './rights/limits.ts'
export type { Limited, LimitedBy, Limits, LimitsView, Means } from './rights/limits.ts'
export { findUser, type AppUser } from './rights/user.ts'
export {
  capabilityNames,
  probeCapabilities,
  type Capabilities,
  type CapabilityName,
  type ProbeOptions
} from './jail/capabilities.ts'
export { showDestination, type Destination } from './netwatch/destination.ts'
export { judgeSeen, type Seen, type Verdict } from './netwatch/verdict.ts'
export { shadowMeans } from './shadow/means.ts'
export { Rehearsal, type RehearsalCommand, type RehearsalOptions } from './shadow/rehearsal.ts'
export { readShadowReport, showShadowReport, type ShadowReport } from './shadow/report.ts'
export {
  copyState,
  type CopyOptions,
  type CopyResult,
  type CopyWay,
  type StateCopy
} from './snapshot/copy.ts'
export { takeSnapshot, type Freezer, type Snapshot } from './snapshot/take.ts'
export { examine, isGrouped, type MachineFacts } from './doctor/examine.ts'
export { finding, judgeMachine, type Finding, type Insisted } from './doctor/findings.ts'
export { isUnitOf, serviceFile, unitFiles, type UnitFile, type UnitOf } from './unit/unit.ts'
export { makeRunSpec, readOtaJson, readRunSpec } from './app/runspec.ts'
export type { Home } from './files/home.ts'
