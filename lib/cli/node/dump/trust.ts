import { OtaError, isOtaError, type Bytes, type Disk } from '../../../base/index.ts'
import { Pool } from '../../../crowd/index.ts'
import { callDaemon } from '../../../control/index.ts'
import { KeptFile } from '../../../node/index.ts'
import type { Context, Outcome, Value } from '../../frame/index.ts'
import { controlSocket, homeOf } from '../home.ts'
import { readBelief } from '../offline/belief.ts'
import { readOnly } from '../offline/read-only.ts'
import { dumpOf } from './dump.ts'
import type { TrustDump } from './types.ts'

/** `ota-node trust`: what this node believes, of its daemon if one runs, else of its files. */
export async function trust(context: Context): Promise<Outcome> {
  const { realDisk } = await import('../../../host/index.ts')
  const dump = (await ofDaemon(context)) ?? (await ofFiles(context, realDisk()))
  // Cast: the dump is plain JSON by its type, which has no index signature.
  const data = dump as unknown as Value
  context.out.result('trust', data, asciiJson(dump))
  return { data: { schema: dump.schema, source: dump.source, join: dump.join } }
}

/** Labels and reasons are foreign text: what could repaint a terminal is written as `\\u`. */
function asciiJson(dump: TrustDump): string {
  return JSON.stringify(dump, null, 2).replace(/[^\n -~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

async function ofDaemon(context: Context): Promise<TrustDump | null> {
  try {
    const answer = await callDaemon(await controlSocket(context), { method: 'GET', path: '/trust' })
    // The daemon of this build answers in the shape of this file.
    return answer as TrustDump
  } catch (error) {
    if (isOtaError(error, 'NO_PEERS')) return null
    throw error
  }
}

async function ofFiles(context: Context, disk: Disk): Promise<TrustDump> {
  const home = homeOf(context)
  const authority = await readBelief(disk, home)
  if (authority === null) {
    throw new OtaError('TRUST_GAP', `"${home}" believes nothing yet`, {
      hint: 'name the home of a node with --home DIR, or start it with: ota-node run'
    })
  }
  const { believed } = authority
  const pool = new Pool(believed)
  const nowMs = Date.now()
  const hadDigest = (digest: Bytes): boolean => authority.hadDigest(digest)
  const kept = { path: `${home}/evidence`, pool, nowMs }
  await KeptFile.open(readOnly(disk), noLog, kept)
  pool.setContext({ believed, hadDigest })
  const height = (channel: string) => authority.height(channel)
  return dumpOf({ source: 'files', believed, height, pool, feeds: null, nowMs })
}

function noLog(): void {
  // a command speaks through its output; the daemon has the log
}
