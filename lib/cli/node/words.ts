import { callDaemon } from '../../control/index.ts'
import type { WhyView } from '../../node/index.ts'
import type { Command, Context, Outcome, Value } from '../frame/index.ts'
import { controlSocket } from './home.ts'
import { sentenceOf } from './alarms.ts'
import { statusLines, whyLines, type NodeStatus } from './views.ts'

/** Commands that ask the daemon of a home, or give it an operator's word. */
export const words: readonly Command[] = [
  {
    name: 'status',
    usage: `Usage: ota-node status [--home DIR] [--json]

What runs, what comes next, who is connected, how fresh the news is, days to trust expiry. Exit 0,
or the code of the worst state: an operator is needed (22), trust (12), stale (13), disk (30), held
or halted (17).

Example:
    $ ota-node status
`,
    flags: {},
    args: { min: 0, max: 0, what: 'nothing' },
    run: status
  },
  {
    name: 'why',
    usage: `Usage: ota-node why [RELEASE] [--home DIR] [--json]

Why a release is, or is not, installed here: the first condition that fails, then all of them, then
this node's place in the order and its proof, computed again from the values that drawers gave.

Example:
    $ ota-node why r8qqpy5c
`,
    flags: {},
    args: { min: 0, max: 1, what: 'one release' },
    run: why
  },
  word('check', 'ask the peers now; exit 4 when there is nothing new', []),
  word('hold', 'take no new release until unhold; survives restarts', []),
  word('unhold', 'take new releases again', []),
  word('apply', 'say yes to a release, where the level is stage or it asks; it starts in turn', [
    'release'
  ]),
  word('rollback', 'go back to the previous version and keep off the one that runs', [])
]

async function status(context: Context): Promise<Outcome> {
  const view = await callDaemon(await controlSocket(context), { method: 'GET', path: '/status' })
  // The daemon of this build answers in the shapes of `node`.
  const seen = view as NodeStatus
  context.out.result('status', view as Value, statusLines(seen, Date.now()))
  const { worst } = seen
  if (worst === null) return { data: view as Value }
  return { data: view as Value, code: worst, message: sentenceOf(worst) }
}

async function why(context: Context): Promise<Outcome> {
  const path = `/why/${encodeURIComponent(context.args[0] ?? '')}`
  const view = await callDaemon(await controlSocket(context), { method: 'GET', path })
  context.out.result('why', view as Value, whyLines(view as WhyView))
  return { data: view as Value }
}

function word(name: string, what: string, names: readonly string[]): Command {
  const shown = names.map((arg) => ` [${arg.toUpperCase()}]`).join('')
  const call = `ota-node ${name}`
  return {
    name,
    usage: `Usage: ${call}${shown} [--home DIR]\n\n${what}\n\nExample:\n    $ ${call}\n`,
    flags: {},
    args: { min: 0, max: names.length, what: names.length === 0 ? 'nothing' : `one ${names[0]}` },
    run: async (context) => {
      if (context.dryRun) return { message: `would ask the daemon to ${name}` }
      const args = Object.fromEntries(names.map((key, at) => [key, context.args[at] ?? '']))
      const order = { method: 'POST', path: `/command/${name}`, args } as const
      const answer = await callDaemon(await controlSocket(context), order)
      // The daemon answers every word with one sentence beside its facts.
      const { message } = answer as { readonly message: string }
      context.out.result(name, answer as Value, message)
      return { data: answer as Value }
    }
  }
}
