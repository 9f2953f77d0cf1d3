import type { Finding } from '../../../host/index.ts'
import { isOtaError } from '../../../base/index.ts'
import { callDaemon } from '../../../control/index.ts'
import type { Command, Context, Outcome } from '../../frame/index.ts'
import { escapeText } from '../../frame/index.ts'
import { faultText, judgeConfig } from '../config/read.ts'
import { configFileOf, controlSocket, homeOf } from '../home.ts'
import type { NodeStatus } from '../views.ts'

/** `ota-node doctor`: what this machine and this node can and cannot do, in words. */
export const doctor: Command = {
  name: 'doctor',
  usage: `Usage: ota-node doctor [--home DIR] [--config FILE] [--json]

Looks at this machine and this home, with or without a running daemon, and says of each thing ok,
warn or fail, what was found, and what to do next. Exit 1 if anything fails. It tries what it says:
jails, copies and sockets are made once and thrown away; nothing of the home is changed.

Example:
    $ ota-node doctor
`,
  flags: {},
  args: { min: 0, max: 0, what: 'nothing' },
  run
}

async function run(context: Context): Promise<Outcome> {
  const findings = await examineAll(context)
  for (const one of findings) context.out.result('finding', { ...one }, linesOf(one))
  const of = (state: Finding['state']): number =>
    findings.filter((one) => one.state === state).length
  const data = { ok: of('ok'), warn: of('warn'), fail: of('fail') }
  if (data.fail === 0) return { data }
  const count = data.fail === 1 ? 'one thing fails' : `${data.fail} things fail`
  return { data, code: 'FAULTS_FOUND', message: `${count}, see above` }
}

async function examineAll(context: Context): Promise<readonly Finding[]> {
  const { examine, finding, judgeMachine, realDisk } = await import('../../../host/index.ts')
  const { judgeNetwork } = await import('./network.ts')
  const { readBelief } = await import('../offline/belief.ts')
  const home = homeOf(context)
  const disk = realDisk()
  const { file, named } = configFileOf(context)
  const { found, faults } = await judgeConfig({ file, named, env: context.terminal.env, flags: {} })
  const configs = faults.map((fault) =>
    finding('config', 'fail', faultText(fault), 'mend that line, then: ota-node config check')
  )
  if (found === null) return configs
  const { config } = found
  const sound = finding('config', 'ok', 'the configuration is sound')
  if ((await disk.stat(home)) === null) {
    const text = `there is no home at ${home}`
    return [sound, finding('home', 'fail', text, 'run: ota-node join JOIN, then: ota-node run')]
  }
  const { user } = config.app
  const { shadow, phoneHome } = config.policy
  const machine = judgeMachine(await examine(disk, home), { user, shadow, phoneHome })
  const { status, feeds } = await asked(context)
  const believed = (await readBelief(disk, home))?.believed ?? null
  const network = judgeNetwork({ nowMs: Date.now(), status, feeds, believed, config })
  return [sound, ...machine, ...network]
}

interface Asked {
  readonly status: NodeStatus | null
  readonly feeds: readonly { readonly key: string; readonly state: string }[]
}

/** What the daemon says, if one is there. */
async function asked(context: Context): Promise<Asked> {
  const socket = await controlSocket(context)
  try {
    const status = await callDaemon(socket, { method: 'GET', path: '/status' })
    const trust = await callDaemon(socket, { method: 'GET', path: '/trust' })
    // The daemon of this build answers in the shapes of `node` and of the dump.
    const { feeds } = trust as Pick<Asked, 'feeds'>
    return { status: status as NodeStatus, feeds }
  } catch (error) {
    if (isOtaError(error, 'NO_PEERS')) return { status: null, feeds: [] }
    throw error
  }
}

function linesOf({ id, state, text, next }: Finding): readonly string[] {
  const line = `${state.padEnd(4)}  ${id.padEnd(10)}  ${escapeText(text)}`
  return next === null ? [line] : [line, `${' '.repeat(18)}${escapeText(next)}`]
}
