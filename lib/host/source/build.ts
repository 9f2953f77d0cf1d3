import {
  bundleBytesMax,
  equal,
  GIB,
  MIB,
  OtaError,
  toHex,
  type Bytes,
  type Disk
} from '../../base/index.ts'
import { hashFile, packTree, unpackTree, type Pack } from '../../artifact/index.ts'
import {
  decodeRecipe,
  recipeFile,
  toolchainText,
  type Artifact,
  type Recipe,
  type Source
} from '../../records/index.ts'
import type { JailLimits } from '../jail/job.ts'
import { checkOut, type Checkout } from './checkout.ts'
import { checkToolchain, findTools } from './toolchain.ts'
import { checkDependencies, hashAt } from './vendor.ts'
import { closeWorkshop, failed, insideTree, work, type Work, type Workshop } from './workshop.ts'

/** What a release says of its source, but for the core that carries it. */
export type SourceFacts = Omit<Source, 'core'>

/** A source that was opened and judged, and of which nothing was run. */
export interface OpenSource {
  readonly facts: SourceFacts
  readonly recipe: Recipe
  readonly checkout: Checkout
}

/**
 * Opens a bundle and judges it before anything of it is run: its hash before git sees it, then the
 * commit, the files, the recipe, and every dependency. With `signed` each must be the one that was
 * signed, else `HASH_MISMATCH` (a moved tag is another commit, S52). `DEPENDENCY_DRIFT` as of
 * `checkDependencies`; `BAD_TREE` for a recipe that is missing or wrong; otherwise as `checkOut`.
 */
export async function openSource(
  shop: Workshop,
  bundle: string,
  signed: SourceFacts | null
): Promise<OpenSource> {
  const bundleHash = await hashBundle(shop.disk, bundle)
  if (signed !== null) refuseOther('bundle', bundleHash, signed.bundleHash)
  const checkout = await checkOut(shop, bundle)
  const { commit, listingHash, manifest, tree } = checkout
  if (signed !== null && signed.commit !== commit) {
    throw new OtaError('HASH_MISMATCH', `the bundle is of commit ${commit}, not the signed one`, {
      facts: { have: commit, need: signed.commit }
    })
  }
  if (signed !== null) refuseOther('listing', listingHash, signed.listingHash)
  const recipeHash = hashAt(manifest, recipeFile)
  const bytes = recipeHash === null ? null : await shop.disk.read(`${tree}/${recipeFile}`)
  if (recipeHash === null || bytes === null) {
    throw new OtaError('BAD_TREE', `the source has no ${recipeFile} at its top`, {
      hint: 'it says how to build: see docs/source.md'
    })
  }
  if (signed !== null) refuseOther('recipe', recipeHash, signed.recipeHash)
  const recipe = decodeRecipe(bytes)
  const toolchain = toolchainText(recipe.toolchain)
  if (signed !== null && signed.toolchain !== toolchain) {
    const text = `the recipe needs ${toolchain}, the release says ${signed.toolchain}`
    throw new OtaError('HASH_MISMATCH', text)
  }
  checkDependencies(manifest, recipe)
  return { facts: { bundleHash, commit, listingHash, recipeHash, toolchain }, recipe, checkout }
}

/**
 * Builds an opened source in the jail: no network, nothing of this machine but the system and the
 * source, the same path, dates and environment everywhere. Returns the folder that the recipe
 * names, inside the workshop; nothing of what ran is left running. Whatever goes wrong is
 * `CANNOT_BUILD`.
 */
export async function buildSource(shop: Workshop, source: OpenSource): Promise<string> {
  const { recipe, checkout } = source
  const tools = await findTools()
  const limits = limitsOf(recipe)
  const base: Omit<Work, 'argv'> = {
    env: buildEnv(recipe, checkout, tools.path),
    writable: [{ path: checkout.tree, at: insideTree }],
    readOnly: tools.places,
    limits
  }
  await checkToolchain(shop, recipe, base)
  let leftMs = recipe.timeoutMs
  for (const [index, argv] of recipe.steps.entries()) {
    const startMs = performance.now()
    const own = { ...limits, timeMs: Math.max(1, leftMs) }
    const end = await work(shop, { ...base, argv, limits: own })
    leftMs -= Math.ceil(performance.now() - startMs)
    const what = `step ${index + 1} of ${recipe.steps.length} (${argv.join(' ')})`
    if (end.exit !== 0) throw failed(what, end, limits)
  }
  return await outFolder(shop.disk, checkout.tree, recipe.out)
}

export interface BuildOrder {
  readonly source: Source
  /** The bundle as it came. */
  readonly bundle: string
  /** What the build must give: the tree that was signed for this platform. */
  readonly artifact: Artifact
  /** Where the tree is put, as by a fetch: must not exist or be empty. */
  readonly into: string
}

/**
 * The signed tree, made from the signed source, or nothing: it saves trusting a builder and adds no
 * way in. The tree passes the same door as one that was fetched (`unpackTree`). `BUILD_MISMATCH`
 * with both digests for any other outcome, of which nothing is kept or run (S52); errors as of
 * `openSource` and `buildSource`. The workshop is removed in every case.
 */
export async function buildRelease(shop: Workshop, order: BuildOrder): Promise<void> {
  const { disk, signal } = shop
  const { artifact, into } = order
  try {
    const opened = await openSource(shop, order.bundle, order.source)
    const folder = await buildSource(shop, opened)
    const pack = await packBuilt(disk, folder, artifact.platform)
    if (!equal(pack.treeDigest, artifact.treeDigest)) {
      const [have, need] = [toHex(pack.treeDigest), toHex(artifact.treeDigest)]
      const text = `the build gives tree ${have}, signed is ${need}: it is not run`
      throw new OtaError('BUILD_MISMATCH', text, {
        hint: 'take the built release, and tell its signers that its source gives another',
        facts: { have, need, platform: artifact.platform }
      })
    }
    // our own encoder wrote this head: whether it equals the signed core is told by `rebuild`
    const own = { ...artifact, tree: pack.core }
    const readBlock = blockReader(pack)
    await unpackTree(disk, { artifact: own, readBlock, into, reuse: [folder], signal })
  } finally {
    await closeWorkshop(shop)
  }
}

/** Packs what a build left; a thing that no tree may hold is a failed build. */
export async function packBuilt(disk: Disk, folder: string, platform: string): Promise<Pack> {
  try {
    return await packTree(disk, folder, platform)
  } catch (cause) {
    if (!(cause instanceof OtaError) || cause.code !== 'BAD_TREE') throw cause
    throw new OtaError('CANNOT_BUILD', `what was built is no tree: ${cause.message}`, { cause })
  }
}

/** BLAKE2b-256 of a bundle; `OVER_LIMIT` for one that is too long to be any. */
export async function hashBundle(disk: Disk, bundle: string): Promise<Bytes> {
  const size = (await disk.stat(bundle))?.size ?? 0
  if (size === 0) throw new OtaError('INCOMPLETE', `there is no bundle ${bundle}`)
  if (size <= bundleBytesMax) return await hashFile(disk, bundle, size)
  const text = `the bundle has ${size} bytes, at most ${bundleBytesMax}`
  throw new OtaError('OVER_LIMIT', text, { hint: 'bundle a shorter history, or a folder' })
}

function refuseOther(what: string, have: Bytes, need: Bytes): void {
  if (equal(have, need)) return
  throw new OtaError('HASH_MISMATCH', `the ${what} of the source is not the signed one`, {
    facts: { have: toHex(have), need: toHex(need) }
  })
}

function limitsOf(recipe: Recipe): JailLimits {
  return {
    timeMs: recipe.timeoutMs,
    memoryBytes: recipe.memoryBytes,
    tmpBytes: 512 * MIB,
    fileBytes: GIB,
    outputBytes: 4 * MIB,
    // of the user that all jails of this machine share
    processes: 1_024
  }
}

function buildEnv(recipe: Recipe, { dateS }: Checkout, path: string): ReadonlyMap<string, string> {
  return new Map([
    ...recipe.env,
    ['PATH', path],
    ['HOME', '/tmp'],
    ['TMPDIR', '/tmp'],
    ['TZ', 'UTC'],
    ['LC_ALL', 'C'],
    ['SOURCE_DATE_EPOCH', String(dateS)]
  ])
}

/** The folder as it was built: a link in its way would lead out of the workshop. */
async function outFolder(disk: Disk, tree: string, out: string): Promise<string> {
  let path = tree
  for (const part of out.split('/')) {
    path = `${path}/${part}`
    const type = (await disk.stat(path))?.type ?? 'not there'
    if (type !== 'folder') {
      const text = `the build was to leave the folder "${out}": it is ${type}`
      throw new OtaError('CANNOT_BUILD', text)
    }
  }
  return path
}

/** Blocks of the core in order; each is asked for once, and the head comes first. */
function blockReader(pack: Pack): (index: number) => Promise<Bytes> {
  return async (index) => {
    let at = 0
    for await (const block of pack.blocks()) {
      if (at === index) return block
      at += 1
    }
    throw new OtaError('INCOMPLETE', `the core has no block ${index}`)
  }
}
