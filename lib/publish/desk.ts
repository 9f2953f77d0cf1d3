import type { Clock, Dice, Disk } from '../base/index.ts'

/** Where one key holder keeps what. Every path is absolute. */
export interface Places {
  /** Encrypted keys, and beside them the journal of what they signed. */
  readonly keys: string
  /** Statements believed (`trusted/`), pending ones, the join string. */
  readonly home: string
  /** Hypercores: own feed and tree cores. A writer's store is no cache: never copy it. */
  readonly store: string
  /** Seeds of own feeds: mailbox keys without authority, so that `commit` needs no pass phrase. */
  readonly feeds: string
  /** What `pack` learned about folders, by tree core. */
  readonly packs: string
  /** Trusts this signer has signed, to show labels and thresholds before they are adopted. */
  readonly drafts: string
}

/** What every verb of this room is handed. */
export interface Desk {
  readonly disk: Disk
  readonly dice: Dice
  readonly clock: Clock
  readonly places: Places
}

/** The places below one folder (`--home`). */
export function placesIn(home: string): Places {
  return placesAt(`${home}/keys`, home)
}

/** The places of a person: keys beside the configuration, the rest with the state. */
export function placesAt(keys: string, home: string): Places {
  return {
    keys,
    home,
    store: `${home}/store`,
    feeds: `${home}/feeds`,
    packs: `${home}/packs`,
    drafts: `${home}/drafts`
  }
}
