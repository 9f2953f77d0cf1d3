import { fromText, OtaError, toText } from '../../base/index.ts'
import { encodeManifest, scanTree, treeDigest, type Manifest } from '../../artifact/index.ts'
import { gitEnv, noGit, plainAttributes } from './git.ts'
import { failed, insideTree, work, type Workshop } from './workshop.ts'

/** A bundle opened: what its one ref names, as files. */
export interface Checkout {
  readonly commit: string
  /** Date of the commit, unix seconds. */
  readonly dateS: number
  /** The files, in the workshop. */
  readonly tree: string
  readonly manifest: Manifest
  /** Tree digest of the files: this, never a hash of git, says what they are. */
  readonly listingHash: Uint8Array
}

const objectName = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/
const submoduleMode = '160000'
const manyRefs = 93

/**
 * Arguments: the program, the folder for the files. Prints commit, date and listing. All objects
 * are checked before the first file is written, and every file gets the date of the commit.
 */
const openScript = `
set -eu
git=$1 tree=$2
"$git" init --quiet --template=
refs=$("$git" bundle unbundle /bundle)
[ "$(printf '%s\\n' "$refs" | wc -l)" = 1 ] || exit ${manyRefs}
"$git" fsck --full --strict --no-dangling --no-progress >&2
commit=$("$git" rev-parse --verify "\${refs%% *}^{commit}")
date=$("$git" show --no-patch --format=%ct "$commit")
printf '%s\\n%s\\n' "$commit" "$date"
"$git" ls-tree -r -z --full-tree "$commit"
"$git" read-tree "$commit"
"$git" checkout-index --all --force
find "$tree" -exec touch -h -d "@$date" {} +
`

/**
 * Opens a bundle whose hash was judged before, with git in the jail: all objects are checked, no
 * hook, filter, submodule or transport of it has any effect. `CANNOT_BUILD` without git and for a
 * bundle that is damaged, incomplete or has more than one ref; `BAD_TREE` for files that no tree
 * may hold.
 */
export async function checkOut(shop: Workshop, bundle: string): Promise<Checkout> {
  const { disk, folder, git = 'git' } = shop
  const [repository, tree] = [`${folder}/git`, `${folder}/tree`]
  await disk.makeFolder(`${repository}/info`)
  await disk.makeFolder(tree)
  await disk.clone(`${folder}/bundle`, bundle, 0o444)
  await disk.create(`${repository}/info/attributes`, fromText(plainAttributes), 0o644)
  const env = new Map([...gitEnv('/tmp'), ['GIT_DIR', '/git'], ['GIT_WORK_TREE', insideTree]])
  const readOnly = [{ path: `${folder}/bundle`, at: '/bundle' }]
  const writable = [
    { path: repository, at: '/git' },
    { path: tree, at: insideTree }
  ]
  const argv = ['sh', '-c', openScript, 'sh', git, insideTree]
  const end = await work(shop, { argv, env, readOnly, writable })
  if (end.exit === 127) throw noGit()
  if (end.exit === manyRefs) throw unfit('it has more than one ref')
  if (end.exit !== 0) throw failed('git on the bundle', end)
  const [commit = '', date = '', ...listing] = toText(end.stdout).split('\n')
  const dateS = Number(date)
  if (!objectName.test(commit) || !/^\d{1,12}$/.test(date)) throw unfit('its ref is no commit')
  refuseSubmodules(listing.join('\n'))
  const manifest = await scanTree(disk, tree)
  await refuseFilters(shop, tree, manifest)
  const listingHash = treeDigest(encodeManifest(manifest))
  return { commit, dateS, tree, manifest, listingHash }
}

/** Another repository at some commit: its bytes are in no bundle. */
function refuseSubmodules(listing: string): void {
  const entry = listing.split('\0').find((one) => one.startsWith(`${submoduleMode} `))
  if (entry === undefined) return
  throw unfit(`"${entry.split('\t')[1] ?? ''}" is a submodule: vendor its files instead`)
}

/** Files behind a filter (LFS) are stand-ins for bytes that lie elsewhere. */
async function refuseFilters(shop: Workshop, tree: string, manifest: Manifest): Promise<void> {
  for (const { tag, path } of manifest.entries) {
    if (tag !== 'file' || path.split('/').at(-1) !== '.gitattributes') continue
    const text = toText((await shop.disk.read(`${tree}/${path}`)) ?? new Uint8Array(0))
    const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'))
    if (lines.some((line) => /\sfilter=/.test(line))) {
      throw unfit(`"${path}" names a filter: commit the files themselves`)
    }
  }
}

function unfit(why: string): OtaError {
  return new OtaError('CANNOT_BUILD', `the bundle is no source: ${why}`)
}
