import { writeMirror, type Carried } from '../../../feed/index.ts'
import { decodeEvidence, type CoreRef } from '../../../records/index.ts'
import {
  admittedReleases,
  evidenceId,
  toName,
  type Believed,
  type KnownRelease
} from '../../../trust/index.ts'
import { amount, formatSize } from '../../frame/index.ts'
import { coresOf, newestJoin } from './export.ts'
import { evidenceOf } from './papers.ts'
import type { Shelf } from './ports.ts'

/** What a mirror holds now; ids are z32 names. */
export interface MirrorView {
  readonly folder: string
  readonly join: string
  readonly releases: readonly string[]
  readonly statements: number
  readonly cores: number
  /** Bytes of cores written now. */
  readonly written: number
  readonly message: string
}

export interface MirrorWish {
  /** Absolute path. */
  readonly folder: string
  /** Releases whose cores are written, as far as they are here. */
  readonly releases: readonly KnownRelease[]
  /** Releases whose cores stay if they lie there; all others go. */
  readonly kept: readonly KnownRelease[]
  readonly signal?: AbortSignal
  readonly onBytes?: (bytes: number) => void
}

/** A mirror of a node keeps so many releases of its channel, as far as they are there. */
const releasesMost = 10

/** What a node writes to a mirror: the release named, or the newest ones it has bytes of. */
export function mirrorWish(
  believed: Believed,
  wish: {
    readonly folder: string
    readonly release: KnownRelease | null
    readonly channel: string
  }
): MirrorWish {
  const kept = admittedReleases(believed, wish.channel).slice(0, releasesMost)
  const releases = wish.release === null ? kept : [wish.release]
  return { folder: wish.folder, releases, kept: [...kept, ...releases] }
}

/** Brings a folder up to date that a web server or a share gives to nodes. */
export async function exportMirror(shelf: Shelf, wish: MirrorWish): Promise<MirrorView> {
  const { authority, disk } = shelf
  const { believed } = authority
  const { folder, releases, signal, onBytes } = wish
  const cores: Carried[] = []
  for (const known of releases) {
    cores.push(...(await coresOf(shelf, known, { platform: null, partial: true })))
  }
  const statements = authority.list().flatMap((id) => {
    const bytes = authority.read(id.id)
    return bytes === null ? [] : [{ id, bytes }]
  })
  const { network } = believed
  const evidence = evidenceOf(shelf).map((bytes) => {
    return { id: evidenceId(decodeEvidence(bytes, network)), bytes }
  })
  const made = await writeMirror(disk, folder, {
    network,
    statements,
    evidence,
    cores,
    keep: wish.kept.flatMap(namedBy),
    ...(signal && { signal }),
    ...(onBytes && { onBytes })
  })
  const counts = `${amount(statements.length, 'statement')}, ${amount(made.cores.length, 'core')}`
  return {
    folder,
    join: newestJoin(believed),
    releases: releases.map(({ id }) => toName(id)),
    statements: statements.length,
    cores: made.cores.length,
    written: made.written,
    message: `${folder} holds ${counts}; ${formatSize(made.written)} written now`
  }
}

function namedBy({ body }: KnownRelease): readonly CoreRef[] {
  const cores = body.artifacts.flatMap(({ tree, patch }) =>
    patch === null ? [tree] : [tree, patch]
  )
  return body.source === null ? cores : [...cores, body.source.core]
}
