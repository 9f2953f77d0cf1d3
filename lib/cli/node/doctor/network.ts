import { DAY, HOUR, MINUTE } from '../../../base/index.ts'
import { finding, type Finding } from '../../../host/index.ts'
import { signedDateMs, type Believed } from '../../../trust/index.ts'
import { formatDuration, formatTime } from '../../frame/index.ts'
import { VERSION } from '../../version.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { NodeStatus } from '../views.ts'

/** What is known of the network: from the daemon, or without one from the files of the home. */
export interface NetworkFacts {
  readonly nowMs: number
  /** Null: no daemon answers. */
  readonly status: NodeStatus | null
  /** Feeds as the daemon reads them; empty without one. */
  readonly feeds: readonly { readonly key: string; readonly state: string }[]
  /** Null: the home holds no statements. */
  readonly believed: Believed | null
  readonly config: NodeConfig
}

/** A trust has to be signed anew by people, who need time for it. */
const renewMs = 60 * DAY
const skewWarnMs = MINUTE

/** Judges what a node sees of its network, each thing by itself, in a fixed order. */
export function judgeNetwork(facts: NetworkFacts): readonly Finding[] {
  return [
    daemon(facts),
    clock(facts),
    trust(facts),
    ...(facts.status === null ? [] : [freshness(facts.status), feeds(facts)]),
    ...(facts.status === null ? [] : [peers(facts.status, facts), slot(facts.status)])
  ]
}

function daemon({ status }: NetworkFacts): Finding {
  if (status === null) {
    const text = 'no daemon answers: what only a running one knows is left out'
    return finding('daemon', 'warn', text, 'start it with: ota-node run')
  }
  if (status.daemon === VERSION) return finding('daemon', 'ok', `the daemon is ${VERSION}, as this`)
  const text = `the daemon is ${status.daemon}, this program is ${VERSION}`
  const next = 'end the daemon once, the app goes on: its launcher starts the new one'
  return finding('daemon', 'warn', text, next)
}

function clock({ status, believed, nowMs }: NetworkFacts): Finding {
  const signedMs = believed === null ? 0 : signedDateMs(believed)
  if (nowMs < signedMs) {
    const text = `this clock is at ${formatTime(nowMs)}, before what signers signed`
    return finding('clock', 'fail', text, 'set it, and let it be kept: timedatectl set-ntp true')
  }
  const skewMs = status?.clockSkewMs ?? null
  if (skewMs === null) return finding('clock', 'ok', 'not before the newest signed date')
  const text = `${formatDuration(Math.abs(skewMs))} off the median of the peers`
  if (Math.abs(skewMs) <= skewWarnMs) return finding('clock', 'ok', text)
  const state = Math.abs(skewMs) > HOUR ? 'fail' : 'warn'
  return finding('clock', state, text, 'let it be kept: timedatectl set-ntp true')
}

function trust({ believed, nowMs }: NetworkFacts): Finding {
  const newest = believed?.trust ?? null
  if (newest === null) {
    return finding('trust', 'warn', 'no trust is here yet', 'it comes from the first peer')
  }
  const { version, expiresMs } = newest.body
  if (believed !== null && believed.fork.length > 0) {
    const text = `trust ${version} stands against another: nothing is installed`
    return finding('trust', 'fail', text, 'ask the signers for a trust that both sides sign')
  }
  const leftMs = expiresMs - nowMs
  const left = leftMs <= 0 ? 'has expired' : `expires in ${formatDuration(leftMs)}`
  const text = `trust ${version} ${left}`
  if (leftMs > renewMs) return finding('trust', 'ok', text)
  return finding('trust', 'fail', text, 'ask the signers to renew it: ota-publish trust propose')
}

function freshness({ freshness: { state, ageMs } }: NodeStatus): Finding {
  if (state === 'none') {
    return finding('freshness', 'ok', 'no beacon is listed: the expiry of the trust alone counts')
  }
  const age =
    ageMs === null ? 'no beacon was heard yet' : `last beacon ${formatDuration(ageMs)} ago`
  if (state === 'fresh') return finding('freshness', 'ok', age)
  const bad = state === 'stale' ? 'warn' : 'fail'
  return finding('freshness', bad, `${state}: ${age}`, 'look for other peers: ota-node check')
}

function feeds({ feeds: list }: NetworkFacts): Finding {
  const live = list.filter(({ state }) => state === 'reading')
  const text = `${live.length} of ${list.length} feeds are read`
  if (list.length === 0) return finding('feeds', 'ok', 'the trust names no feed')
  if (live.length === list.length) return finding('feeds', 'ok', text)
  const state = live.length === 0 ? 'fail' : 'warn'
  return finding('feeds', state, text, 'ask the signers to name another feed in the next trust')
}

function peers({ peers: count }: NodeStatus, { config }: NetworkFacts): Finding {
  if (count > 0) return finding('peers', 'ok', `${count} connected`)
  const { peers: told, bootstrap } = config.swarm
  const isAlone = told.length === 0 && bootstrap === 'none'
  if (isAlone) {
    const next = 'bring releases by file: ota-node import FILE'
    return finding('peers', 'warn', 'nobody is connected, and nobody is named to be', next)
  }
  const next = 'see that UDP goes out, or name a peer: --peers HOST:PORT#KEY'
  return finding('peers', 'fail', 'nobody is connected', next)
}

function slot({ slot: held }: NodeStatus): Finding {
  if (held === null) return finding('slot', 'ok', 'an open network, or no invite: no slot')
  const name = `slot ${held.slot} of its invite`
  if (held.state === 'held') return finding('slot', 'ok', `${name} is this node’s alone`)
  if (held.state === 'doubled') {
    const next = 'give one of the two nodes another slot: ota-node join INVITE --slot N'
    return finding('slot', 'fail', `${name} is claimed by another node too`, next)
  }
  const state = held.state === 'refused' ? 'fail' : 'warn'
  return finding('slot', state, `${name} does not count: ${held.reason}`, 'ask for a new invite')
}
