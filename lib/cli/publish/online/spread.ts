import { MINUTE, OtaError, SECOND } from '../../../base/index.ts'
import type { Desk } from '../../../publish/index.ts'
import type { Evidence } from '../../../records/index.ts'
import { amount, type Context } from '../../frame/index.ts'
import { waitUntil, type Station } from './station.ts'

const WAIT_MS = MINUTE
/** How often peers are asked again whether they hold what we do. */
const ASK_EVERY_MS = 5 * SECOND

/** Throws `CONTROL_OUT_OF_BOUNDS` for what every node would make nothing of. */
export async function sayOrRefuse(
  station: Station,
  what: string,
  evidence: Evidence
): Promise<void> {
  const { answer } = await station.say(evidence)
  if (answer === 'accepted' || answer === 'duplicate') return
  throw new OtaError('CONTROL_OUT_OF_BOUNDS', `nodes would ignore ${what}, so it stays here`, {
    hint: 'its key or its release left the trust, or the key has said all it may in this epoch'
  })
}

/**
 * Waits until peers have what was said since `sinceSteadyMs`: they were given it, and two of them,
 * or the only one, have compared what they hold with us. Returns how many are connected; 0 offline.
 * `NO_PEERS` when fewer than `reach` are, or it takes longer than `--timeout`: it stays on disk.
 */
export async function waitForPeers(
  context: Context,
  desk: Desk,
  station: Station,
  since: { readonly what: string; readonly reach: number; readonly sinceSteadyMs: number }
): Promise<number> {
  const { what, reach, sinceSteadyMs } = since
  const { wire } = station
  if (wire === null) return 0
  const ready = (): number => wire.peers().filter((peer) => peer.ready).length
  let askedMs = sinceSteadyMs
  const isThere = (): boolean => {
    const nowMs = desk.clock.steadyMs()
    if (nowMs - askedMs >= ASK_EVERY_MS && ready() > 0) {
      askedMs = nowMs
      wire.walk()
    }
    context.out.progress(`spreading ${what}`, amount(ready(), 'peer'))
    return ready() >= reach && wire.settled(sinceSteadyMs)
  }
  await waitUntil(desk, isThere, {
    withinMs: context.timeoutMs ?? WAIT_MS,
    signal: context.signal,
    late: () => notThere(what, ready(), reach)
  })
  return ready()
}

function notThere(what: string, have: number, need: number): OtaError {
  const who = have === 0 ? 'nobody answers' : `${amount(have, 'peer')} of ${need} may have it`
  return new OtaError('NO_PEERS', `${what} is signed and kept here, but ${who}`, {
    hint: 'keep "ota-publish seed" running, which passes it on; check --bootstrap and --peers',
    facts: { have, need }
  })
}
