import { alloc, equal, HOUR, MINUTE, toHex, type Bytes } from '../../base/index.ts'
import {
  censusInterval,
  censusLine,
  censusMax,
  censusSalt,
  censusTicket,
  censusTtlMs
} from '../../crowd/index.ts'
import type { EvidenceDraft } from '../../records/index.ts'
import { draw64 } from '../../trust/index.ts'
import type { ReleaseFacts } from '../decide/facts.ts'
import type { Alarm } from '../stages/scene.ts'
import type { CensusMemory, DecideInput } from '../decide/types.ts'

const platforms = [
  'linux-x64',
  'linux-arm64',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64',
  'win32-arm64'
]

/** Longest drawn delay before a census is said; a plan that settles sooner shortens it. */
const delayMsMax = MINUTE

/**
 * The census of this node: hourly, and again when the anchor changes. The anchor is the newest
 * release whose rollout is open, else the first trust.
 */
export function takeCensus(
  input: DecideInput,
  open: ReleaseFacts | null,
  options: { readonly alarm: Alarm; readonly newest: ReleaseFacts | null }
): { readonly memory: CensusMemory | null; readonly say: readonly EvidenceDraft[] } {
  const { nowMs, memory, self, believed } = input
  if (!self.member) return { memory: memory.census, say: [] }
  const { alarm, newest } = options
  const anchor = open?.id ?? believed.network
  const interval = censusInterval(nowMs)
  alarm.reached((interval + 1) * HOUR)
  const held = memory.census
  const isSame = held !== null && held.anchor === toHex(anchor) && held.interval === interval
  const settleMs = newest?.rollout.policy.gate.settleMs ?? delayMsMax
  // an anchor may come back within the hour, when a rollout ends: one word per census
  const told = held !== null && held.interval === interval ? held.told : []
  const windowMs = Math.min(delayMsMax, settleMs)
  const due: CensusMemory = isSame
    ? held
    : {
        anchor: toHex(anchor),
        interval,
        dueMs: nowMs + delayOf(anchor, interval, { self, windowMs }),
        said: told.includes(toHex(anchor)),
        told
      }
  // without a seat nobody would count it, so it waits until the own membership is known
  const isReady = alarm.reached(due.dueMs) && input.pool.seatOf(self.nodeKey) !== null
  if (due.said || !isReady) return { memory: due, say: [] }
  const drawn = isDrawn(input, anchor, { interval, newest })
  const memoryNow = { ...due, said: true, told: [...due.told, due.anchor] }
  return { memory: memoryNow, say: drawn ? [draftOf(input, anchor, interval)] : [] }
}

function delayOf(
  anchor: Bytes,
  interval: number,
  { self, windowMs }: { readonly self: DecideInput['self']; readonly windowMs: number }
): number {
  const u = draw64('census-delay', [anchor, interval, self.nodeKey])
  return Number((BigInt(Math.floor(windowMs)) * u) >> 64n)
}

/** Everybody up to 1,250 nodes; above, who draws one of the smallest tickets. */
function isDrawn(
  { pool, nowMs, believed, self }: DecideInput,
  anchor: Bytes,
  { interval, newest }: { readonly interval: number; readonly newest: ReleaseFacts | null }
): boolean {
  const seat = pool.seatOf(self.nodeKey)
  if (seat === null) return false
  const isFirst = equal(anchor, believed.network)
  const rollout = isFirst ? null : pool.rollout(toHex(anchor))
  if (rollout !== null && seat.issuedMs >= rollout.votersBeforeMs) return false
  const nodes = Math.max(pool.census(nowMs).nodes, newest?.rollout.bands.nodes ?? 0)
  const ticket = censusTicket(censusSalt(believed.network, anchor, interval), self.nodeKey)
  return ticket < censusLine(censusMax, nodes)
}

function draftOf({ self, node }: DecideInput, anchor: Bytes, interval: number): EvidenceDraft {
  const { running } = node
  const flags =
    (self.hold ? 1 : 0) +
    (self.pinned === null ? 0 : 2) +
    (node.quarantine.length > 0 ? 4 : 0) +
    (self.level === 'auto' ? 0 : 16)
  return {
    subject: anchor.slice(0, 16),
    stage: 0,
    interval,
    seq: 0,
    ttlS: censusTtlMs / 1_000,
    body: {
      tag: 'census',
      census: {
        running: running === null ? alloc(8) : running.slice(0, 8),
        protoLow: 1,
        protoHigh: 1,
        eraBits: 0,
        migratable: true,
        platform: platforms.indexOf(self.platform) + 1,
        flags
      }
    }
  }
}
