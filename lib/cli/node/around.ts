import type { Authority } from '../../authority/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Pool } from '../../crowd/index.ts'
import type { Mirrors, Store } from '../../feed/index.ts'
import type { Wire } from '../../gossip/index.ts'
import type { Identity } from './identity.ts'
import type { MachineNames, MachineView } from './machine.ts'

/** What is asked beside the conductor. */
export interface Around {
  readonly clock: Clock
  readonly identity: Identity
  readonly authority: Pick<Authority, 'believed' | 'height'>
  readonly pool: Pool
  readonly store: Pick<Store, 'feeds'>
  readonly wire: Pick<Wire, 'peers' | 'search' | 'rung'>
  readonly mirrors: Pick<Mirrors, 'views'>
  /** Looks at what holds the app; asked for status alone. */
  readonly machine: (names: MachineNames) => Promise<MachineView>
}
