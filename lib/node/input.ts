import type { Bytes } from '../base/index.ts'
import type { State } from '../cutover/index.ts'
import type { DecideInput, RolloutMemory } from '../rollout/index.ts'
import { fromName, type Believed } from '../trust/index.ts'
import type { NodeOptions, NodeParts } from './ports.ts'
import type { Remembered } from './remembered.ts'
import { bytesOf, wishesOf, type Unfit, type Words } from './words.ts'

/** What the conductor holds when it asks what to do. */
export interface Holdings {
  readonly believed: Believed
  readonly state: State
  readonly memory: RolloutMemory
  readonly remembered: Remembered
  readonly trustSettled: boolean
  readonly words: Words
  readonly unfit: readonly Unfit[]
}

/** Everything a decision follows from, gathered at one moment. */
export function inputOf(
  parts: Pick<NodeParts, 'pool' | 'wire'>,
  options: NodeOptions,
  held: Holdings,
  time: { readonly nowMs: number; readonly steadyMs: number }
): DecideInput {
  const { state, remembered, believed, memory, words } = held
  const { op, pointer } = state
  const { treatment } = remembered
  return {
    nowMs: time.nowMs,
    believed,
    pool: parts.pool,
    memory,
    self: {
      nodeKey: options.pair.key,
      member: parts.pool.seatOf(options.pair.key) !== null,
      platform: options.platform,
      channel: options.channel,
      tier: options.tier,
      level: options.level,
      hold: state.held,
      pinned: named(words.pinned ?? undefined),
      skipped: bytesOf(words.skipped),
      applied: bytesOf(remembered.applied),
      appliedNow: bytesOf(words.now),
      wishes: wishesOf(options, words, held.unfit),
      daemon: options.daemon,
      attest: options.attest ?? 0
    },
    node: {
      running: named(pointer?.release),
      previous: named(pointer?.prev?.release),
      quarantine: state.quarantine
        .filter(({ active }) => active)
        .map(({ release, why, nextMs }) => ({
          release: fromName(release),
          why,
          retryAtMs: nextMs
        })),
      staged: op?.state === 'waiting' && op.turn === 'no' ? named(op.release) : null,
      busy: isBusy(state) ? named(op?.release) : null,
      treatment: treatment && { ...treatment, release: fromName(treatment.release) }
    },
    network: {
      peers: parts.wire.peers().length,
      settledSince: (sinceMs) => parts.wire.settled(time.steadyMs - (time.nowMs - sinceMs)),
      coverage: (release, resume) => parts.wire.coverage(release, resume),
      clockSkewMs: parts.wire.clockSkewMs(),
      trustSettled: held.trustSettled
    }
  }
}

function named(name: string | undefined): Bytes | null {
  return name === undefined ? null : fromName(name)
}

/** An upgrade is past waiting: what it does cannot be asked for again. */
function isBusy({ op }: State): boolean {
  if (op === null) return false
  const ahead = [
    'snapshot',
    'migrated',
    'shadow',
    'checked',
    'cutover',
    'trial',
    'committed',
    'back'
  ]
  return ahead.includes(op.state) || (op.state === 'waiting' && op.turn !== 'no')
}
