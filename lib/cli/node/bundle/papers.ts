import { equal, toHex, type Bytes } from '../../../base/index.ts'
import { compareOrder, type Believed, type KnownRelease } from '../../../trust/index.ts'
import type { Shelf } from './ports.ts'

/** First byte of evidence in its wire form; what else is kept beside it is no evidence. */
const evidenceByte = 0x01

/**
 * What a file or a mirror says: all that a peer would be given, so that no refusal stays behind,
 * and what builders, brakes and beacons said. Reports of nodes are left out: a bundle of evidence
 * that somebody picked proves nothing (docs/gate.md 13.3). With `release`, nothing newer than it in
 * its channel, and no other channel: a node that knew of it would wait for bytes it cannot get.
 */
export function papersOf(
  { authority, pool }: Pick<Shelf, 'authority' | 'pool'>,
  release: KnownRelease | null
): readonly Bytes[] {
  const { believed } = authority
  const left = release === null ? new Set<string>() : leftOut(believed, release)
  const statements = authority
    .list()
    .filter(({ id }) => !left.has(toHex(id)))
    .flatMap(({ id }) => authority.read(id) ?? [])
  return [...statements, ...evidenceOf({ pool })]
}

/** What builders, brakes and beacons said, as far as it is kept here. */
export function evidenceOf({ pool }: Pick<Shelf, 'pool'>): readonly Bytes[] {
  const wires = pool.kept().map(({ wire }) => wire)
  return wires.filter((wire) => wire[0] === evidenceByte && wire.byteLength > 1)
}

function leftOut({ held }: Believed, release: KnownRelease): ReadonlySet<string> {
  const { channel } = release.body
  const others = [...held.values()].flatMap(({ any }) => {
    if (any.tag !== 'release' || equal(any.known.id, release.id)) return []
    const isOlder =
      any.known.body.channel === channel && compareOrder(any.known.body, release.body) < 0
    return isOlder ? [] : [toHex(any.known.id)]
  })
  return new Set(others)
}
