import { OtaError, SECOND, equal, isOtaError } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import { heldRelease, type Desk } from '../../../publish/index.ts'
import { toShortName, type Believed, type KnownRelease } from '../../../trust/index.ts'
import { amount, type Context } from '../../frame/index.ts'
import { releaseNamed } from '../belief.ts'
import { networkOf } from './network.ts'
import { Station, logTo, pause } from './station.ts'

/** How long peers are asked for a release that this home does not hold. */
const FIND_MS = 10 * SECOND

/**
 * The release of that name, which had its quorum; of any other nobody listens to a single key. When
 * it is not here peers are asked first, unless the command is to stay alone. `USAGE`: nobody knows
 * it. `THRESHOLD_NOT_MET`: it has no quorum.
 */
export async function findReleased(
  context: Context,
  desk: Desk,
  authority: Authority,
  word: string
): Promise<KnownRelease> {
  if (!isHere(authority.believed, word) && !context.flags.has('alone')) {
    await askPeers(context, desk, authority, word)
  }
  const { believed } = authority
  const release = heldRelease(believed, releaseNamed(believed, word))
  if (believed.releases.some(({ id }) => equal(id, release.id))) return release
  throw new OtaError(
    'THRESHOLD_NOT_MET',
    `release ${toShortName(release.id)} has no quorum here, so no node runs it`,
    { hint: 'see: ota-publish log' }
  )
}

function isHere(believed: Believed, word: string): boolean {
  try {
    releaseNamed(believed, word)
    return true
  } catch (error) {
    if (isOtaError(error, 'USAGE')) return false
    throw error
  }
}

async function askPeers(
  context: Context,
  desk: Desk,
  authority: Authority,
  word: string
): Promise<void> {
  const network = await networkOf(context, desk)
  const log = logTo((line) => context.out.detail(line))
  const station = new Station(desk, authority, { network, log, feeds: false })
  try {
    await station.ready()
    const endMs = desk.clock.steadyMs() + Math.min(context.timeoutMs ?? FIND_MS, FIND_MS)
    while (!isHere(authority.believed, word) && desk.clock.steadyMs() < endMs) {
      context.signal.throwIfAborted()
      const peers = amount(station.wire?.peers().length ?? 0, 'peer')
      context.out.progress('asking for the release', peers)
      await pause(desk, SECOND / 4, context.signal)
    }
  } finally {
    await station.close()
  }
}
