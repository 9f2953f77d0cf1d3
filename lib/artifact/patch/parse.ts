import type { Matches } from './match.ts'

/** One step of a patch: copy with differences, then literals, then move in the source. */
export interface Op {
  readonly copy: number
  readonly extra: number
  readonly seek: number
}

/** Steps in a row that change nothing, after which a repetitive stretch is cut (zero pages). */
const stuckAfter = 100
const stuckStep = 8

/**
 * Aligns the target to the source with approximate extension (Percival: Naive differences of
 * executable code, 2003). A new alignment is taken where its match explains more than `threshold`
 * bytes beyond the old one, `perBit` more for each bit of the move to it: what is far costs more
 * to name. The ops make the whole target, each at least one byte of it.
 */
export function parse(matches: Matches, threshold: number, perBit = 0): readonly Op[] {
  const { source, target } = matches
  const [n, end] = [source.byteLength, target.byteLength]
  const line = new Alignment(matches)
  let scan = 0
  let size = 0
  let at = 0
  while (scan < end) {
    // where the alignment in force has both a source and a target byte
    const { offset } = line
    const [least, most] = [offset < 0 ? -offset : 0, n - offset]
    let score = 0
    let still = 0
    scan += size
    for (let k = scan; scan < end; scan += 1) {
      const [lastSize, lastAt, lastScore] = [size, at, score]
      size = matches.size(scan)
      at = matches.at(scan)
      const stop = scan + size < most ? scan + size : most
      if (k < least) k = least < stop ? least : stop
      for (; k < stop; k += 1) if (source[k + offset] === target[k]) score += 1
      if (k < scan + size) k = scan + size
      if (size === score && size > 0) break
      if (size > score + threshold) {
        const near = matches.nearest(scan, scan + offset)
        if (size > score + threshold + perBit * bitsOf(near - scan - offset)) {
          at = near
          break
        }
      }
      // Without this, a run of zeros with a few spoiled bytes costs its square.
      const isStill =
        isSmall(lastSize - size) &&
        isSmall(lastScore - score) &&
        isSmall(at - lastAt) &&
        score <= size
      still = isStill ? still + 1 : 0
      if (still > stuckAfter) break
      if (scan >= least && scan < most && source[scan + offset] === target[scan]) score -= 1
    }
    if (size !== score || scan === end) line.close(scan, at)
  }
  return line.ops
}

/** Bits of a distance, whichever way. */
function bitsOf(distance: number): number {
  return 31 - Math.clz32(Math.abs(distance) | 1)
}

function isSmall(change: number): boolean {
  return change >= 0 && change <= stuckStep
}

/** The alignment in force and the ops before it. */
class Alignment {
  readonly ops: Op[] = []
  readonly #matches: Matches
  #lastScan = 0
  #lastPlace = 0
  #offset = 0

  constructor(matches: Matches) {
    this.#matches = matches
  }

  /** Where the source stands beside the target. */
  get offset(): number {
    return this.#offset
  }

  /** Ends the alignment in force where the one of (`scan`, `at`) begins. */
  close(scan: number, at: number): void {
    const { target } = this.#matches
    const isEnd = scan === target.byteLength
    let forward = this.#forward(scan)
    let backward = isEnd ? 0 : this.#backward(scan, at)
    const overlap = this.#lastScan + forward - (scan - backward)
    if (overlap > 0) {
      const split = this.#split({ scan, at, forward, backward, overlap })
      forward -= overlap - split
      backward -= split
    }
    const extra = scan - backward - (this.#lastScan + forward)
    const seek = isEnd ? 0 : at - backward - (this.#lastPlace + forward)
    this.#push({ copy: forward, extra, seek })
    if (isEnd) {
      this.#end()
      return
    }
    this.#lastScan = Math.max(this.#lastScan, scan - backward)
    this.#lastPlace = at - (scan - this.#lastScan)
    this.#offset = at - scan
  }

  /** An op makes at least one byte; an empty one only moves, so the one before it moves further. */
  #push(op: Op): void {
    if (op.copy + op.extra > 0) {
      this.ops.push(op)
      return
    }
    const last = this.ops.pop()
    if (last !== undefined) this.ops.push({ ...last, seek: last.seek + op.seek })
    else if (op.seek !== 0) {
      // The first copy begins elsewhere: its first byte is a literal, and it goes on after it.
      this.ops.push({ copy: 0, extra: 1, seek: op.seek + 1 })
      this.#lastScan = 1
    }
  }

  /** Nothing follows the last op, so it moves nowhere. */
  #end(): void {
    const last = this.ops.pop()
    if (last !== undefined) this.ops.push({ ...last, seek: 0 })
  }

  /** Length after which the old alignment stops to pay. */
  #forward(scan: number): number {
    const { source, target } = this.#matches
    const [from, place] = [this.#lastScan, this.#lastPlace]
    const most = Math.min(scan - from, source.byteLength - place)
    let best = 0
    let length = 0
    for (let i = 0, value = 0; i < most;) {
      value += source[place + i] === target[from + i] ? 1 : -1
      i += 1
      if (value > best) [best, length] = [value, i]
    }
    return length
  }

  /** Length to which the new alignment pays before its match. */
  #backward(scan: number, at: number): number {
    const { source, target } = this.#matches
    const most = Math.min(scan - this.#lastScan, at)
    let best = 0
    let length = 0
    for (let i = 1, value = 0; i <= most; i += 1) {
      value += source[at - i] === target[scan - i] ? 1 : -1
      if (value > best) [best, length] = [value, i]
    }
    return length
  }

  /** How much of an overlap stays with the old alignment. */
  #split(join: {
    readonly scan: number
    readonly at: number
    readonly forward: number
    readonly backward: number
    readonly overlap: number
  }): number {
    const { source, target } = this.#matches
    const { scan, at, forward, backward, overlap } = join
    const from = this.#lastScan + forward - overlap
    const oldPlace = this.#lastPlace + forward - overlap
    const newPlace = at - backward
    let best = 0
    let length = 0
    for (let i = 0, value = 0; i < overlap;) {
      if (target[from + i] === source[oldPlace + i]) value += 1
      if (target[scan - backward + i] === source[newPlace + i]) value -= 1
      i += 1
      if (value > best) [best, length] = [value, i]
    }
    return length
  }
}
