import { join } from 'node:path'
import { callDaemon } from '../../../control/index.ts'
import { OtaError } from '../../../base/index.ts'
import type { Command, Context, Outcome } from '../../frame/index.ts'
import { escapeText, formatTime, table } from '../../frame/index.ts'
import { historyOf } from './history.ts'
import { controlSocket, homeOf } from '../home.ts'
import { metricsOf } from './metrics.ts'
import type { NodeStatus } from '../views.ts'

/** Commands that look and change nothing. */
export const looks: readonly Command[] = [
  {
    name: 'quarantine ls',
    usage: `Usage: ota-node quarantine ls [--home DIR] [--json]

Releases that are kept from starting here, and why: host (this machine: disk, rights, port,
neighbour; tried again, never a vote), own (it failed here), fleet (halted or aborted; ends with a
resume of the signers).

Example:
    $ ota-node quarantine ls
`,
    flags: {},
    args: { min: 0, max: 0, what: 'nothing' },
    run: quarantine
  },
  {
    name: 'history',
    usage: `Usage: ota-node history [--home DIR] [--json]

What this node did, from its journal, oldest first; also while no daemon runs. The journal is made
short from time to time, and begins there.

Example:
    $ ota-node history
`,
    flags: {},
    args: { min: 0, max: 0, what: 'nothing' },
    run: history
  },
  {
    name: 'metrics',
    usage: `Usage: ota-node metrics [--home DIR]

The state of this node as Prometheus text, for a file that a collector reads.

Example:
    $ ota-node metrics
`,
    flags: {},
    args: { min: 0, max: 0, what: 'nothing' },
    run: metrics
  }
]

async function statusNow(context: Context): Promise<NodeStatus> {
  const view = await callDaemon(await controlSocket(context), { method: 'GET', path: '/status' })
  // The daemon of this build answers in the shapes of `node`.
  return view as NodeStatus
}

async function quarantine(context: Context): Promise<Outcome> {
  const { quarantine: entries } = await statusNow(context)
  const rows = entries.map(({ release, why, code, retryMs }) => [
    context.out.options.long ? release : release.slice(0, 8),
    why,
    code,
    retryMs === null ? 'not by itself' : `again at ${formatTime(retryMs)}`
  ])
  const lines = rows.length === 0 ? ['nothing is in quarantine'] : table(rows)
  context.out.result('quarantine', entries, lines)
  return { data: { quarantine: entries } }
}

async function history(context: Context): Promise<Outcome> {
  const { realDisk } = await import('../../../host/index.ts')
  const path = join(homeOf(context), 'journal')
  const bytes = await realDisk().read(path)
  if (bytes === null) {
    throw new OtaError('NOTHING_TO_DO', `there is no journal in ${homeOf(context)}`, {
      hint: 'name the home of a node that ran: --home DIR'
    })
  }
  const { rows, fault } = historyOf(bytes)
  for (const row of rows) {
    const who = context.out.options.long ? row.release : (row.release?.slice(0, 8) ?? null)
    const text = `${formatTime(row.atMs)}  ${(who ?? '').padEnd(8)}  ${escapeText(row.text)}`
    context.out.result('history', { ...row }, text)
  }
  if (fault === null) return { data: { lines: rows.length } }
  return {
    data: { lines: rows.length },
    code: fault,
    message: 'the journal cannot be read further than this'
  }
}

async function metrics(context: Context): Promise<Outcome> {
  const text = metricsOf(await statusNow(context))
  context.out.result('metrics', { text }, text.trimEnd())
  return { data: {} }
}
