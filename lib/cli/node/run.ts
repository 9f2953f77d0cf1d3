import { join, resolve } from 'node:path'
import { OtaError } from '../../base/index.ts'
import type { Command, Context, FlagTable, Outcome } from '../frame/index.ts'
import { readConfig, type Configured } from './config/read.ts'
import { configFileOf, homeOf } from './home.ts'
import type { Layer } from './config/layers.ts'
import type { NodeConfig } from './config/schema.ts'
import type { LaunchConfig } from '../../host/index.ts'

const runFlags: FlagTable = {
  network: { type: 'text' },
  invite: { type: 'text' },
  slot: { type: 'text' },
  peers: { type: 'list' },
  bootstrap: { type: 'text' },
  rendezvous: { type: 'switch' },
  host: { type: 'text' },
  port: { type: 'text' },
  level: { type: 'text' },
  channel: { type: 'text' },
  listen: { type: 'list' }
}

const listens = ' --listen http=tcp:127.0.0.1:8080'

const pageOf = (name: string, what: string) => `Usage:
    ota-node ${name} [--home DIR] [--network JOIN] [--invite FILE] [--slot N]
        [--peers HOST:PORT#KEY,...] [--bootstrap HOST:PORT,...|public|none] [--rendezvous]
        [--host ADDR] [--port N] [--level auto|stage|notify] [--channel C]
        [--listen NAME=tcp:ADDR:PORT]...${name === 'run' ? ' [-- COMMAND [ARG]...]' : ''}

${what}

Example:
    $ ota-node ${name} --invite demo.invite${name === 'run' ? listens : ''}
`

/** Commands that stay: the launcher, the daemon it starts, and the seeder. */
export const stayers: readonly Command[] = [
  {
    name: 'run',
    usage: pageOf(
      'run',
      `Runs the app of the newest release of a network and keeps it new. The launcher holds the
public ports; a daemon below it decides. COMMAND replaces the start line of the release.`
    ),
    flags: runFlags,
    args: { min: 0, max: 0, what: 'nothing' },
    rest: true,
    run
  },
  {
    name: 'daemon',
    usage: 'Usage: ota-node daemon\n\nStarted by ota-node run, not by hand.\n',
    flags: runFlags,
    args: { min: 0, max: 0, what: 'nothing' },
    rest: true,
    run: daemon
  },
  {
    name: 'seed',
    usage: pageOf(
      'seed',
      'Carries statements, evidence and bytes of a network for others, and runs no app.'
    ),
    flags: runFlags,
    args: { min: 0, max: 0, what: 'nothing' },
    run: seed
  }
]

/** The configuration of this call: flags over environment over files. */
async function configured(context: Context): Promise<Configured> {
  const { file, named } = configFileOf(context)
  const { env } = context.terminal
  return await readConfig({ file, named, env, flags: layerOf(context) })
}

function layerOf({ flags }: Context): Layer {
  const bootstrap = flags.text('bootstrap')
  const isWord = bootstrap === 'public' || bootstrap === 'none'
  const peers = flags.list('peers').flatMap((list) => list.split(','))
  const listen = flags.list('listen')
  const invite = flags.text('invite')
  return {
    network: flags.text('network') ?? undefined,
    invite: invite === null ? undefined : resolve(invite),
    slot: flags.count('slot', 0, 65_535) ?? undefined,
    level: flags.choice('level', ['auto', 'stage', 'notify']) ?? undefined,
    channel: flags.text('channel') ?? undefined,
    app: { listen: listen.length === 0 ? undefined : listen },
    swarm: {
      host: flags.text('host') ?? undefined,
      port: flags.count('port', 0, 65_535) ?? undefined,
      peers: peers.length === 0 ? undefined : peers,
      bootstrap: bootstrap === null || isWord ? (bootstrap ?? undefined) : bootstrap.split(','),
      rendezvous: flags.has('rendezvous') ? true : undefined
    }
  }
}

async function run(context: Context): Promise<Outcome> {
  const home = homeOf(context)
  const { config } = await configured(context)
  if (config.network === null && config.invite === null) {
    throw new OtaError('CONFIG_INVALID', 'no network is named', {
      hint: 'give --network JOIN or --invite FILE, or run: ota-node join JOIN'
    })
  }
  if (context.dryRun) return { message: `would run the home ${home}` }
  const { runLauncher } = await import('../../host/launcher/run.ts')
  const script = join(import.meta.dirname, '..', '..', '..', 'bin', 'ota-node.js')
  const words = [script, 'daemon', ...daemonWords(context, home)]
  const log = await logOf(context)
  // A small young generation: a daemon mostly waits, and 130 MB resident become 90.
  const flags = ['--enable-source-maps', '--max-semi-space-size=1']
  const program = [process.execPath, ...flags, ...words]
  const { user, addresses } = await launched(config)
  const exit = await runLauncher({ home, daemon: program, user, addresses }, log)
  if (exit !== 0) throw new OtaError('CONFIG_INVALID', `the daemon ended with ${exit}; see its log`)
  return {}
}

type Launched = Required<Pick<LaunchConfig, 'user' | 'addresses'>>

/** What the launcher itself may be asked for; it takes no word of the daemon for it. */
async function launched({ app }: NodeConfig): Promise<Launched> {
  const { addresses } = app
  if (app.user === null) return { user: null, addresses }
  const { findUser } = await import('../../host/rights/user.ts')
  const user = await findUser(app.user)
  if (process.getuid?.() === 0) return { user, addresses }
  throw new OtaError('CONFIG_INVALID', `[app] user = "${app.user}" needs a launcher run by root`, {
    hint: 'run it as root, or leave [app] user out: then app and daemon are one user'
  })
}

/** Flags with paths: the daemon runs in the home, so it gets them whole. */
const PATHS: readonly string[] = ['home', 'config', 'invite']

/** The words of this call as the daemon takes them. */
function daemonWords(context: Context, home: string): readonly string[] {
  const { argv } = context.terminal
  const end = argv.indexOf('--')
  const typed = end < 0 ? argv : argv.slice(0, end)
  const at = typed.indexOf('run')
  const others = withoutPaths([...typed.slice(0, at), ...typed.slice(at + 1)])
  const invite = context.flags.text('invite')
  const config = context.config === null ? [] : ['--config', resolve(context.config)]
  const invited = invite === null ? [] : ['--invite', resolve(invite)]
  const command = end < 0 ? [] : argv.slice(end)
  return [...others, '--home', home, ...config, ...invited, ...command]
}

function withoutPaths(words: readonly string[]): readonly string[] {
  const kept: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const name = PATHS.find((path) => word === `--${path}` || word.startsWith(`--${path}=`))
    if (name === undefined) kept.push(word)
    else if (word === `--${name}`) at++
  }
  return kept
}

async function daemon(context: Context): Promise<Outcome> {
  const { config } = await configured(context)
  const { runDaemon } = await import('./daemon.ts')
  const { signal, rest } = context
  await runDaemon(homeOf(context), config, { log: await logOf(context), signal, rest })
  return {}
}

async function seed(context: Context): Promise<Outcome> {
  const { config } = await configured(context)
  const { runSeeder } = await import('./seed.ts')
  const { signal, out } = context
  await runSeeder(homeOf(context), config, {
    log: await logOf(context),
    signal,
    onOpen: (address) =>
      out.result('address', { address }, `seeding at ${address ?? 'no address yet'}`)
  })
  return {}
}

/** JSON lines on stderr, for journald and people with jq. */
async function logOf({ terminal }: Context) {
  const { realClock } = await import('../../host/clock.ts')
  const clock = realClock()
  return (event: string, facts: object = {}): void => {
    terminal.stderr.write(`${JSON.stringify({ ts: clock.wallMs(), event, ...facts })}\n`)
  }
}
