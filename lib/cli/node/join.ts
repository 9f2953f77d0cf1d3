import { resolve } from 'node:path'
import { fromText, OtaError, toText } from '../../base/index.ts'
import { formatJoin, parseJoin, toShortName } from '../../trust/index.ts'
import type { Command, Context, Outcome } from '../frame/index.ts'
import { configFileOf } from './home.ts'

/** `ota-node join`: writes the few lines a home needs to belong to a network. */
export const join: Command = {
  name: 'join',
  usage: `Usage: ota-node join JOIN|INVITE [--slot N] [--home DIR]

Writes the configuration of this home for a network: from its join string, or from an invite file,
which carries it. Every other setting is written by hand beside it, or given as a flag of run.

Example:
    $ ota-node join demo.invite --slot 3
`,
  flags: { slot: { type: 'text' } },
  args: { min: 1, max: 1, what: 'a join string or an invite file' },
  run
}

async function run(context: Context): Promise<Outcome> {
  // Loaded when asked for: the launcher shares this table and must stay small.
  const [{ realDisk }, { joinTextOf, readInvite }] = await Promise.all([
    import('../../host/index.ts'),
    import('./identity.ts')
  ])
  const { file } = configFileOf(context)
  const disk = realDisk()
  const word = context.args[0] ?? ''
  const path = resolve(word)
  const isFile = (await disk.stat(path))?.type === 'file'
  const joinText = isFile ? joinTextOf(await readInvite(disk, path)) : textOf(word)
  const slot = context.flags.count('slot', 0, 65_535)
  const held = await disk.read(file)
  if (held !== null && !toText(held).includes(joinText)) {
    throw new OtaError('CONFIG_INVALID', `${file} names another network or was written by hand`, {
      hint: 'remove it, or give another --home'
    })
  }
  const { network } = parseJoin(joinText)
  const data = { network: joinText, config: file }
  const sentence = `joined ${toShortName(network)}; start with: ota-node run`
  if (held !== null || context.dryRun) {
    context.out.result('join', data, held === null ? `would write ${file}` : sentence)
    return { data }
  }
  const lines = [
    `network = "${joinText}"`,
    ...(isFile ? [`invite = ${JSON.stringify(path)}`] : []),
    ...(slot === null ? [] : [`slot = ${slot}`])
  ]
  await disk.makeFolder(resolve(file, '..'))
  await disk.writeDurable(file, fromText(`${lines.join('\n')}\n`))
  context.out.result('join', data, sentence)
  return { data }
}

function textOf(word: string): string {
  const { network, checkpoint } = parseJoin(word)
  return formatJoin(network, checkpoint)
}
