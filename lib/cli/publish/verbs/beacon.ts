import { MINUTE, OtaError } from '../../../base/index.ts'
import { currentTrust, wipeKey } from '../../../publish/index.ts'
import { evidenceId } from '../../../trust/index.ts'
import { amount, formatDuration, type Context, type Outcome } from '../../frame/index.ts'
import { actorOf, openActor } from '../acting.ts'
import { needAuthority } from '../belief.ts'
import { deskOf } from '../desk.ts'
import { beaconEveryMs, runBeacon } from '../online/beacon.ts'
import { firstLook } from '../online/look.ts'
import { networkOf } from '../online/network.ts'
import { Station, logTo } from '../online/station.ts'

/** Above this one missed beacon makes nodes stale; below, it is noise for the whole fleet. */
const EVERY_MAX_MS = 30 * MINUTE
/** Peers ignore what is dated further ahead of them. */
const SKEW_MAX_MS = 5 * MINUTE

/** `beacon run`: follows the network and says what it believes, until it is stopped. */
export async function beaconRun(context: Context): Promise<Outcome> {
  const { flags, out, signal } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const trust = currentTrust(authority.believed).body
  const everyMs = flags.duration('every') ?? beaconEveryMs
  if (everyMs < MINUTE || everyMs > EVERY_MAX_MS) {
    throw new OtaError('USAGE', `--every is 1m to 30m, not ${formatDuration(everyMs)}`, {
      hint: 'nodes call what is older than an hour stale; the default is 10m'
    })
  }
  flags.need('key')
  const actor = await actorOf(context, desk, trust, 'beacon')
  const { label } = actor
  const data = { key: label, everyMs, network: authority.believed.network }
  if (context.dryRun) return { data: { ...data, dryRun: true } }
  const key = await openActor(context, desk, actor)
  const log = logTo((line) => out.detail(line))
  let station: Station | null = null
  try {
    const network = await networkOf(context, desk)
    station = new Station(desk, authority, { network, log })
    const own = station
    await own.ready()
    // what peers hold first: a newer trust, and the numbers this key has used elsewhere
    await firstLook(context, desk, own)
    warnSkew(context, own)
    out.note(`a beacon every ${formatDuration(everyMs)} as ${label}; Ctrl-C stops it`)
    const ports = {
      believed: () => authority.believed,
      kept: () => own.pool.kept(),
      say: own.say.bind(own),
      told: (evidence: Parameters<Station['say']>[0]) => {
        const peers = own.wire?.peers().filter(({ ready }) => ready).length ?? 0
        const { seq, body } = evidence
        const version = body.tag === 'beacon' ? body.beacon.trustVersion : 0
        const id = evidenceId(evidence)
        const text = `beacon ${seq}  trust ${version}  to ${amount(peers, 'peer')}`
        out.result('beacon', { beacon: id, seq, trust: version, peers }, text)
      }
    }
    await runBeacon(desk, ports, { key, everyMs, signal })
    return { data }
  } finally {
    wipeKey(key)
    await station?.close()
  }
}

function warnSkew(context: Context, { wire }: Station): void {
  const skewMs = wire?.clockSkewMs() ?? 0
  if (Math.abs(skewMs) < SKEW_MAX_MS) return
  const off = formatDuration(Math.abs(skewMs))
  context.out.warn(`this clock is ${off} off that of peers, who ignore what lies ahead of them`)
}
