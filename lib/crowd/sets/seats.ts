import type { Bytes } from '../../base/index.ts'
import type { Seat } from '../../trust/index.ts'

/** What the pool must know of a reporting key: how old it is, and who runs it. */
export interface PoolSeat {
  readonly issuedMs: number
  /** Label of the operator; without one the invite counts as one (S102). */
  readonly operator: string
  /** Stages later by declared responsibility: 0 leaf, 1 normal, 2 critical. */
  readonly lag: 0 | 1 | 2
}

/** In open membership every key may report: nothing bounds or dates it. */
export const openSeat: PoolSeat = { issuedMs: 0, operator: '', lag: 0 }

/** Reads the labels of an invite. `tier` puts the least responsible first. */
export function poolSeatOf({ invite, certificate }: Seat): PoolSeat {
  const label = (name: string) => invite.labels.find((one) => one.name === name)?.value
  const tier = label('tier')
  return {
    issuedMs: certificate.issuedMs,
    operator: label('operator') ?? `invite ${keyText(invite.invite)}`,
    lag: tier === 'critical' ? 2 : tier === 'normal' ? 1 : 0
  }
}

function keyText(key: Bytes): string {
  return key.join('.')
}
