import {
  DAY,
  equal,
  HOUR,
  isOtaError,
  MINUTE,
  OtaError,
  SECOND,
  toHex,
  type Bytes,
  type Clock,
  type Code,
  type Dice,
  type Disk,
  type Log
} from '../../base/index.ts'
import { inBackground, Life } from '../../base/life.ts'
import type { AuthId, CoreRef } from '../../records/index.ts'
import { openDoor } from './door.ts'
import { Mirror } from './mirror.ts'
import type { CoreTree } from './tree.ts'

/** How often mirrors are asked what is new; where nobody else tells, sooner. */
const pollMs = 10 * MINUTE
const pollAloneMs = MINUTE
const firstPollMs = 2 * SECOND
/** Files taken from one mirror at a time; the rest come with the next look. */
const takenMost = 512

/** Who judges what a mirror brings: the authority and the evidence, as for any peer. */
export interface MirrorTaker {
  /** Ids worth asking for, of what it lists. */
  wants(ids: readonly AuthId[]): readonly Bytes[]
  /** Takes a statement that was asked for; false: no honest carrier would have given it. */
  take(bytes: Bytes, id: Bytes): Promise<boolean>
  lacks(evidence: Bytes): boolean
  /** The same for what a single key said. */
  hear(bytes: Bytes, id: Bytes): boolean
  /** Whether peers tell this node what is new. */
  hasPeers(): boolean
}

export interface MirrorsOptions {
  /** Addresses, as the operator wrote them. */
  readonly urls: readonly string[]
  readonly network: Bytes
}

export interface MirrorPorts {
  readonly clock: Clock
  readonly dice: Dice
  readonly disk: Disk
  readonly log: Log
}

/** A mirror as people are shown it. */
export interface MirrorView {
  readonly url: string
  /** Why it is not asked now, or null. */
  readonly dropped: { readonly code: Code; readonly text: string; readonly untilMs: number } | null
}

/** How long a mirror is left alone after what it did; anything else, an hour. */
const restMs: Partial<Record<Code, number>> = {
  NO_PEERS: MINUTE,
  TIMEOUT: 5 * MINUTE,
  INCOMPLETE: 10 * MINUTE,
  HASH_MISMATCH: DAY,
  WRONG_NETWORK: DAY
}

/**
 * The mirrors of a node's configuration: plain files that say and hold what peers do. They are
 * asked last, and trusted with nothing: statements are judged by the taker, blocks by the key of
 * their core, every length before it is read.
 */
export class Mirrors extends Life {
  readonly #ports: MirrorPorts
  readonly #mirrors: readonly Mirror[]
  readonly #network: Bytes
  readonly #resting = new Map<Mirror, { code: Code; text: string; untilMs: number }>()
  /** Cores that a mirror does not have, by its name; forgotten at each look at its index. */
  readonly #lacking = new Map<Mirror, Set<string>>()
  readonly #stop = new AbortController()
  #taker: MirrorTaker | null = null
  #cancel: () => void = () => undefined
  #polling: Promise<void> = Promise.resolve()

  /** Throws `CONFIG_INVALID` for an address that is none. */
  constructor(ports: MirrorPorts, { urls, network }: MirrorsOptions) {
    super()
    this.#ports = ports
    this.#network = network
    const { signal } = this.#stop
    this.#mirrors = urls.map((url) => new Mirror(url, openDoor({ ...ports, signal }, url)))
  }

  protected async start(): Promise<void> {
    this.own({
      close: async () => {
        this.#stop.abort()
        this.#cancel()
        await this.#polling
      }
    })
    await Promise.resolve()
  }

  views(): readonly MirrorView[] {
    return this.#mirrors.map((mirror) => ({ url: mirror.name, dropped: this.#restOf(mirror) }))
  }

  /** From now on mirrors are asked what is new. */
  follow(taker: MirrorTaker): void {
    if (this.#mirrors.length === 0) return
    this.#taker = taker
    this.#pollAfter(firstPollMs)
  }

  /** A mirror that may have this core, or null. */
  pick(core: CoreRef): Mirror | null {
    const name = toHex(core.key)
    const found = this.#mirrors.filter(
      (mirror) => this.#restOf(mirror) === null && this.#lacking.get(mirror)?.has(name) !== true
    )
    return found[Math.floor(this.#ports.dice.next() * found.length)] ?? null
  }

  /** The hashes of a core as this mirror has them; null where it has not. */
  async treeOf(mirror: Mirror, core: CoreRef): Promise<CoreTree | null> {
    const tree = await mirror.tree(core)
    if (tree === null) this.lacks(mirror, core)
    return tree
  }

  lacks(mirror: Mirror, core: CoreRef): void {
    const lacking = this.#lacking.get(mirror) ?? new Set<string>()
    this.#lacking.set(mirror, lacking.add(toHex(core.key)))
  }

  /** What a mirror did wrong; it is named, and left alone for a while. */
  drop(mirror: Mirror, { code, message }: OtaError): void {
    if (this.#stop.signal.aborted || this.#restOf(mirror) !== null) return
    const untilMs = this.#ports.clock.steadyMs() + (restMs[code] ?? HOUR)
    this.#resting.set(mirror, { code, text: message, untilMs })
    this.#ports.log('mirror-dropped', { mirror: mirror.name, code, text: message })
  }

  #restOf(mirror: Mirror): { code: Code; text: string; untilMs: number } | null {
    const found = this.#resting.get(mirror)
    if (found === undefined) return null
    if (found.untilMs > this.#ports.clock.steadyMs()) return found
    this.#resting.delete(mirror)
    return null
  }

  #pollAfter(delayMs: number): void {
    if (this.#stop.signal.aborted) return
    const { clock, dice } = this.#ports
    // A fleet that starts together does not ask together.
    const spreadMs = delayMs * (0.8 + 0.4 * dice.next())
    this.#cancel = clock.after(spreadMs, () => {
      this.#polling = this.#poll().catch(inBackground)
    })
  }

  async #poll(): Promise<void> {
    const taker = this.#taker
    if (taker === null) return
    for (const mirror of this.#mirrors) {
      if (this.#stop.signal.aborted) return
      if (this.#restOf(mirror) !== null) continue
      try {
        await this.#read(mirror, taker)
      } catch (error) {
        if (!isOtaError(error)) throw error
        this.drop(mirror, error)
      }
    }
    this.#pollAfter(taker.hasPeers() ? pollMs : pollAloneMs)
  }

  async #read(mirror: Mirror, taker: MirrorTaker): Promise<void> {
    const index = await mirror.index()
    if (index === null) throw new OtaError('INCOMPLETE', 'it has no file "index"')
    if (!equal(index.network, this.#network)) {
      throw new OtaError('WRONG_NETWORK', 'it is a mirror of another network')
    }
    this.#lacking.delete(mirror)
    await this.#readStatements(mirror, index.statements, taker)
    const missing = index.evidence.filter((id) => taker.lacks(id))
    for (const id of missing.slice(0, takenMost)) {
      if (this.#stop.signal.aborted) return
      const bytes = await mirror.evidence(id)
      if (bytes !== null && !taker.hear(bytes, id)) throw lied('evidence')
    }
  }

  /** What was taken may be what others were waiting for: a first trust comes alone (S16, S20). */
  async #readStatements(
    mirror: Mirror,
    listed: readonly AuthId[],
    taker: MirrorTaker
  ): Promise<void> {
    const asked = new Set<string>()
    while (asked.size < takenMost && !this.#stop.signal.aborted) {
      const id = taker.wants(listed).find((one) => !asked.has(toHex(one)))
      if (id === undefined) return
      asked.add(toHex(id))
      const bytes = await mirror.statement(id)
      if (bytes !== null && !(await taker.take(bytes, id))) throw lied('a statement')
    }
  }
}

function lied(what: string): OtaError {
  return new OtaError('HASH_MISMATCH', `it gave ${what} that is not what it is named for`)
}
