import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HOUR, isOtaError, OtaError } from '../../../base/index.ts'
import { callDaemon } from '../../../control/index.ts'
import type { Command, Context, Outcome, Value } from '../../frame/index.ts'
import { readConfig } from '../config/read.ts'
import type { NodeConfig } from '../config/schema.ts'
import { configFileOf, controlSocket, homeOf } from '../home.ts'
import type { ExportView } from './export.ts'
import type { ImportView } from './import.ts'
import type { MirrorView } from './mirror.ts'

/** A daemon may have gigabytes to read and to write. */
const withinMs = 6 * HOUR

/** Commands by which releases travel as files; what they need is loaded late. */
export const bundles: readonly Command[] = [
  {
    name: 'import',
    usage: `Usage: ota-node import FILE [--all] [--home DIR] [--json]

Takes in a bundle as if a peer had brought it: every statement is judged, bytes are stored only for
releases that have their quorum here and only if they make the signed core, and the node installs by
its own rules. A file that is not whole is refused whole. The daemon reads it, if one runs; else the
next start finds what was taken.
  --all                      bytes of all platforms, to carry them for others

Example:
    $ ota-node import r8.bundle
`,
    flags: { all: { type: 'switch' } },
    args: { min: 1, max: 1, what: 'a file' },
    run: importFile
  },
  {
    name: 'export',
    usage: `Usage: ota-node export [RELEASE] -o FILE | --mirror DIR [--home DIR] [--json]

Writes one file for a node that nobody reaches: all statements, and the bytes of RELEASE for this
platform, patches as far as they are here; without RELEASE, of the newest release of this channel.
Prints the newest join string with its checkpoint.
  -o, --output FILE          a file that is there already is replaced
  --mirror DIR               instead: brings a folder up to date, with the newest ten releases of
                             this channel whose bytes are here, that a plain web server or a
                             share gives to nodes ([mirrors] in their configuration)

Example:
    $ ota-node export -o r8.bundle
`,
    flags: { output: { type: 'text', short: 'o' }, mirror: { type: 'text' } },
    args: { min: 0, max: 1, what: 'one release' },
    run: exportFile
  }
]

async function importFile(context: Context): Promise<Outcome> {
  const { args, flags, out } = context
  const file = await fileOf(args[0] ?? '')
  const config = await configOf(context)
  if (context.dryRun) return await tryOut(context, file, config)
  const all = flags.has('all')
  out.progress('importing', file)
  const view = await asked<ImportView>(
    context,
    { word: 'import', args: { file, all: String(all) } },
    async () => {
      const { onShelf } = await import('./alone.ts')
      const { importBundle } = await import('./import.ts')
      const { platform } = await import('./shelf.ts')
      return await onShelf(homeOf(context), config, async (shelf) => {
        const wish = { file, platform: all ? null : platform, signal: context.signal }
        return await importBundle(shelf, wish)
      })
    }
  )
  const { refusedLines } = await import('./import.ts')
  for (const line of refusedLines(view)) out.note(line)
  const data = view as unknown as Value // plain JSON: numbers, texts and lists of them
  out.result('import', data, view.message)
  return { data }
}

/** The file alone: whether it is whole. What its statements are worth is for `verify` to say. */
async function tryOut({ out }: Context, file: string, config: NodeConfig): Promise<Outcome> {
  const { realDisk } = await import('../../../host/index.ts')
  const { readBundle } = await import('../../../feed/index.ts')
  const { parseJoin } = await import('../../../trust/index.ts')
  const network = config.network === null ? null : parseJoin(config.network).network
  const bundle = await readBundle(realDisk(), file, { network })
  const data = {
    network: bundle.network,
    papers: bundle.papers.length,
    cores: bundle.cores.length
  }
  out.result('import', data, `${file} is whole; nothing of it was taken`)
  return { data }
}

async function exportFile(context: Context): Promise<Outcome> {
  const { args, flags, out } = context
  const mirror = flags.text('mirror')
  if (mirror !== null && flags.text('output') !== null) {
    throw new OtaError('USAGE', 'a file and a mirror are two exports', {
      hint: 'give either -o FILE or --mirror DIR'
    })
  }
  const file = mirror === null ? outputOf(flags.text('output')) : resolve(mirror)
  const release = args[0] ?? ''
  const config = await configOf(context)
  if (context.dryRun) return { message: `would write ${file}` }
  out.progress('exporting', file)
  const order = { file, release, mirror: String(mirror !== null) }
  const view = await asked<ExportView | MirrorView>(
    context,
    { word: 'export', args: order },
    async () => {
      const { onShelf } = await import('./alone.ts')
      const { exportBundle, wishedRelease } = await import('./export.ts')
      const { platform } = await import('./shelf.ts')
      const { channel } = config
      return await onShelf(homeOf(context), config, async (shelf) => {
        const wished = wishedRelease(shelf.authority.believed, release)
        if (mirror !== null) {
          const { exportMirror, mirrorWish } = await import('./mirror.ts')
          const { believed } = shelf.authority
          const all = mirrorWish(believed, { folder: file, release: wished, channel })
          return await exportMirror(shelf, { ...all, signal: context.signal })
        }
        const wish = { file, release: wished, channel, platform, signal: context.signal }
        return await exportBundle(shelf, wish)
      })
    }
  )
  const data = view as unknown as Value // plain JSON: numbers, texts and lists of them
  out.result(mirror === null ? 'export' : 'mirror', data, [view.message, `join    ${view.join}`])
  return { data }
}

/** Where a bundle is to be written. Throws `USAGE` for none, and for standard output. */
export function outputOf(path: string | null): string {
  if (path === null || path === '-') {
    throw new OtaError('USAGE', 'a bundle is written to a file', { hint: 'name it with -o FILE' })
  }
  return resolve(path)
}

interface Order {
  readonly word: 'import' | 'export'
  readonly args: Readonly<Record<string, string>>
}

/** The daemon does it if one answers; else this process, on the home itself. */
async function asked<T extends object>(
  context: Context,
  { word, args }: Order,
  alone: () => Promise<T>
): Promise<T> {
  try {
    const path = `/command/${word}`
    const call = { method: 'POST', path, args, withinMs } as const
    const answer = await callDaemon(await controlSocket(context), call)
    // The daemon of this build answers in the shapes of this folder.
    return answer as T
  } catch (error) {
    if (!isOtaError(error, 'NO_PEERS')) throw error
  }
  return await alone()
}

async function configOf(context: Context): Promise<NodeConfig> {
  const { file, named } = configFileOf(context)
  const { env } = context.terminal
  return (await readConfig({ file, named, env, flags: {} })).config
}

/** The file itself, whatever links lead to it. */
async function fileOf(word: string): Promise<string> {
  try {
    return await realpath(word)
  } catch (cause) {
    throw new OtaError('USAGE', `there is no file "${word}"`, { cause })
  }
}
