import { diskMarginBytes, equal, OtaError, toHex, type Code } from '../../../base/index.ts'
import { readBundle, type Bundle, type Carried } from '../../../feed/index.ts'
import { decodeStatement, type CoreRef, type Paper } from '../../../records/index.ts'
import {
  admit,
  toName,
  walkOn,
  type Believed,
  type KnownRelease,
  type Verdict
} from '../../../trust/index.ts'
import { amount, escapeText } from '../../frame/index.ts'
import { newestJoin } from './export.ts'
import type { Shelf } from './ports.ts'

/** What came of a file; ids are z32 names. */
export interface ImportView {
  readonly network: string
  readonly join: string
  /** Statements that are in force from now on, that were here, and that were not taken. */
  readonly statements: { readonly new: number; readonly known: number; readonly refused: number }
  /** Words of single keys that were taken. */
  readonly evidence: number
  /** Cores stored now, that were here, and that no release admitted here names. */
  readonly cores: { readonly new: number; readonly known: number; readonly left: number }
  /** Releases whose bytes are here now because of the file. */
  readonly releases: readonly string[]
  readonly refused: readonly RefusedView[]
  readonly message: string
}

export interface RefusedView {
  readonly id: string | null
  readonly code: Code
  readonly text: string
}

export interface ImportWish {
  /** Absolute path. */
  readonly file: string
  /** Null: the cores of all platforms. */
  readonly platform: string | null
  readonly signal?: AbortSignal
}

/** Rounds until nothing more is believed: a checkpoint may lie above what leads to it. */
const roundsMost = 4

/**
 * Takes a file in as if a peer had brought it. It is read whole first, and nothing of it is taken
 * unless all of it is what it says. Then the statements are judged on paper: only cores of releases
 * that would be admitted are stored, before the statements, so that who then looks for the bytes
 * finds them. Throws what `readBundle` throws, `NO_SPACE`, and the code of what was refused where
 * nothing of use was left.
 */
export async function importBundle(shelf: Shelf, wish: ImportWish): Promise<ImportView> {
  const { authority, disk } = shelf
  const { network } = authority.believed
  const { file, signal } = wish
  const bundle = await readBundle(disk, file, { network, ...(signal && { signal }) })
  const after = judged(authority.believed, bundle.papers, shelf.nowMs())
  const wanted = wantedOf(bundle, after, wish.platform)
  const cores = await storeCores(
    shelf,
    wanted.map(({ carried }) => carried)
  )
  const verdicts = await takeStatements(shelf, bundle.papers)
  const evidence = takeEvidence(shelf, bundle.papers)
  await dropStrange(shelf, cores.stored)
  const left = bundle.cores.length - wanted.length
  const releases = wanted.map(({ release }) => release)
  return viewOf(authority.believed, { verdicts, evidence, cores, left, releases })
}

/** What would be believed; nothing is written, and nobody hears of it. */
function judged(start: Believed, papers: readonly Paper[], nowMs: number): Believed {
  const statements = papers.flatMap(({ tag, bytes }) =>
    tag === 'statement' ? [decodeStatement(bytes)] : []
  )
  let believed = start
  for (let round = 0; round < roundsMost; round++) {
    const before = believed
    for (const statement of statements) {
      const verdict = admit(believed, statement, nowMs)
      if ('believed' in verdict && verdict.believed !== null) believed = verdict.believed
    }
    believed = walkOn(believed) ?? believed
    if (believed === before) break
  }
  return believed
}

interface Wanted {
  readonly carried: Carried
  readonly release: KnownRelease
}

/** S31, S33: bytes are taken for a release that has its quorum here, and for no other reason. */
function wantedOf(bundle: Bundle, { releases }: Believed, platform: string | null): Wanted[] {
  return bundle.cores.flatMap((carried) => {
    const release = releases.find((one) => named(one, platform).some(isSame(carried.core)))
    return release === undefined ? [] : [{ carried, release }]
  })
}

function named({ body }: KnownRelease, platform: string | null): readonly CoreRef[] {
  const mine = body.artifacts.filter((one) => platform === null || one.platform === platform)
  const cores = mine.flatMap(({ tree, patch }) => (patch === null ? [tree] : [tree, patch]))
  return body.source === null ? cores : [...cores, body.source.core]
}

function isSame(a: CoreRef): (b: CoreRef) => boolean {
  return (b) => equal(a.key, b.key) && a.blocks === b.blocks && a.bytes === b.bytes
}

interface Cores {
  readonly stored: readonly CoreRef[]
  readonly known: number
}

async function storeCores(shelf: Shelf, all: readonly Carried[]): Promise<Cores> {
  const missing: Carried[] = []
  for (const carried of all) {
    if (!(await shelf.store.hasWhole(carried.core))) missing.push(carried)
  }
  await checkSpace(shelf, missing)
  // The store makes the key again from the blocks as they come: the file may have changed since.
  const stored: CoreRef[] = []
  try {
    for (const carried of missing) {
      await shelf.store.buildTreeCore(carried)
      stored.push(carried.core)
    }
  } catch (error) {
    for (const core of stored) await shelf.store.drop(core)
    throw error
  }
  return { stored, known: all.length - missing.length }
}

/** S75: the blocks, and once more while they are written. */
async function checkSpace({ disk, home }: Shelf, missing: readonly Carried[]): Promise<void> {
  const bytes = missing.reduce((sum, { core }) => sum + core.bytes, 0)
  if (bytes === 0) return
  const [have, need] = [await disk.freeBytes(home), 2 * bytes + diskMarginBytes]
  if (have >= need) return
  throw new OtaError('NO_SPACE', `the import needs ${need} free bytes, "${home}" has ${have}`, {
    facts: { have, need }
  })
}

async function takeStatements(shelf: Shelf, papers: readonly Paper[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const { tag, bytes } of papers) {
    if (tag === 'statement') verdicts.push(await shelf.authority.intake(bytes, 'bundle'))
  }
  return verdicts
}

function takeEvidence({ hear }: Shelf, papers: readonly Paper[]): number {
  const said = papers.filter(({ tag }) => tag === 'evidence').map(({ bytes }) => hear(bytes))
  return said.filter(({ answer }) => answer === 'accepted').length
}

/** What the statements turned out not to name does not stay on this disk. */
async function dropStrange({ authority, store }: Shelf, stored: readonly CoreRef[]): Promise<void> {
  const { releases } = authority.believed
  for (const core of stored) {
    if (releases.some((one) => named(one, null).some(isSame(core)))) continue
    await store.drop(core)
  }
}

interface Done {
  readonly verdicts: readonly Verdict[]
  readonly evidence: number
  readonly cores: Cores
  readonly left: number
  readonly releases: readonly KnownRelease[]
}

function viewOf(believed: Believed, done: Done): ImportView {
  const { verdicts, evidence, cores, left } = done
  const refused = verdicts.flatMap(refusedOf)
  const known = verdicts.filter(({ tag }) => tag === 'known' || tag === 'improved').length
  const fresh = verdicts.length - known - refused.length
  const releases = uniqueReleases(done.releases)
  const stored = cores.stored.length
  const isIdle = fresh + known === 0 || (left > 0 && stored + cores.known === 0)
  const [first] = refused
  if (isIdle && first !== undefined) {
    const name = first.id === null ? 'a statement' : `statement ${first.id.slice(0, 8)}`
    throw new OtaError(first.code, `nothing of the file is of use: ${name}: ${first.text}`, {
      facts: { refused: refused.length, left }
    })
  }
  const labels = releases.map(({ body }) => `"${escapeText(body.label)}"`).join(', ')
  const bytes = releases.length === 0 ? 'no bytes for this machine' : `the bytes of ${labels}`
  return {
    network: toName(believed.network),
    join: newestJoin(believed),
    statements: { new: fresh, known, refused: refused.length },
    evidence,
    cores: { new: stored, known: cores.known, left },
    releases: releases.map(({ id }) => toName(id)),
    refused,
    message: `took ${amount(fresh, 'new statement')} and ${bytes}`
  }
}

function refusedOf(verdict: Verdict): readonly RefusedView[] {
  if (verdict.tag !== 'refused' && verdict.tag !== 'pending') return []
  const { id, code, message } = verdict
  return [{ id: id === null ? null : toName(id), code, text: message }]
}

function uniqueReleases(all: readonly KnownRelease[]): readonly KnownRelease[] {
  const byId = new Map<string, KnownRelease>(all.map((one) => [toHex(one.id), one]))
  return [...byId.values()]
}

/** One line a refusal, for people. */
export function refusedLines({ refused }: Pick<ImportView, 'refused'>): readonly string[] {
  return refused.map(({ id, code, text }) => {
    const name = id === null ? 'a statement' : id.slice(0, 8)
    return `${name} not taken: ${code}: ${escapeText(text)}`
  })
}
