import { compare, equal, toHex, type Bytes } from '../../base/index.ts'
import type { Base, Believed, Held } from './believed.ts'
import { trustOf, walk, type Checkpoint } from './chain.ts'
import { judge } from './judge.ts'
import type { KnownControl, KnownEra, KnownRelease, KnownRevoke, KnownTrust } from './known.ts'
import { byNumber } from './order.ts'
import { withoutReuse } from './reuse.ts'
import type { Item, Scene } from './standing.ts'

/** What a node believes that has been told a network id and nothing else. */
export function believeNothing(network: Bytes, checkpoint: Checkpoint | null = null): Believed {
  return settle({ network, checkpoint, adopted: null, items: new Map() })
}

/** Draws every consequence of the statements held: chain, standing of each, what is in force. */
export function settle(base: Base): Believed {
  const { network, checkpoint } = base
  const entries = [...base.items].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const chain = walk({
    network,
    checkpoint,
    start: startOf(base),
    trusts: entries.flatMap(([, { any }]) => (any.tag === 'trust' ? [any.known] : []))
  })
  const scene: Scene = { network, checkpoint, chain, items: base.items }
  const all = entries.map(([hex, item]): [string, Held] => [hex, judged(item, scene)])
  const held = new Map(withoutReuse(all, scene))
  const { current } = chain
  return {
    network,
    checkpoint,
    adopted: current ? { version: current.body.version, id: current.id } : base.adopted,
    trust: current,
    trusts: chain.path,
    fork: chain.fork,
    held,
    ...inForce(held)
  }
}

/**
 * Goes on along the chain from the trust that is stood on now, 256 steps at most (S20); null at its
 * end. Each call is a cycle: what came of it is written down before the next.
 */
export function walkOn(believed: Believed): Believed | null {
  const next = settle(baseOf(believed))
  const { adopted } = believed
  const isEnd = adopted !== null && next.adopted !== null && equal(adopted.id, next.adopted.id)
  return isEnd || next.adopted === null ? null : next
}

/** Where one statement stands, its draw number apart: others may have used it. */
export function judged({ any, settled }: Item, scene: Scene): Held {
  const standing = judge({ any, settled }, scene)
  const isQuorate = standing.tag === 'admitted' || standing.tag === 'kept'
  return { any, settled: settled || isQuorate, standing }
}

/** The parts of a belief that the next one is made from. */
export function baseOf(believed: Believed): Base {
  const { network, checkpoint, adopted, held } = believed
  return { network, checkpoint, adopted, items: held }
}

/** The newest of what was adopted and what the join string names, else T1. */
function startOf({ network, checkpoint, adopted }: Base): Bytes {
  if (adopted !== null && adopted.version >= (checkpoint?.version ?? 0)) return adopted.id
  return checkpoint?.id ?? network
}

type InForce = Pick<Believed, 'releases' | 'controls' | 'eras' | 'revokes' | 'lifted'>

function inForce(held: ReadonlyMap<string, Held>): InForce {
  const releases: KnownRelease[] = []
  const controls: KnownControl[] = []
  const eras: KnownEra[] = []
  const revokes: KnownRevoke[] = []
  for (const { any, standing } of held.values()) {
    if (standing.tag !== 'admitted') continue
    if (any.tag === 'release') releases.push(any.known)
    if (any.tag === 'control') controls.push(any.known)
    if (any.tag === 'era') eras.push(any.known)
    if (any.tag === 'revoke') revokes.push(any.known)
  }
  const lifts = controls.flatMap(({ body }) => (body.action === 'resume' ? body.lifts : []))
  const lifted = new Set(lifts.map(toHex))
  return { releases: releases.toSorted(byChannel), controls, eras, revokes, lifted }
}

/** Channels by name, in each the newest first; of one number the lowest id. */
export function byChannel(a: KnownRelease, b: KnownRelease): number {
  return byNumber(a, b) || compare(a.id, b.id)
}

/** The trust that a statement names, if it lies on the own branch. */
export function namedTrust(believed: Believed, trustId: Bytes): KnownTrust | null {
  return trustOf(believed.trusts, trustId)
}

/**
 * Whether the current trust has expired; judged by callers, never part of what is believed (S22).
 */
export function expired({ trust }: Believed, nowMs: number): boolean {
  return trust !== null && trust.body.expiresMs <= nowMs
}

/** A release that is held, whatever its standing; for nodes that run it. */
export function releaseOf(believed: Believed, id: Bytes): KnownRelease | null {
  const any = believed.held.get(toHex(id))?.any
  return any?.tag === 'release' ? any.known : null
}

/** Whether the trust that the join string names is not here yet; nothing is installed below it. */
export function isBelowCheckpoint({ checkpoint, trust }: Believed): boolean {
  return checkpoint !== null && (trust?.body.version ?? 0) < checkpoint.version
}
