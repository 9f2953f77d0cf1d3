import { SECOND, toHex } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import { Pool } from '../../../crowd/index.ts'
import type { Against, Desk } from '../../../publish/index.ts'
import type { KnownRelease } from '../../../trust/index.ts'
import { amount, type Context } from '../../frame/index.ts'
import { networkOf } from './network.ts'
import { Station, logTo, openKept, pause } from './station.ts'

/** How long one look waits for peers and their evidence. */
const LOOK_MS = 10 * SECOND
const AGAIN_MS = SECOND

/** What keys said alone, as this home keeps it; nobody is asked. */
export async function keptEvidence(desk: Desk, authority: Authority): Promise<Pool> {
  const pool = new Pool(authority.believed)
  await openKept(desk, pool, noLog)
  return pool
}

/**
 * The same, with what peers know when the command says how to reach them; so a signer without a
 * network is never made to wait.
 */
export async function evidenceOf(
  context: Context,
  desk: Desk,
  authority: Authority
): Promise<Pool> {
  const { flags } = context
  const isOnline =
    flags.list('peers').length > 0 || flags.text('bootstrap') !== null || context.config !== null
  if (!isOnline) return await keptEvidence(desk, authority)
  const network = await networkOf(context, desk)
  const log = logTo((line) => context.out.detail(line))
  const station = new Station(desk, authority, { network, log, feeds: false })
  try {
    await station.ready()
    await firstLook(context, desk, station)
    return station.pool
  } finally {
    await station.close()
  }
}

/** Until two rounds with peers are through; nobody there is shown, not an error. */
export async function firstLook(context: Context, desk: Desk, station: Station): Promise<void> {
  const startMs = desk.clock.steadyMs()
  const endMs = startMs + (context.timeoutMs ?? LOOK_MS)
  while (!context.signal.aborted && desk.clock.steadyMs() < endMs) {
    if (station.wire?.settled(startMs) === true) return
    context.out.progress('asking peers', amount(station.wire?.peers().length ?? 0, 'peer'))
    await pause(desk, AGAIN_MS / 4, context.signal)
  }
}

/** Live brakes and disputes of a release, over all its platforms. */
export function againstOf(pool: Pool, release: KnownRelease, nowMs: number): Against {
  const hex = toHex(release.id)
  const disputes = release.body.artifacts.flatMap(
    (_, index) => pool.attestations(hex, index, nowMs).conflicts
  )
  return { brakes: pool.brakes(hex, nowMs).live, disputes }
}

function noLog(): void {
  // a command speaks through its output; what could not be read comes from peers again
}
