import { equal, OtaError, type Bytes, type Disk } from '../../../base/index.ts'
import { packTree } from '../../../artifact/index.ts'
import { writeBundle, type Carried } from '../../../feed/index.ts'
import type { Artifact, CoreRef } from '../../../records/index.ts'
import {
  admittedReleases,
  formatJoin,
  toName,
  type Believed,
  type KnownRelease
} from '../../../trust/index.ts'
import { amount, escapeText, findByName, formatSize } from '../../frame/index.ts'
import { papersOf } from './papers.ts'
import type { Shelf } from './ports.ts'

/** What went into a file; ids are z32 names. */
export interface ExportView {
  readonly file: string
  /** Newest join string, with its checkpoint: all that a node needs beside the file. */
  readonly join: string
  readonly releases: readonly string[]
  readonly papers: number
  readonly cores: number
  /** Stored bytes of the cores. */
  readonly bytes: number
  readonly message: string
}

/** Releases whose bytes are wanted, and the platform of whoever has only its own. */
export interface ExportWish {
  /** Absolute path. */
  readonly file: string
  readonly release: KnownRelease | null
  /** Without a release: the newest of this channel, or of every one. */
  readonly channel: string | null
  /** Null: all platforms of the release. */
  readonly platform: string | null
  readonly signal?: AbortSignal
  readonly onBytes?: (bytes: number) => void
}

/**
 * Writes what is believed here and the bytes of one release (of each channel, if none is named)
 * into one file. Throws `INCOMPLETE` where the bytes of a tree are not here; patches go along as
 * far as they are whole.
 */
export async function exportBundle(shelf: Shelf, wish: ExportWish): Promise<ExportView> {
  const { authority, disk } = shelf
  const { believed } = authority
  const releases = wish.release === null ? newestOf(believed, wish.channel) : [wish.release]
  const papers = papersOf(shelf, wish.release)
  const cores: Carried[] = []
  for (const known of releases) {
    cores.push(...(await coresOf(shelf, known, { platform: wish.platform, partial: false })))
  }
  const { network } = believed
  const { file, signal, onBytes } = wish
  const more = { ...(signal && { signal }), ...(onBytes && { onBytes }) }
  await writeBundle(disk, file, { network, papers, cores, ...more })
  const bytes = cores.reduce((sum, { core }) => sum + core.bytes, 0)
  const labels = releases.map(({ body }) => `"${escapeText(body.label)}"`).join(', ')
  const what = releases.length === 0 ? 'no release' : labels
  const counts = `${amount(papers.length, 'statement')}, ${amount(cores.length, 'core')}`
  return {
    file,
    join: newestJoin(believed),
    releases: releases.map(({ id }) => toName(id)),
    papers: papers.length,
    cores: cores.length,
    bytes,
    message: `wrote ${file}: ${what}, ${counts}, ${formatSize(bytes)}`
  }
}

/** With the checkpoint of the current trust. */
export function newestJoin({ network, trust, checkpoint }: Believed): string {
  const newest = trust === null ? checkpoint : { version: trust.body.version, id: trust.id }
  return formatJoin(network, newest)
}

/** The release that a word names; the newest ones where there is no word. */
export function wishedRelease({ releases }: Believed, word: string): KnownRelease | null {
  if (word === '') return null
  const id = findByName(
    word,
    releases.map((one) => one.id),
    'release'
  )
  return releases.find((one) => equal(one.id, id)) ?? null
}

function newestOf(believed: Believed, channel: string | null): readonly KnownRelease[] {
  const all = channel === null ? believed.releases.map(({ body }) => body.channel) : [channel]
  return [...new Set(all)].flatMap((one) => admittedReleases(believed, one).slice(0, 1))
}

/**
 * The cores of a release that are here. `partial`: a tree that is not here is left out; else it is
 * `INCOMPLETE`. Null for the platform: all of them.
 */
export async function coresOf(
  shelf: Shelf,
  known: KnownRelease,
  { platform, partial }: { readonly platform: string | null; readonly partial: boolean }
): Promise<readonly Carried[]> {
  const { body } = known
  const wanted = body.artifacts.filter((one) => platform === null || one.platform === platform)
  const found: Carried[] = []
  for (const artifact of wanted) {
    const tree = await treeOf(shelf, known.id, artifact)
    if (tree === null && partial) continue
    if (tree === null) {
      const text = `the bytes of "${escapeText(body.label)}" for ${artifact.platform} are not here`
      throw new OtaError('INCOMPLETE', text, {
        hint: 'export it where all of it is: on a node that installed it, or where it was packed'
      })
    }
    found.push(tree)
    if (artifact.patch === null || !(await shelf.store.hasWhole(artifact.patch))) continue
    found.push(stored(shelf, artifact.patch))
  }
  const source = body.source?.core ?? null
  const hasSource = source !== null && (await shelf.store.hasWhole(source))
  return hasSource ? [...found, stored(shelf, source)] : found
}

/** From the store, or made again from the installed files where that gives the same bytes. */
async function treeOf(
  { store, disk, versionOf }: Shelf,
  release: Bytes,
  { tree, treeDigest, platform }: Artifact
): Promise<Carried | null> {
  if (await store.hasWhole(tree)) return stored({ store }, tree)
  const folder = versionOf(release)
  if (folder === null || !(await isFolder(disk, folder))) return null
  const pack = await packTree(disk, folder, platform)
  const isSame = equal(pack.treeDigest, treeDigest) && equal(pack.core.key, tree.key)
  return isSame ? { core: tree, blocks: () => pack.blocks() } : null
}

async function isFolder(disk: Disk, path: string): Promise<boolean> {
  return (await disk.stat(path))?.type === 'folder'
}

function stored({ store }: Pick<Shelf, 'store'>, core: CoreRef): Carried {
  return { core, blocks: () => store.blocks(core) }
}
