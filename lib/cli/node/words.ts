import { callDaemon } from '../../control/index.ts'
import type { WhyView } from '../../node/index.ts'
import type { Command, Context, Outcome, Value } from '../frame/index.ts'
import { OtaError } from '../../base/index.ts'
import { escapeText, parseDuration } from '../frame/index.ts'
import { controlSocket } from './home.ts'
import { looks } from './looks/index.ts'
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
  word('check', { what: 'ask the peers now; exit 4 when there is nothing new' }),
  word('hold', {
    what: `Takes no new release until the time given, or until unhold. It survives restarts; what
runs goes on, and an upgrade in its trial ends by its own result.`,
    shown: ' [--until TIME] [--reason TEXT]',
    example: ' --until 6h --reason "fair until tonight"',
    flags: { until: { type: 'text' }, reason: { type: 'text' } },
    args: ({ flags }) => ({
      ...given('until', untilMs(flags.text('until'))),
      ...given('reason', flags.text('reason'))
    })
  }),
  word('unhold', { what: 'take new releases again' }),
  word('pin', { what: 'Takes no other release than this one until unpin.', names: ['release'] }),
  word('unpin', { what: 'take any release again' }),
  word('skip', {
    what: 'Passes exactly this release over; the next one is taken.',
    names: ['release']
  }),
  word('unskip', { what: 'Takes back a skip.', names: ['release'] }),
  word('apply', {
    what: `Says yes to a release, where the level is stage or it asks first; it starts in its
turn. With --now at once: place in the order, random delay and bake are skipped for this node
only, and its reports count nowhere. With --skip-window outside of a maintenance window. Nothing
skips trust, order, quarantine, pause, halt, abort, floor, attestations, requirements, shadow or
trial.`,
    shown: ' [RELEASE] [--now] [--skip-window]',
    example: ' r8qqpy5c --now',
    most: 1,
    flags: { now: { type: 'switch' }, 'skip-window': { type: 'switch' } },
    args: ({ args, flags }) => ({
      release: args[0] ?? '',
      ...given('now', flags.has('now') ? 'yes' : null),
      ...given('skip-window', flags.has('skip-window') ? 'yes' : null)
    })
  }),
  word('rollback', {
    what: `Goes back to the previous version and keeps off the one that runs. --to names the
version that must be the one before, so that nothing else is gone back to by mistake. Where the
previous version cannot read what was written since, --accept-loss goes back to its own state:
what was written since is kept in its generation, and nobody reads it.`,
    shown: ' [--to RELEASE] [--accept-loss]',
    flags: { to: { type: 'text' }, 'accept-loss': { type: 'switch' } },
    args: ({ flags }) => ({
      ...given('to', flags.text('to')),
      ...given('accept-loss', flags.has('accept-loss') ? 'yes' : null)
    })
  }),
  word('keep', { what: 'Stays on the release that runs, where an upgrade is stuck.' }),
  word('quarantine clear', {
    what: `Ends the quarantine of a release, whatever its reason: it is judged anew, and may fail.`,
    names: ['release'],
    example: ' r8qqpy5c --force',
    flags: { force: { type: 'switch' } },
    force: 'what was seen of this release here is put aside'
  }),
  word('label', {
    what: 'Sets labels of this node, and prints all; NAME= takes one away.',
    shown: ' NAME=VALUE...',
    example: ' site=berlin',
    most: 32,
    flags: {},
    args: ({ args }) => ({ labels: args.join(',') })
  }),
  ...looks
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

interface Word {
  readonly what: string
  /** Arguments that must be there, each one word. */
  readonly names?: readonly string[]
  /** Arguments and flags as the usage shows them, where they are not the names. */
  readonly shown?: string
  readonly example?: string
  /** The most arguments, where they may be left out. */
  readonly most?: number
  readonly flags?: Command['flags']
  /** What is lost, so that `--force` is asked for. */
  readonly force?: string
  /** What the daemon is told; the names, unless given. */
  readonly args?: (context: Context) => Readonly<Record<string, string>>
}

function word(name: string, spec: Word): Command {
  const { what, names = [], flags = {}, force } = spec
  const shown = spec.shown ?? names.map((arg) => ` ${arg.toUpperCase()}`).join('')
  const forced = force === undefined ? '' : ' --force'
  const call = `ota-node ${name}`
  const example = `${call}${spec.example ?? names.map(() => ' r8qqpy5c').join('')}`
  const most = spec.most ?? names.length
  return {
    name,
    usage: `Usage: ${call}${shown}${forced} [--home DIR]

${what}

Example:
    $ ${example}
`,
    flags,
    args: { min: names.length, max: most, what: most === 0 ? 'nothing' : (names[0] ?? 'those') },
    run: async (context) => await say(context, name, spec)
  }
}

async function say(context: Context, name: string, spec: Word): Promise<Outcome> {
  const { names = [], force } = spec
  const plain = Object.fromEntries(names.map((key, at) => [key, context.args[at] ?? '']))
  const args = spec.args?.(context) ?? plain
  if (force !== undefined && !context.flags.has('force')) {
    throw new OtaError('USAGE', `${name} needs --force: ${force}`, {
      hint: `see first: ota-node ${name.startsWith('quarantine') ? 'quarantine ls' : 'status'}`
    })
  }
  if (context.dryRun) return { message: `would ask the daemon to ${name}` }
  const order = { method: 'POST', path: `/command/${encodeURIComponent(name)}`, args } as const
  const answer = await callDaemon(await controlSocket(context), order)
  // The daemon answers every word with one sentence beside its facts.
  const { message } = answer as { readonly message: string }
  context.out.result(name, answer as Value, escapeText(message))
  return { data: answer as Value }
}

function given(name: string, value: string | null): Readonly<Record<string, string>> {
  return value === null ? {} : { [name]: value }
}

/** `6h`, or a time with or without its zone, as the milliseconds a daemon is told. */
function untilMs(text: string | null): string | null {
  if (text === null) return null
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(text)) {
    return String(Date.now() + parseDuration(text, '--until'))
  }
  const atMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  if (Number.isSafeInteger(atMs)) return String(atMs)
  throw new OtaError('USAGE', `--until is a time, got "${text}"`, {
    hint: 'write it as 6h, 2026-11-21T18:00 (local) or 2026-11-21T18:00:00Z'
  })
}
