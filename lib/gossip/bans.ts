import { HOUR, MINUTE, toHex, type Bytes, type Clock } from '../base/index.ts'

/** Rejects within `windowMs` that end in a ban. */
const rejectsMax = 3
const windowMs = 10 * MINUTE
const banMs = HOUR
/** Keys remembered; the oldest goes. A key that is fresh costs an attacker nothing anyway. */
const keysMax = 4_096

/**
 * Who sent three rejected things in ten minutes stays out for an hour (S114). Kept by swarm key and
 * by reporting key; it reaches the connection only, never the statements of others. hyperswarm's
 * own `firewall` is not used: it bans for ever.
 */
export class Bans {
  readonly #clock: Clock
  readonly #rejects = new Map<string, readonly number[]>()
  readonly #until = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one reject against `key`; true if that was the one that bans it. */
  reject(key: Bytes): boolean {
    const name = toHex(key)
    const nowMs = this.#clock.steadyMs()
    const recent = (this.#rejects.get(name) ?? []).filter((atMs) => atMs > nowMs - windowMs)
    keep(this.#rejects, name, [...recent, nowMs])
    if (recent.length + 1 < rejectsMax) return false
    this.#rejects.delete(name)
    this.ban(key)
    return true
  }

  ban(key: Bytes): void {
    keep(this.#until, toHex(key), this.#clock.steadyMs() + banMs)
  }

  has(key: Bytes): boolean {
    const untilMs = this.#until.get(toHex(key))
    return untilMs !== undefined && untilMs > this.#clock.steadyMs()
  }
}

function keep<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name)
  map.set(name, value)
  const [oldest] = map.keys()
  if (map.size > keysMax && oldest !== undefined) map.delete(oldest)
}
