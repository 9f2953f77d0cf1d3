import { MINUTE } from '../base/index.ts'
import type { Believed } from '../trust/index.ts'

/** Peers that must agree on the newest trust, and for how long, where no checkpoint was given. */
const peersLeast = 4

/** What the rule looks at; times are of the steady clock. */
export interface Sight {
  readonly believed: Believed
  /** Trust versions that connected peers say they have. */
  readonly versions: readonly number[]
  readonly steadyMs: number
}

/**
 * Whether a first install may rest on the newest trust: at once with a checkpoint that is met, else
 * after four peers have agreed on it for a minute, so that whoever dials a newcomer first cannot
 * give it an old chain alone (S93).
 */
export class Settled {
  #version = 0
  #sinceMs: number | null = null

  look({ believed, versions, steadyMs }: Sight): boolean {
    const { trust, checkpoint, fork } = believed
    if (trust === null || fork.length > 0) return false
    const { version } = trust.body
    if (checkpoint !== null) return version >= checkpoint.version
    const agree = versions.filter((theirs) => theirs === version).length >= peersLeast
    const newer = versions.some((theirs) => theirs > version)
    if (!agree || newer || version !== this.#version) this.#sinceMs = null
    this.#version = version
    if (agree && !newer) this.#sinceMs ??= steadyMs
    return this.#sinceMs !== null && steadyMs - this.#sinceMs >= MINUTE
  }
}
