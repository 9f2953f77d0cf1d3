import { assert } from '../../base/index.ts'
import type { Command, Context, FlagTable, Outcome, Program } from '../frame/index.ts'
import { overview, pages } from './usage.ts'
import {
  abortFlags,
  abortRelease,
  pauseFlags,
  pauseRelease,
  resumeFlags,
  resumeRelease,
  widenFlags,
  widenRelease
} from './verbs/control.ts'
import { init, initFlags } from './verbs/init.ts'
import { keysExport, keysImport, keysList, keysNew } from './verbs/keys.ts'
import { log, show } from './verbs/log.ts'
import { inviteFlags, invite } from './verbs/people.ts'
import { isSourcePack, pack, packFlags } from './verbs/pack.ts'
import { propose, proposeFlags } from './verbs/release.ts'
import {
  revokeKeyFlags,
  rotateFlags,
  trustFlags,
  trustPropose,
  trustRevoke,
  trustRotate,
  trustShow
} from './verbs/trust.ts'
import { signerFlags } from './signer.ts'
import { VERSION } from '../version.ts'
import {
  attestFlags,
  beaconFlags,
  brakeFlags,
  commitFlags,
  exportFlags,
  networkFlags,
  rehearseFlags,
  reviewFlags,
  revokeFlags,
  signFlags,
  sourceFlags,
  watchFlags
} from './flags.ts'

const keyFlags: FlagTable = { label: { type: 'text' }, output: { type: 'text', short: 'o' } }
const showFlags: FlagTable = { output: { type: 'text', short: 'o' } }
const newFlags: FlagTable = { ...keyFlags, ...signerFlags, public: { type: 'text' } }

/** The program `ota-publish`: one table for dispatch, help and "did you mean". */
export function publishProgram(): Program {
  return {
    name: 'ota-publish',
    version: VERSION,
    usage: overview,
    commands,
    aliases: {
      'rollout status': ['watch', '--once'],
      'trust review': ['review'],
      'trust sign': ['sign'],
      'trust commit': ['commit']
    }
  }
}

type Run = (context: Context) => Promise<Outcome | void>
type Args = Command['args']

function command(name: string, flags: FlagTable, args: Args, run: Run): Command {
  const usage = pages[name]
  assert(usage !== undefined, `"${name}" has a page`)
  return { name, usage, flags, args, run }
}

const none: Args = { min: 0, max: 0, what: 'no word' }
const request: Args = { min: 1, max: 1, what: 'a request file or the id of a statement' }
const answers: Args = { min: 1, max: 256, what: 'a request file or the id of a statement' }
const signers: Args = { min: 1, max: 64, what: 'the label of a signer' }
const release: Args = { min: 1, max: 1, what: 'the id of a release' }

/** What goes online loads hypercore and the swarm, which the rest need not wait for. */
const commands: readonly Command[] = [
  command('keys new', newFlags, none, keysNew),
  command('keys list', {}, none, keysList),
  command('keys export', keyFlags, none, keysExport),
  command('keys import', {}, { min: 1, max: 1, what: 'a key file' }, keysImport),
  command('init', initFlags, none, init),
  command('join', networkFlags, { min: 0, max: 1, what: 'one join string' }, async (context) =>
    (await import('./verbs/online.ts')).join(context)
  ),
  command('trust show', {}, none, trustShow),
  command('trust propose', trustFlags, none, trustPropose),
  command('trust rotate', rotateFlags, none, trustRotate),
  command('trust revoke', revokeKeyFlags, signers, trustRevoke),
  command('invite', inviteFlags, none, invite),
  command(
    'pack',
    { ...packFlags, ...sourceFlags },
    { min: 0, max: 1, what: 'a folder' },
    async (context) =>
      isSourcePack(context)
        ? await (await import('./verbs/source.ts')).packFromSource(context)
        : await pack(context)
  ),
  command('propose', proposeFlags, { min: 1, max: 32, what: 'a pack file' }, propose),
  command('review', reviewFlags, request, async (context) =>
    (await import('./verbs/sign.ts')).review(context)
  ),
  command('sign', signFlags, request, async (context) =>
    (await import('./verbs/sign.ts')).sign(context)
  ),
  command('verify', {}, answers, async (context) =>
    (await import('./verbs/sign.ts')).verify(context)
  ),
  command('commit', commitFlags, answers, async (context) =>
    (await import('./verbs/sign.ts')).commit(context)
  ),
  command('rehearse', rehearseFlags, none, async (context) =>
    (await import('./verbs/rehearse.ts')).rehearse(context)
  ),
  command('seed', networkFlags, { min: 0, max: 64, what: 'ids of releases' }, async (context) =>
    (await import('./verbs/online.ts')).seed(context)
  ),
  command('export', exportFlags, { min: 0, max: 1, what: 'one release' }, async (context) =>
    (await import('./verbs/export.ts')).exportRelease(context)
  ),
  command('watch', watchFlags, { min: 0, max: 1, what: 'one release' }, async (context) =>
    (await import('./verbs/watch.ts')).watch(context)
  ),
  command('pause', pauseFlags, release, pauseRelease),
  command('abort', abortFlags, release, abortRelease),
  command('resume', resumeFlags, release, resumeRelease),
  command('widen', widenFlags, release, widenRelease),
  command('brake', brakeFlags, release, async (context) =>
    (await import('./verbs/alone.ts')).brake(context)
  ),
  command('attest', attestFlags, release, async (context) =>
    (await import('./verbs/alone.ts')).attest(context)
  ),
  command('revoke', revokeFlags, { min: 1, max: 64, what: 'an invite' }, async (context) =>
    (await import('./verbs/revoke.ts')).revoke(context)
  ),
  command('beacon run', beaconFlags, none, async (context) =>
    (await import('./verbs/beacon.ts')).beaconRun(context)
  ),
  command('log', {}, none, log),
  command('show', showFlags, { min: 1, max: 1, what: 'the id of a statement' }, show),
  command('version', {}, none, async ({ out }) => {
    out.result('version', { version: VERSION }, `ota-publish ${VERSION}`)
    return { data: { version: VERSION } }
  })
]
