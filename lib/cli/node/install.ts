import { basename, join, resolve } from 'node:path'
import { fromText, isOtaError, OtaError, toText, type Disk } from '../../base/index.ts'
import type { UnitFile } from '../../host/index.ts'
import type { Command, Context, Outcome } from '../frame/index.ts'
import { faultText, judgeConfig } from './config/read.ts'
import type { NodeConfig } from './config/schema.ts'
import { configFileOf, homeOf } from './home.ts'

const unitFolder = '/etc/systemd/system'

/** Commands that make a home a service of this machine, and take that back. */
export const services: readonly Command[] = [
  {
    name: 'install',
    usage: `Usage: ota-node install [--home DIR] [--config FILE] [--name NAME] [--socket]
                        [--root DIR] [--force]

Writes the systemd unit ota-node@NAME.service for this home, one per app; NAME is the last part of
the home unless given. With --socket also a unit for each address of [app] listen, so that
connections wait while the launcher itself is restarted. --dry-run prints what would be written,
--root DIR writes below another root. Nothing is started: the commands for that are printed.

Example:
    $ ota-node install --home /var/lib/upswell/demo --dry-run
`,
    flags: {
      name: { type: 'text' },
      root: { type: 'text' },
      socket: { type: 'switch' },
      force: { type: 'switch' }
    },
    args: { min: 0, max: 0, what: 'nothing' },
    run: install
  },
  {
    name: 'uninstall',
    usage: `Usage: ota-node uninstall [--home DIR] [--name NAME] [--root DIR]

Removes the units that install wrote for this home. The home stays as it is, with its keys, its
state and the versions in it.

Example:
    $ ota-node uninstall --home /var/lib/upswell/demo
`,
    flags: { name: { type: 'text' }, root: { type: 'text' } },
    args: { min: 0, max: 0, what: 'nothing' },
    run: uninstall
  }
]

interface Target {
  readonly name: string
  readonly folder: string
  readonly isHere: boolean
}

function targetOf({ flags, ...context }: Context): Target {
  const root = flags.text('root')
  const name = flags.text('name') ?? basename(homeOf({ flags, ...context }))
  const folder = root === null ? unitFolder : join(resolve(root), unitFolder)
  return { name, folder, isHere: root === null }
}

async function install(context: Context): Promise<Outcome> {
  const { realDisk, unitFiles } = await import('../../host/index.ts')
  const config = await soundConfig(context)
  const { name, folder, isHere } = targetOf(context)
  const script = join(import.meta.dirname, '..', '..', '..', 'bin', 'ota-node.js')
  const files = unitFiles({
    name,
    home: homeOf(context),
    config: context.config === null ? null : resolve(context.config),
    program: [process.execPath, script],
    sockets: context.flags.has('socket') ? socketsOf(config) : []
  })
  if (context.dryRun) {
    for (const file of files) show(context, folder, file)
    return { message: `would write ${files.map((one) => one.file).join(', ')}` }
  }
  const disk = realDisk()
  const news = await newOf(disk, folder, { files, force: context.flags.has('force') })
  for (const file of news) await write(disk, folder, file)
  const units = files.map(({ file }) => file)
  const start = nextWords(units)
  const done = news.length === 0 ? 'is installed already' : 'is installed'
  const data = { name, folder, files: units, wrote: news.map(({ file }) => file), next: start }
  const then = isHere ? [`start it with: ${start}`] : []
  context.out.result('install', data, [`ota-node@${name} ${done} in ${folder}`, ...then])
  return { data }
}

async function uninstall(context: Context): Promise<Outcome> {
  const { isUnitOf, realDisk } = await import('../../host/index.ts')
  const { name, folder, isHere } = targetOf(context)
  const disk = realDisk()
  const files = (await disk.list(folder)).filter((file) => isUnitOf(file, name))
  if (files.length === 0) {
    throw new OtaError('NOTHING_TO_DO', `no unit of "${name}" is in ${folder}`, {
      hint: 'name the home or the service: --home DIR, --name NAME'
    })
  }
  const list = files.join(', ')
  if (context.dryRun) return { message: `would remove ${list}` }
  for (const file of files) await disk.remove(join(folder, file))
  const data = { name, folder, files }
  const then = isHere
    ? [`what still runs ends with: systemctl stop ota-node@${name}; then: systemctl daemon-reload`]
    : []
  const stays = `the home ${homeOf(context)} stays as it is`
  context.out.result('uninstall', data, [`removed ${list}; ${stays}`, ...then])
  return { data }
}

/** A service that could only end at once is not installed: its configuration must be whole. */
async function soundConfig(context: Context): Promise<NodeConfig> {
  const { file, named } = configFileOf(context)
  const { found, faults } = await judgeConfig({ file, named, env: {}, flags: {} })
  if (found === null) {
    throw new OtaError('CONFIG_INVALID', faults.map(faultText).join('; '), {
      hint: 'see it with: ota-node config check'
    })
  }
  if (found.config.network !== null || found.config.invite !== null) return found.config
  throw new OtaError('CONFIG_INVALID', `no network is named in ${file}`, {
    hint: `run first: ota-node join JOIN --home ${homeOf(context)}`
  })
}

function socketsOf({ app }: NodeConfig): { readonly name: string; readonly address: string }[] {
  if (app.listen.length === 0) {
    throw new OtaError('USAGE', '--socket needs an address in [app] listen', {
      hint: 'write it as: listen = ["http=tcp:0.0.0.0:8080"]'
    })
  }
  return app.listen.map((text) => {
    const [name = '', address = ''] = text.split('=')
    return { name, address: address.replace(/^tcp:/, '') }
  })
}

/** What is not there yet; a file that says something else is somebody's work and is asked for. */
async function newOf(
  disk: Disk,
  folder: string,
  { files, force }: { readonly files: readonly UnitFile[]; readonly force: boolean }
): Promise<readonly UnitFile[]> {
  const news: UnitFile[] = []
  for (const file of files) {
    const held = await disk.read(join(folder, file.file))
    if (held !== null && toText(held) === file.text) continue
    if (held !== null && !force) {
      throw new OtaError('USAGE', `${join(folder, file.file)} is there and says something else`, {
        hint: 'changes belong into a drop-in (systemctl edit); --force writes it anew'
      })
    }
    news.push(file)
  }
  return news
}

async function write(disk: Disk, folder: string, { file, text }: UnitFile): Promise<void> {
  const path = join(folder, file)
  try {
    await disk.makeFolder(folder, 0o755)
    await disk.writeDurable(path, fromText(text))
    await disk.chmod(path, 0o644)
  } catch (cause) {
    if (!isOtaError(cause, 'NO_PERMISSION')) throw cause
    throw new OtaError('NO_PERMISSION', `${path} cannot be written`, {
      hint: 'run it as root, or look at it with --dry-run and put it there yourself',
      cause
    })
  }
}

function show({ out }: Context, folder: string, { file, text }: UnitFile): void {
  const path = join(folder, file)
  out.result('unit', { path, text }, [`# ${path}`, ...text.trimEnd().split('\n')])
}

function nextWords(units: readonly string[]): string {
  const names = units.map((file) => file.replace('.service', '')).join(' ')
  return `systemctl daemon-reload && systemctl enable --now ${names}`
}
