import {
  OtaError,
  bundleBlockBytes,
  equal,
  fromText,
  toText,
  type Bytes,
  type Disk
} from '../base/index.ts'
import { CoreHasher } from '../artifact/index.ts'
import { findJail, hashBundle, openSource, type Jail, type OpenSource } from '../host/index.ts'
import {
  decodeRecipe,
  decodeSource,
  encodeSource,
  recipeFile,
  type CoreRef,
  type Recipe,
  type Source
} from '../records/index.ts'
import { hash, toName } from '../trust/index.ts'
import type { Desk } from './desk.ts'
import { fromLine, toLine } from './papers/line.ts'

/** First word of a source file; a pack file begins with a brace. */
const HEAD = 'upswell/source/1'

/** The jail of this machine; `CANNOT_BUILD` where none can be made: nothing is built outside. */
export async function needJail(): Promise<Jail> {
  const found = await findJail()
  if (found.tag === 'jail') return found.jail
  throw new OtaError('CANNOT_BUILD', `this machine makes no jail: ${found.why}`, {
    hint: 'a source is opened and built in a jail only: Linux with bubblewrap or user namespaces'
  })
}

/**
 * Opens a bundle in `folder` (its own, removed by the caller) and says what a release would say of
 * it. Errors of `openSource`: what no builder could build is refused here.
 */
export async function packSource(
  desk: Desk,
  {
    bundle,
    folder,
    jail
  }: { readonly bundle: string; readonly folder: string; readonly jail: Jail }
): Promise<{ readonly source: Source; readonly opened: OpenSource }> {
  const opened = await openSource({ disk: desk.disk, jail, folder }, bundle, null)
  const core = await bundleCore(desk.disk, bundle)
  return { source: { core, ...opened.facts }, opened }
}

/** Remembers bundle and recipe, for `review`, `commit`, `seed` and `attest --recipe` here. */
export async function keepSource(
  desk: Desk,
  source: Source,
  { bundle, tree }: { readonly bundle: string; readonly tree: string }
): Promise<void> {
  const { disk } = desk
  await disk.makeFolder(desk.places.packs, 0o700)
  const recipe = await disk.read(`${tree}/${recipeFile}`)
  if (recipe !== null) await disk.writeDurable(recipePath(desk, source), recipe)
  const kept = bundlePath(desk, source)
  if ((await disk.stat(kept)) !== null) return
  await disk.remove(`${kept}.new`)
  await disk.clone(`${kept}.new`, bundle, 0o600)
  await disk.rename(`${kept}.new`, kept)
}

/** Forgets the bundle of a source that no kept release has; the recipe stays to compare with. */
export async function forgetSource(desk: Desk, source: Source): Promise<void> {
  await desk.disk.remove(bundlePath(desk, source))
}

/** The bundle of a source, where this home has it and it is still the same. */
export async function knownBundle(desk: Desk, source: Source): Promise<string | null> {
  const path = bundlePath(desk, source)
  if ((await desk.disk.stat(path)) === null) return null
  return equal(await hashBundle(desk.disk, path), source.bundleHash) ? path : null
}

/** The recipe of a source, where this home has seen it. */
export async function knownRecipe(desk: Desk, source: Source): Promise<Recipe | null> {
  const bytes = await desk.disk.read(recipePath(desk, source))
  return bytes !== null && equal(hash([bytes]), source.recipeHash) ? decodeRecipe(bytes) : null
}

/** The core of a bundle in place of a pack: what `Store.buildTreeCore` takes. */
export async function sourceCore(
  desk: Desk,
  source: Source
): Promise<{ readonly core: CoreRef; blocks(): AsyncIterable<Bytes> } | null> {
  const bundle = await knownBundle(desk, source)
  if (bundle === null) return null
  return { core: source.core, blocks: () => blocksOf(desk.disk, bundle) }
}

/** The source file: what `propose` puts into a release. */
export function encodeSourceFile(source: Source): Bytes {
  return fromText(`${HEAD} ${toText(toLine(encodeSource(source)))}`)
}

/** Null for a file of another kind; `NOT_CANONICAL` for a damaged one. */
export function readSourceFile(bytes: Bytes, path: string): Source | null {
  const text = toText(bytes.subarray(0, HEAD.length + 1))
  if (text !== `${HEAD} `) return null
  return decodeSource(fromLine(bytes.subarray(HEAD.length + 1), path))
}

async function bundleCore(disk: Disk, bundle: string): Promise<CoreRef> {
  const hasher = new CoreHasher()
  for await (const block of blocksOf(disk, bundle)) hasher.push(block)
  return hasher.core()
}

async function* blocksOf(disk: Disk, bundle: string): AsyncGenerator<Bytes> {
  const size = (await disk.stat(bundle))?.size ?? 0
  for (let at = 0; at < size; at += bundleBlockBytes) {
    yield await disk.readAt(bundle, at, Math.min(bundleBlockBytes, size - at))
  }
}

function bundlePath({ places }: Desk, { bundleHash }: Source): string {
  return `${places.packs}/${toName(bundleHash)}.bundle`
}

function recipePath({ places }: Desk, { recipeHash }: Source): string {
  return `${places.packs}/${toName(recipeHash)}.recipe`
}
