import { resolve } from 'node:path'
import { equal, fromText, OtaError, type Bytes, type Disk } from '../../base/index.ts'
import type { InviteFile } from '../../records/index.ts'
import { formatJoin, parseJoin, toShortName, type Join } from '../../trust/index.ts'
import type { Command, Context, Outcome } from '../frame/index.ts'
import type { NodeConfig } from './config/schema.ts'
import { configFileOf, homeOf } from './home.ts'

/** `ota-node join`: writes the few lines a home needs to belong to a network. */
export const join: Command = {
  name: 'join',
  usage: `Usage: ota-node join JOIN [--invite FILE] | FILE [--slot N] [--home DIR]

Writes the configuration of this home for a network: from its join string, or from an invite file,
which carries it. The node makes its own key and takes its slot of the invite at its first run.
Without --slot the slot is drawn; nodes made from one image number their slots. Every other setting
is written by hand beside it, or given as a flag of run.

Example:
    $ ota-node join demo.invite --slot 3
`,
  flags: { slot: { type: 'text' }, invite: { type: 'text' } },
  args: { min: 1, max: 1, what: 'a join string or an invite file' },
  run
}

/** What a call of `join` asks for. */
interface Asked {
  readonly told: Join
  readonly invite: { readonly file: InviteFile; readonly path: string } | null
  readonly slot: number | null
}

async function run(context: Context): Promise<Outcome> {
  // Loaded when asked for: the launcher shares this table and must stay small.
  const { realDisk } = await import('../../host/index.ts')
  const disk = realDisk()
  const asked = await askedOf(context, disk)
  const { file } = configFileOf(context)
  const { network, checkpoint } = asked.told
  const joinText = formatJoin(network, checkpoint)
  const slot = asked.slot
  const data = { network: joinText, config: file, invite: asked.invite?.path ?? null, slot }
  const short = toShortName(network)
  await refuseOtherHome(context, disk, network)
  const isThere = (await disk.stat(file)) !== null
  if (isThere) {
    await refuseOtherConfig(context, asked)
    context.out.result('join', data, `joined ${short} already; start with: ${startWith(context)}`)
    return { data }
  }
  if (context.dryRun) {
    context.out.result('join', data, `would write ${file}`)
    return { data }
  }
  const lines = [
    `network = "${joinText}"`,
    ...(asked.invite === null ? [] : [`invite = ${JSON.stringify(asked.invite.path)}`]),
    ...(slot === null ? [] : [`slot = ${slot}`])
  ]
  await disk.makeFolder(resolve(file, '..'))
  await disk.writeDurable(file, fromText(`${lines.join('\n')}\n`))
  context.out.result('join', data, `joined ${short}; start with: ${startWith(context)}`)
  return { data }
}

/** The command as it has to be typed from here. */
function startWith({ home }: Context): string {
  return home === null ? 'ota-node run' : `ota-node run --home ${home}`
}

async function askedOf(context: Context, disk: Disk): Promise<Asked> {
  const word = context.args[0] ?? ''
  const named = context.flags.text('invite')
  const isFile = (await disk.stat(resolve(word)))?.type === 'file'
  if (isFile && named !== null) {
    throw new OtaError('USAGE', 'an invite file is given twice', {
      hint: 'give the file alone, or a join string and --invite FILE'
    })
  }
  const path = isFile ? resolve(word) : named === null ? null : resolve(named)
  const slot = context.flags.count('slot', 0, 65_535)
  if (path === null) {
    if (slot === null) return { told: parseJoin(word), invite: null, slot }
    throw new OtaError('USAGE', '--slot needs an invite', {
      hint: 'give the invite file in place of the join string, or with --invite FILE'
    })
  }
  const { checkInvite, joinOfInvite, readInvite } = await import('./identity.ts')
  const file = await readInvite(disk, path)
  checkInvite(file, { slot, nowMs: Date.now() })
  const own = joinOfInvite(file)
  const told = isFile ? own : parseJoin(word)
  if (equal(told.network, own.network)) return { told, invite: { file, path }, slot }
  throw new OtaError('WRONG_NETWORK', `${path} invites to network ${toShortName(own.network)}`, {
    hint: `ask who invites for ${toShortName(told.network)} for an invite of that network`
  })
}

/** A home that holds statements of one network never takes another's. */
async function refuseOtherHome(context: Context, disk: Disk, network: Bytes): Promise<void> {
  const { networkOf } = await import('./offline/belief.ts')
  const held = await networkOf(disk, homeOf(context))
  if (held === null || equal(held, network)) return
  throw new OtaError('CONFIG_INVALID', `this home belongs to network ${toShortName(held)}`, {
    hint: 'give each network a home of its own with --home DIR'
  })
}

/** The config that is there says the same, or is the operator's to change. */
async function refuseOtherConfig(context: Context, { told, invite, slot }: Asked): Promise<void> {
  const { readConfig } = await import('./config/read.ts')
  const { file, named } = configFileOf(context)
  const { config } = await readConfig({ file, named, env: {}, flags: {} })
  const held = config.network === null ? null : parseJoin(config.network)
  if (held === null || !equal(held.network, told.network)) {
    const other = held === null ? 'names no network' : 'names another network'
    throw new OtaError('CONFIG_INVALID', `${file} ${other}`, {
      hint: 'give each network a home of its own with --home DIR, or remove that file'
    })
  }
  const missing = lackOf(config, { path: invite?.path ?? null, slot, told, held })
  if (missing === null) return
  throw new OtaError('CONFIG_INVALID', `${file} is there already, without ${missing}`, {
    hint: 'write that line into it, or remove the file and join again'
  })
}

interface Wanted {
  readonly path: string | null
  readonly slot: number | null
  readonly told: Join
  readonly held: Join
}

/** The line that a config lacks of what is asked for; a checkpoint is never given up for none. */
function lackOf(config: NodeConfig, { path, slot, told, held }: Wanted): string | null {
  if (path !== null && config.invite !== path) return `invite = ${JSON.stringify(path)}`
  if (slot !== null && config.slot !== slot) return `slot = ${slot}`
  const above = told.checkpoint?.version ?? 0
  const joinText = formatJoin(told.network, told.checkpoint)
  return above > (held.checkpoint?.version ?? 0) ? `network = "${joinText}"` : null
}
