import { MINUTE, OtaError, SECOND } from '../../../base/index.ts'
import type { Desk } from '../../../publish/index.ts'
import type { Evidence } from '../../../records/index.ts'
import { amount, type Context } from '../../frame/index.ts'
import { waitUntil, type Station } from './station.ts'

const WAIT_MS = MINUTE
/** How often peers are asked again whether they hold what we do. */
const ASK_EVERY_MS = 5 * SECOND

export interface SpreadOptions {
  /** What is spread, for sentences: `brake 8yqe3w5n`. */
  readonly what: string
  /** Connected peers there must be. */
  readonly reach: number
}

/**
 * Says one statement of a single key and waits until peers have it: they were given it, and two of
 * them, or the only one, have compared what they hold with us since. Returns how many are
 * connected; 0 offline. `NO_PEERS` when that takes longer than `--timeout`: it stays on disk here.
 */
export async function spread(
  context: Context,
  desk: Desk,
  station: Station,
  { evidence, what, reach }: SpreadOptions & { readonly evidence: Evidence }
): Promise<number> {
  const startMs = desk.clock.steadyMs()
  const { answer } = await station.say(evidence)
  if (answer === 'ignored' || answer === 'rejected') {
    throw new OtaError('CONTROL_OUT_OF_BOUNDS', `nodes would ignore ${what}, so it stays here`, {
      hint: 'its key or its release left the trust, or the key has said all it may in this epoch'
    })
  }
  const { wire } = station
  if (wire === null) return 0
  const ready = (): number => wire.peers().filter((peer) => peer.ready).length
  let askedMs = startMs
  const isThere = (): boolean => {
    const nowMs = desk.clock.steadyMs()
    if (nowMs - askedMs >= ASK_EVERY_MS && ready() > 0) {
      askedMs = nowMs
      wire.walk()
    }
    context.out.progress(`spreading ${what}`, amount(ready(), 'peer'))
    return ready() >= reach && wire.settled(startMs)
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
