import { OtaError } from '../../../base/index.ts'
import { checkPatchMemory } from '../../../host/index.ts'
import {
  encodePackFile,
  findLint,
  keepPack,
  lastBases,
  makePatchCore,
  namedBases,
  packFolder,
  type Base,
  type Desk,
  type Earlier,
  type MissingTree,
  type Packed,
  type PatchesMade
} from '../../../publish/index.ts'
import { parseSize, type Context, type FlagTable, type Outcome } from '../../frame/index.ts'
import { needAuthority, openAuthority, releaseNamed } from '../belief.ts'
import { absolute, deskOf, writePaper, wrote } from '../desk.ts'
import { lintText, packData, packLines } from '../cost.ts'
import { thisPlatform } from './release.ts'

export const packFlags: FlagTable = {
  platform: { type: 'text' },
  'patch-from': { type: 'list' },
  'patch-memory': { type: 'text' },
  output: { type: 'text', short: 'o' }
}

/** Whether a source is bundled, and no folder packed. */
export function isSourcePack({ flags }: Context): boolean {
  return ['source', 'git', 'tag', 'into'].some((name) => flags.text(name) !== null)
}

/**
 * `pack`: the folder as it will be released, its digest and core keys, the patches to it from
 * earlier releases, and what each of them will cost a node. Nothing is uploaded.
 */
export async function pack(context: Context): Promise<Outcome> {
  const { out, flags, args } = context
  if (args.length === 0) {
    throw new OtaError('USAGE', 'pack needs a folder, --source DIR or --git REPO', {
      hint: 'ota-publish pack ./build -o app.pack'
    })
  }
  const memoryBytes = patchMemory(context)
  const desk = deskOf(context)
  const folder = absolute(args[0] ?? '')
  const platform = flags.text('platform') ?? thisPlatform()
  out.progress('packing', folder)
  const packed = await packFolder(desk, folder, platform)
  context.signal.throwIfAborted()
  const path = flags.text('output') ?? `${packed.otaJson.name}-${platform}.pack`
  const missing: MissingTree[] = []
  const patches = await patchesTo(context, desk, packed, { memoryBytes, missing })
  const file = { ...packed.file, artifact: { ...packed.file.artifact, patch: patches.core } }
  if (!context.dryRun) await keepPack(desk, file, packed.pack)
  await writePaper(context, desk, { path, bytes: encodePackFile(file) })
  const lint = [...(await findLint(desk.disk, folder, packed.pack.manifest)), ...patches.lint]
  for (const one of lint) out.warn(lintText(one))
  for (const one of missing) tellMissing(context, one)
  const data = packData(file.artifact, patches, { path, lint, missing })
  out.result('pack', data, packLines(out, file.artifact, patches))
  out.note(wrote(context, path))
  return { data }
}

/** `--patch-memory` in bytes; `USAGE` below what the smallest window takes. */
function patchMemory({ flags }: Context): number | null {
  const text = flags.text('patch-memory')
  if (text === null) return null
  const bytes = parseSize(text, '--patch-memory')
  checkPatchMemory(bytes)
  return bytes
}

async function patchesTo(
  context: Context,
  desk: Desk,
  { file, pack: made }: Packed,
  { memoryBytes, missing }: { readonly memoryBytes: number | null; readonly missing: MissingTree[] }
): Promise<PatchesMade> {
  const { out, flags, signal } = context
  const { platform, treeDigest } = file.artifact
  const words = flags.list('patch-from')
  const bases = await basesFor(context, desk, { platform, treeDigest })
  const wish = {
    folder: file.folder,
    platform,
    pack: made,
    bases,
    memoryBytes,
    keep: !context.dryRun,
    onMissing: (gone: readonly MissingTree[]) => {
      const [first] = gone
      if (words.length > 0 && first !== undefined) throw notHere(context, first)
      missing.push(...gone)
    }
  }
  return await makePatchCore(desk, wish, {
    signal,
    onStep: ({ what, done, of }, base) => {
      const from = base === null ? '' : out.id(base.release.id)
      const phase = what === 'solid' ? 'making the solid stream' : `making the patch from ${from}`
      out.progress(phase, of > 1 ? `part ${done + 1} of ${of}` : '')
    }
  })
}

/** Those of `--patch-from`, else the last three of each channel; none before there is a network. */
async function basesFor(
  { flags }: Context,
  desk: Desk,
  tree: Pick<Earlier, 'platform' | 'treeDigest'>
): Promise<readonly Base[]> {
  const words = flags.list('patch-from').flatMap((list) => list.split(','))
  if (words.length > 0) {
    const { believed } = await needAuthority(desk)
    const ids = words.map((word) => releaseNamed(believed, word))
    return namedBases({ believed, ...tree }, ids)
  }
  const authority = await openAuthority(desk)
  return authority === null ? [] : lastBases({ believed: authority.believed, ...tree })
}

const STOP_SEED = 'stop ota-publish seed while packing: it holds the store with the earlier trees'

function notHere({ out }: Context, { base, why }: MissingTree): OtaError {
  const name = out.id(base.release.id)
  if (why === 'locked') {
    const text = `the tree of ${name} is in a store that another command holds`
    return new OtaError('LOCKED', text, { hint: STOP_SEED })
  }
  return new OtaError('INCOMPLETE', `the tree of release ${name} is not on this machine`, {
    hint: 'leave it out of --patch-from, or pack where it was released'
  })
}

function tellMissing({ out }: Context, { base, why }: MissingTree): void {
  const text = `no patch from ${out.id(base.release.id)}: its tree is not on this machine`
  if (why === 'gone') out.note(text)
  else out.warn(`no patch from ${out.id(base.release.id)}: ${STOP_SEED}`)
}
