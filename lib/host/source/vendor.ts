import { equal, OtaError, toHex, type Bytes } from '../../base/index.ts'
import { encodeManifest, treeDigest, type Manifest, type TreeEntry } from '../../artifact/index.ts'
import { isWithin, recipeFile, type Recipe } from '../../records/index.ts'

/** Folders that package managers fill: nothing in one of these is of the authors' own writing. */
const vendorNames = ['node_modules', 'vendor', 'bower_components', 'third_party']

interface Drift {
  readonly path: string
  readonly why: string
  readonly have: Bytes | null
  readonly need: Bytes | null
}

/**
 * Holds what is vendored against the list of the recipe, before anything of it is run: a dependency
 * that is missing, changed or not listed is `DEPENDENCY_DRIFT` with its path and both hashes (S53).
 */
export function checkDependencies(manifest: Manifest, recipe: Recipe): void {
  const drifts = [...changed(manifest, recipe), ...unlisted(manifest, recipe)]
  const [first] = drifts
  if (first === undefined) return
  const { path, why, have, need } = first
  const more = drifts.length === 1 ? '' : ` (and ${drifts.length - 1} more)`
  const entry = have === null ? '' : JSON.stringify({ path, hash: toHex(have) })
  throw new OtaError('DEPENDENCY_DRIFT', `dependency "${path}" ${why}${more}`, {
    hint:
      entry === ''
        ? `put it back, or strike it from ${recipeFile}`
        : `if this is the one you reviewed, ${recipeFile} lists it as ${entry}`,
    facts: {
      path,
      have: have === null ? null : toHex(have),
      need: need === null ? null : toHex(need),
      count: drifts.length
    }
  })
}

/** BLAKE2b-256 of a file, tree digest of a folder; null for what is not there or a link. */
export function hashAt({ entries }: Manifest, path: string): Bytes | null {
  const own = entries.find((entry) => entry.path === path)
  if (own !== undefined) return own.tag === 'file' ? own.hash : null
  const below = entries.flatMap((entry): TreeEntry[] =>
    entry.path.startsWith(`${path}/`) ? [{ ...entry, path: entry.path.slice(path.length + 1) }] : []
  )
  return below.length === 0 ? null : treeDigest(encodeManifest({ entries: below }))
}

function changed(manifest: Manifest, { dependencies }: Recipe): readonly Drift[] {
  return dependencies.flatMap(({ path, hash: need }): Drift[] => {
    const have = hashAt(manifest, path)
    if (have === null) return [{ path, why: 'is listed and not there', have, need }]
    return equal(have, need) ? [] : [{ path, why: 'is not the one that is listed', have, need }]
  })
}

function unlisted(manifest: Manifest, { vendor, dependencies }: Recipe): readonly Drift[] {
  return manifest.entries.flatMap(({ path }): Drift[] => {
    if (dependencies.some((one) => isWithin(path, one.path))) return []
    const isVendored = vendor.some((folder) => isWithin(path, folder))
    const parts = path.split('/').slice(0, -1)
    if (!isVendored && !parts.some((part) => vendorNames.includes(part))) return []
    return [{ path, why: 'is not listed', have: hashAt(manifest, path), need: null }]
  })
}
