import { toHex } from '../base/index.ts'
import type { Manifest, TreeEntry } from '../artifact/index.ts'

/** One entry of a tree, as a person reads it. */
export interface FileLine {
  readonly path: string
  /** Of a file its size; 0 for links and empty folders. */
  readonly bytes: number
  /** Where a link leads, that a file may be run, that a folder is empty; else "". */
  readonly note: string
}

/** Entries of one artifact against the last release. */
export interface FileChanges {
  readonly added: readonly FileLine[]
  readonly removed: readonly FileLine[]
  /** Same path, other content, kind or executable bit. */
  readonly changed: readonly { readonly was: FileLine; readonly now: FileLine }[]
}

/** A value that differs between two documents, by its path in them. */
export interface Difference {
  readonly path: string
  readonly from: string
  readonly to: string
}

/** What was added, removed and changed; `old` null: everything is new. */
export function compareManifests(old: Manifest | null, now: Manifest): FileChanges {
  const before = byPath(old)
  const after = byPath(now)
  const added = [...after.values()].filter(({ path }) => !before.has(path)).map(lineOf)
  const removed = [...before.values()].filter(({ path }) => !after.has(path)).map(lineOf)
  const changed = [...after.values()].flatMap((entry) => {
    const was = before.get(entry.path)
    if (was === undefined || contentOf(was) === contentOf(entry)) return []
    return [{ was: lineOf(was), now: lineOf(entry) }]
  })
  return { added, removed, changed }
}

/** Values of two documents of one kind that differ, by path; what one lacks reads `none`. */
export function differences(from: object, to: object): readonly Difference[] {
  const old = flatten(from)
  const now = flatten(to)
  const paths = [...new Set([...old.keys(), ...now.keys()])]
  return paths
    .map((path) => ({ path, from: old.get(path) ?? 'none', to: now.get(path) ?? 'none' }))
    .filter(({ from: before, to: after }) => before !== after)
}

function byPath(manifest: Manifest | null): ReadonlyMap<string, TreeEntry> {
  return new Map((manifest?.entries ?? []).map((entry) => [entry.path, entry]))
}

function contentOf(entry: TreeEntry): string {
  if (entry.tag === 'file') return `${entry.exec} ${toHex(entry.hash)}`
  return entry.tag === 'link' ? `link ${entry.target}` : entry.tag
}

function lineOf(entry: TreeEntry): FileLine {
  const { path } = entry
  if (entry.tag === 'link') return { path, bytes: 0, note: `link to ${entry.target}` }
  if (entry.tag === 'folder') return { path, bytes: 0, note: 'empty folder' }
  return { path, bytes: entry.size, note: entry.exec ? 'may be run' : '' }
}

function flatten(document: object): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const visit = (value: unknown, path: string): void => {
    const below = path === '' ? '' : `${path}.`
    if (value instanceof Uint8Array) found.set(path, toHex(value))
    else if (value instanceof Map) for (const [key, item] of value) visit(item, `${below}${key}`)
    else if (Array.isArray(value) && value.every(isPlain)) {
      if (value.length > 0) found.set(path, value.join(' '))
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) visit(item, `${below}${key}`)
    } else if (isPlain(value)) found.set(path, String(value))
  }
  visit(document, '')
  return found
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value !== 'object' && typeof value !== 'function'
}
