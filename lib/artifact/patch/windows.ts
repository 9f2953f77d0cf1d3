/** A stretch of the joined contents. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** One part of the target and the part of the source it is made from. */
export interface Window {
  readonly target: Range
  readonly source: Range
}

/** A target content, and the source content of the same path if there is one. */
export interface Piece {
  readonly target: Range
  readonly partner: Range | null
}

/**
 * Cuts targets into windows of at most `most` bytes on either side, so that memory is bounded
 * whatever the tree. Everything in one window where it fits. Pieces stand in order and cover the
 * target; `sourceSize` is that of all source contents.
 */
export function windowsOf(
  pieces: readonly Piece[],
  sourceSize: number,
  most: number
): readonly Window[] {
  const end = pieces[pieces.length - 1]?.target.end ?? 0
  if (end === 0) return []
  if (end <= most && sourceSize <= most) {
    return [{ target: { start: 0, end }, source: { start: 0, end: sourceSize } }]
  }
  const windows: Window[] = []
  let group: Piece[] = []
  const close = (): void => {
    const [first, last] = [group[0], group[group.length - 1]]
    if (first === undefined || last === undefined) return
    const target = { start: first.target.start, end: last.target.end }
    const before = windows[windows.length - 1]?.source.end ?? 0
    windows.push({ target, source: widened(hullOf(group), before, { sourceSize, most }) })
    group = []
  }
  for (const piece of pieces.flatMap((one) => sliced(one, most))) {
    if (piece.target.end === piece.target.start) continue
    if (group.length > 0 && !fits([...group, piece], most)) close()
    group.push(piece)
  }
  close()
  return windows
}

function fits(group: readonly Piece[], most: number): boolean {
  const [first, last] = [group[0], group[group.length - 1]]
  if (first === undefined || last === undefined) return true
  const hull = hullOf(group)
  return (
    last.target.end - first.target.start <= most && (hull === null || hull.end - hull.start <= most)
  )
}

/** Large contents in slices of half a window, each beside its share of the partner, and more. */
function sliced({ target, partner }: Piece, most: number): readonly Piece[] {
  const size = target.end - target.start
  const partnerSize = partner === null ? 0 : partner.end - partner.start
  if (size <= most && partnerSize <= most) return [{ target, partner }]
  const step = Math.max(1, Math.floor(most / 2))
  const margin = Math.floor(most / 4)
  const slices: Piece[] = []
  for (let from = 0; from < size; from += step) {
    const to = Math.min(size, from + step)
    slices.push({
      target: { start: target.start + from, end: target.start + to },
      partner: partner === null ? null : shareOf(partner, { from, to, size, margin, most })
    })
  }
  return slices
}

function shareOf(
  partner: Range,
  slice: {
    readonly from: number
    readonly to: number
    readonly size: number
    readonly margin: number
    readonly most: number
  }
): Range {
  const { from, to, size, margin, most } = slice
  const partnerSize = partner.end - partner.start
  const start = Math.max(0, Math.floor((from * partnerSize) / size) - margin)
  const end = Math.min(partnerSize, Math.ceil((to * partnerSize) / size) + margin)
  return { start: partner.start + start, end: partner.start + Math.min(end, start + most) }
}

function hullOf(group: readonly Piece[]): Range | null {
  let hull: Range | null = null
  for (const { partner } of group) {
    if (partner === null) continue
    hull =
      hull === null
        ? partner
        : { start: Math.min(hull.start, partner.start), end: Math.max(hull.end, partner.end) }
  }
  return hull
}

/** The hull, widened evenly to a whole window; without one the range around `before`. */
function widened(
  hull: Range | null,
  before: number,
  { sourceSize, most }: { readonly sourceSize: number; readonly most: number }
): Range {
  const near = hull ?? { start: Math.min(before, sourceSize), end: Math.min(before, sourceSize) }
  const size = Math.min(most, sourceSize)
  const spare = size - (near.end - near.start)
  const start = Math.max(0, Math.min(sourceSize - size, near.start - Math.floor(spare / 2)))
  return { start, end: Math.max(near.end, start + size) }
}
