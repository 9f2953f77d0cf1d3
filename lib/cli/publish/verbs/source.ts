import { MINUTE, OtaError, alloc, toHex } from '../../../base/index.ts'
import type { Pack } from '../../../artifact/index.ts'
import type { Authority } from '../../../authority/index.ts'
import {
  buildRelease,
  buildSource,
  closeWorkshop,
  makeBundle,
  openSource,
  packBuilt,
  writeSource,
  type BundleFrom,
  type Jail,
  type Workshop
} from '../../../host/index.ts'
import {
  encodeSourceFile,
  keepSource,
  knownBundle,
  needJail,
  packSource,
  type Desk
} from '../../../publish/index.ts'
import type { Artifact, Source } from '../../../records/index.ts'
import { formatSize, type Context, type Outcome } from '../../frame/index.ts'
import { absolute, deskOf, writePaper, wrote } from '../desk.ts'
import { networkOf } from '../online/network.ts'
import { Station, logTo } from '../online/station.ts'
import { recipeData, recipeLines, sourceData } from '../review/source.ts'
import { thisPlatform } from './release.ts'

/**
 * `pack --source DIR` and `pack --git REPO`: the bundle of a source and what a release says of it.
 * It is opened as every builder will open it, so that what cannot be built is refused here; with
 * `--into` it is built too, and the tree is what `pack DIR` then takes.
 */
export async function packFromSource(context: Context): Promise<Outcome> {
  const { out, flags } = context
  const from = bundleFrom(context)
  const desk = deskOf(context)
  const into = flags.text('into')
  const jail = await needJail()
  return await withWork(desk, async (work) => {
    const bundle = `${work}/bundle`
    out.progress('bundling', from.tag === 'git' ? from.repository : from.folder)
    await makeBundle(from, { file: bundle, scratch: `${work}/scratch` })
    const shop = { bundle, folder: `${work}/shop`, jail }
    const { source, opened } = await packSource(desk, shop)
    const { tree } = opened.checkout
    if (!context.dryRun) await keepSource(desk, source, { bundle, tree })
    const built =
      into === null ? null : await buildInto(context, desk, { jail, work, source, into })
    const path = flags.text('output') ?? `source-${source.commit.slice(0, 8)}.source`
    await writePaper(context, desk, { path, bytes: encodeSourceFile(source) })
    const data = { ...sourceData(source), ...recipeData(opened.recipe), source: path, ...built }
    const size = formatSize(source.core.bytes)
    const ids = `listing ${out.id(source.listingHash)}  core ${out.id(source.core.key)}`
    out.result('source', data, [
      `commit ${source.commit}  ${size}  ${ids}`,
      ...recipeLines(opened.recipe, out.options.long),
      ...(built === null ? [] : [`built ${built.into}  tree ${out.id(built.treeDigest)}`])
    ])
    out.note(wrote(context, path))
    return { data }
  })
}

/**
 * Builds the source of a release in the jail and calls `use` with the folder it gives, equal to the
 * released tree or not; it is gone afterwards. The bundle comes from this home, else from peers.
 * `USAGE` for a release without a source, otherwise errors of `openSource` and `buildSource`.
 */
export async function withRecipe<T>(
  context: Context,
  desk: Desk,
  wish: { readonly source: Source | null; readonly authority: Authority },
  use: (folder: string) => Promise<T>
): Promise<T> {
  const { source, authority } = wish
  const { out, signal } = context
  if (source === null) {
    throw new OtaError('USAGE', 'the release carries no source to build', {
      hint: 'attest your own build of it with --build DIR'
    })
  }
  const jail = await needJail()
  return await withWork(desk, async (work) => {
    const bundle = (await knownBundle(desk, source)) ?? `${work}/bundle`
    if (bundle.startsWith(work)) await fetchBundle(context, desk, { source, authority, bundle })
    const shop = { disk: desk.disk, jail, folder: `${work}/shop`, signal }
    try {
      out.progress('opening', source.commit)
      const opened = await openSource(shop, bundle, source)
      out.progress('building', source.commit)
      return await use(await buildSource(shop, opened))
    } finally {
      await closeWorkshop(shop)
    }
  })
}

async function fetchBundle(
  context: Context,
  desk: Desk,
  {
    source,
    authority,
    bundle
  }: {
    readonly source: Source
    readonly authority: Authority
    readonly bundle: string
  }
): Promise<void> {
  const log = logTo((line) => context.out.detail(line))
  const network = context.flags.has('alone') ? null : await networkOf(context, desk)
  const station = new Station(desk, authority, { network, log })
  try {
    await station.ready()
    context.out.progress('fetching the source', formatSize(source.core.bytes))
    const late = AbortSignal.timeout(context.timeoutMs ?? 10 * MINUTE)
    const signal = AbortSignal.any([context.signal, late])
    await station.store.fetchCore(source.core, { signal })
    const blocks = station.store.blocks(source.core)
    await writeSource(desk.disk, bundle, { source, blocks })
  } finally {
    await station.close()
  }
}

/** Builds twice as a builder would: the tree is used only if it comes out equal. */
async function buildInto(
  context: Context,
  desk: Desk,
  build: {
    readonly jail: Jail
    readonly work: string
    readonly source: Source
    readonly into: string
  }
): Promise<{ readonly into: string; readonly treeDigest: Uint8Array }> {
  const { jail, work, source, into } = build
  const platform = thisPlatform()
  const { signal } = context
  const bundle = `${work}/bundle`
  const first = { disk: desk.disk, jail, folder: `${work}/first`, signal }
  context.out.progress('building', source.commit)
  const pack = await packOnce(desk, first, { bundle, source, platform })
  const { treeDigest, entries, bytes, core } = pack
  const artifact: Artifact = {
    component: '',
    platform,
    treeDigest,
    entries,
    bytes,
    tree: core,
    patch: null
  }
  context.out.progress('building again', source.commit)
  const second = { disk: desk.disk, jail, folder: `${work}/second`, signal }
  await buildRelease(second, { source, bundle, artifact, into: absolute(into) })
  return { into, treeDigest }
}

async function packOnce(
  { disk }: Desk,
  shop: Workshop,
  what: { readonly bundle: string; readonly source: Source; readonly platform: string }
): Promise<Pack> {
  try {
    const opened = await openSource(shop, what.bundle, what.source)
    return await packBuilt(disk, await buildSource(shop, opened), what.platform)
  } finally {
    await closeWorkshop(shop)
  }
}

function bundleFrom({ flags, args }: Context): BundleFrom {
  const [folder, repository, name] = [flags.text('source'), flags.text('git'), flags.text('tag')]
  if (args.length > 0) {
    throw new OtaError(
      'USAGE',
      `"${args[0] ?? ''}" is a folder to pack, and --source or --git a source`,
      {
        hint: 'pack them one after the other'
      }
    )
  }
  if (folder !== null && repository !== null) {
    throw new OtaError('USAGE', '--source and --git exclude each other')
  }
  if (repository !== null) return { tag: 'git', repository: absolute(repository), name }
  if (name !== null) throw new OtaError('USAGE', '--tag goes with --git REPO')
  if (folder !== null) return { tag: 'folder', folder: absolute(folder) }
  throw new OtaError('USAGE', '--into goes with --source DIR or --git REPO')
}

/** A folder of this home that is gone afterwards, whatever happened. */
async function withWork<T>(desk: Desk, run: (work: string) => Promise<T>): Promise<T> {
  const random = toHex(desk.dice.fill(alloc(8)))
  const work = `${desk.places.home}/work/${random}`
  await desk.disk.makeFolder(work, 0o700)
  try {
    return await run(work)
  } finally {
    await desk.disk.remove(work)
  }
}
