import { isOtaError, toHex, type Bytes } from '../base/index.ts'
import { decodeStatement, type Statement } from '../records/index.ts'
import { Admission, type Believed, type Ruling } from '../trust/index.ts'
import { isEarly, type Parked } from './parked.ts'
import type { Wants } from './wants.ts'

/** Bytes of one statement, and the carrier's name in the log. */
export interface Arrival {
  readonly bytes: Bytes
  readonly from: string
}

export interface Said {
  readonly ruling: Ruling
  readonly from: string
}

export interface RoundParts {
  readonly start: Believed
  /** Releases that are never forgotten. */
  readonly inUse: readonly Bytes[]
  readonly parked: Parked
  readonly wants: Wants
  readonly nowMs: number
}

/**
 * Judges what has arrived, one statement after the other, in memory alone: nothing of it holds
 * before it lies on disk. A new trust, or one on the way to it, may be what others were waiting
 * for, and one of those a trust again.
 */
export class Round {
  readonly #admission: Admission
  readonly #parked: Parked
  readonly #wants: Wants
  readonly #nowMs: number
  readonly #said: Said[] = []
  /** Who brought what last, by hex id. */
  readonly #carriers = new Map<string, string>()

  constructor({ start, inUse, parked, wants, nowMs }: RoundParts) {
    this.#admission = new Admission(start, { inUse })
    this.#parked = parked
    this.#wants = wants
    this.#nowMs = nowMs
  }

  /** Everything that was ruled, in order, those that had waited too. */
  get said(): readonly Said[] {
    return this.#said
  }

  carrierOf(hex: string): string | null {
    return this.#carriers.get(hex) ?? null
  }

  believed(): Believed {
    return this.#admission.believed()
  }

  take(arrival: Arrival): Ruling {
    let { trusts } = this.#admission.view
    const ruling = this.#takeOne(arrival)
    // A list of trusts is a value: another one stands for another chain.
    while (trusts !== this.#admission.view.trusts) {
      trusts = this.#admission.view.trusts
      for (const early of this.#parked.take()) this.#takeOne(early)
    }
    return ruling
  }

  #takeOne({ bytes, from }: Arrival): Ruling {
    let statement: Statement
    try {
      statement = decodeStatement(bytes)
    } catch (error) {
      if (!isOtaError(error)) throw error
      const { code, message } = error
      return this.#say({ tag: 'refused', code, message, id: null }, from)
    }
    const ruling = this.#admission.take(statement, this.#nowMs)
    this.#say(ruling, from)
    const { id } = ruling
    if (id === null) return ruling
    const hex = toHex(id)
    const { view } = this.#admission
    this.#wants.note(view, hex, statement.entries.length)
    this.#carriers.set(hex, from)
    const isWaiting = ruling.tag === 'pending' && ruling.isNew
    const earlier = isWaiting ? this.#parked.takeOf(id) : []
    if (isEarly({ hex, ruling }, statement, view)) this.#parked.add({ id, bytes, from })
    return this.#complete(ruling, earlier)
  }

  /** Unites what is pending now with what came too early to be kept; the best ruling of them. */
  #complete(ruling: Ruling, earlier: ReturnType<Parked['takeOf']>): Ruling {
    let best = ruling
    for (const arrival of earlier) {
      const next = this.#takeOne(arrival)
      if (next.tag === 'admitted' || next.tag === 'kept') best = next
    }
    return best
  }

  #say(ruling: Ruling, from: string): Ruling {
    this.#said.push({ ruling, from })
    return ruling
  }
}
