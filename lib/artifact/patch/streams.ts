import type { Bytes } from '../../base/index.ts'
import { Sink } from './sink.ts'
import type { Op } from './parse.ts'

/** The four streams of one window, each packed by itself. */
export interface Streams {
  /** Per op: length of the copy, of the literals, and the move in the source. */
  readonly control: Bytes
  /** Per copy: runs of equal bytes and of different ones, in turn. */
  readonly zeros: Bytes
  /** Differences mod 256, never zero. */
  readonly differences: Bytes
  readonly extra: Bytes
}

export const streamNames = ['control', 'zeros', 'differences', 'extra'] as const

/** Writes ops down; they make the whole of `target` from `source`. */
export function encodeStreams(source: Bytes, target: Bytes, ops: readonly Op[]): Streams {
  const control = new Sink()
  const zeros = new Sink()
  const differences = new Sink()
  const extra = new Sink()
  let place = 0
  let at = 0
  for (const op of ops) {
    control.varint(op.copy)
    control.varint(op.extra)
    control.zigzag(op.seek)
    encodeCopy(source.subarray(place, place + op.copy), target.subarray(at, at + op.copy), {
      zeros,
      differences
    })
    extra.bytes(target.subarray(at + op.copy, at + op.copy + op.extra))
    at += op.copy + op.extra
    place += op.copy + op.seek
  }
  return {
    control: control.done(),
    zeros: zeros.done(),
    differences: differences.done(),
    extra: extra.done()
  }
}

/** Pairs (equal, different) that sum to the copy; only the first may begin with none equal. */
function encodeCopy(
  source: Bytes,
  target: Bytes,
  { zeros, differences }: { readonly zeros: Sink; readonly differences: Sink }
): void {
  const size = target.byteLength
  for (let at = 0; at < size;) {
    let end = at
    while (end < size && source[end] === target[end]) end += 1
    zeros.varint(end - at)
    at = end
    while (end < size && source[end] !== target[end]) {
      differences.u8(((target[end] as number) - (source[end] as number)) & 255)
      end += 1
    }
    zeros.varint(end - at)
    at = end
  }
}
