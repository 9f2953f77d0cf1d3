import { DAY, toHex, type Bytes } from '../../base/index.ts'
import type { Brake, Evidence } from '../../records/index.ts'
import { isLifted } from '../../trust/index.ts'
import type { SetRef } from '../ports.ts'
import { actOf, byId, unique, type Act, type Book } from './act.ts'
import type { Ground } from './ground.ts'

export interface BrakeSaid {
  readonly release: Bytes
  /** The release it is about, in hex. */
  readonly hex: string
  /** Of the release. */
  readonly epoch: number
  readonly lastsMs: number
  readonly reason: Brake['reason']
  readonly note: string
}

/** Brakes of one key on one release under one seq: one brake, however often it was worded. */
export interface BrakeGroup {
  readonly signer: string
  readonly hex: string
  readonly epoch: number
  readonly seq: number
  /** When the first of them was heard. */
  readonly receivedMs: number
  readonly acts: readonly Act<BrakeSaid>[]
}

/** A brake lasts no longer, from receipt. */
const lastsMaxMs = DAY
/** Brakes of one key in one epoch (S104). */
const perEpochMax = 3

/**
 * Brakes as they were heard. Which three of an epoch count, and since when, is a matter of receipt:
 * were it one of dates, a stolen key could renew its brake every day for ever.
 */
export class BrakeBook implements Book<BrakeSaid> {
  #ground: Ground
  readonly #groups = new Map<string, BrakeGroup>()

  constructor(ground: Ground) {
    this.#ground = ground
  }

  read(evidence: Evidence, nowMs: number): Act<BrakeSaid> | null {
    const { body, signer, subject, ttlS } = evidence
    if (body.tag !== 'brake' || !this.#ground.brakers.has(toHex(signer))) return null
    const known = this.#ground.releases.get(toHex(subject))
    if (known === undefined) return null
    const lastsMs = Math.min(ttlS === 0 ? lastsMaxMs : ttlS * 1_000, lastsMaxMs)
    const { id, body: release } = known
    const { reason, note } = body.brake
    const about = { release: id, hex: toHex(id), epoch: release.epoch }
    const said = { ...about, lastsMs, reason, note }
    return actOf(evidence, { said, ttlMs: lastsMs, receivedMs: nowMs })
  }

  refOf({ said }: Act<BrakeSaid>): SetRef {
    return { type: 50, subject: said.release.slice(0, 8), a: 0, b: 0, c: 0 }
  }

  holds(act: Act<BrakeSaid>): boolean {
    const group = this.#groups.get(keyOf(act))
    return group?.acts.some(({ idHex }) => idHex === act.idHex) ?? false
  }

  /** A fourth of an epoch is nothing to anybody; a replay of a lapsed one is held already. */
  hasRoom(act: Act<BrakeSaid>): boolean {
    const held = this.#groups.get(keyOf(act))
    if (held !== undefined) return this.#worded([...held.acts, act]).includes(act)
    return this.#counted([...this.#groups.values(), groupOf(act)]).has(keyOf(act))
  }

  add(act: Act<BrakeSaid>): 'news' | 'quiet' {
    const key = keyOf(act)
    const held = this.#groups.get(key)
    const acts = this.#worded([...(held?.acts ?? []), act])
    const receivedMs = Math.min(held?.receivedMs ?? Infinity, act.receivedMs)
    this.#groups.set(key, { ...groupOf(act), receivedMs, acts })
    const counted = this.#counted([...this.#groups.values()])
    for (const name of this.#groups.keys()) if (!counted.has(name)) this.#groups.delete(name)
    // what a quorum has ended is held against replays, and is no news to anybody
    return acts.some(({ id }) => isLifted(this.#ground.believed, id)) ? 'quiet' : 'news'
  }

  setGround(ground: Ground): void {
    this.#ground = ground
    const held = new Set([...ground.releases.values()].map(({ id }) => toHex(id)))
    for (const [key, { signer, hex }] of this.#groups) {
      if (!ground.brakers.has(signer) || !held.has(hex)) this.#groups.delete(key)
    }
  }

  /** Brakes on one release, lapsed ones as well. */
  groupsOf(hex: string): readonly BrakeGroup[] {
    if (this.#groups.size === 0) return []
    return [...this.#groups.values()].filter((group) => group.hex === hex)
  }

  /** A quorum ends a brake by the id of any of its wordings. */
  isLifted({ acts }: BrakeGroup): boolean {
    return acts.some(({ id }) => isLifted(this.#ground.believed, id))
  }

  told(nowMs: number): readonly Act<BrakeSaid>[] {
    const groups = [...this.#groups.values()].filter((group) => !this.isLifted(group))
    return groups.flatMap(({ acts }) => acts).filter(({ endMs }) => nowMs <= endMs)
  }

  kept(): readonly Act<BrakeSaid>[] {
    return [...this.#groups.values()].flatMap(({ acts, receivedMs }) =>
      acts.map((act) => ({ ...act, receivedMs }))
    )
  }

  /** Two wordings prove it; one that was lifted stays, so that no third makes it act again. */
  #worded(acts: readonly Act<BrakeSaid>[]): readonly Act<BrakeSaid>[] {
    const { believed } = this.#ground
    const order = ({ id }: Act<BrakeSaid>) => (isLifted(believed, id) ? 0 : 1)
    const sorted = unique(acts).toSorted((a, b) => order(a) - order(b) || byId(a, b))
    return sorted.slice(0, 2)
  }

  /** Names of those that are among the first three of their key and epoch. */
  #counted(groups: readonly BrakeGroup[]): ReadonlySet<string> {
    const spent = new Map<string, number>()
    const counted = groups.toSorted(byReceipt).filter(({ signer, epoch }) => {
      const name = `${signer} ${epoch}`
      const count = (spent.get(name) ?? 0) + 1
      spent.set(name, count)
      return count <= perEpochMax
    })
    return new Set(counted.map(nameOf))
  }
}

function groupOf(act: Act<BrakeSaid>): BrakeGroup {
  const { signer, seq, receivedMs, said } = act
  return { signer, hex: said.hex, epoch: said.epoch, seq, receivedMs, acts: [act] }
}

function keyOf({ signer, seq, said }: Act<BrakeSaid>): string {
  return nameOf({ signer, seq, hex: said.hex })
}

function nameOf({ signer, hex, seq }: Pick<BrakeGroup, 'signer' | 'hex' | 'seq'>): string {
  return `${signer} ${hex} ${seq}`
}

function byReceipt(a: BrakeGroup, b: BrakeGroup): number {
  return a.receivedMs - b.receivedMs || a.seq - b.seq || (a.hex < b.hex ? -1 : 1)
}
