import { alloc, concat, copy, fromHex, type Bytes } from '../../lib/base/index.ts'
import type { Dice } from './dice.ts'

/** Numbers at the borders of our encodings, and long forms of small ones. */
const borders: readonly Bytes[] = [
  '00', '01', '7f', '80', 'fc', 'fd0000', 'fdfc00', 'fdfd00', 'fdffff', 'fe00000100', 'feffffffff',
  'fe00000000', 'ff0000000001000000', 'ffffffffffffff1f00', 'ff0000000000002000',
  'ffffffffffffffffff', '00000000', 'ffffffff', 'c3a9', '65cc81', 'e280ae', '0d0a', '1b5b324a'
].map((hex) => fromHex(hex)) // prettier-ignore

type Op = (bytes: Bytes, dice: Dice) => Bytes

const ops: readonly Op[] = [
  flip,
  flip,
  flip,
  (bytes, dice) => bytes.slice(0, dice.below(bytes.byteLength + 1)),
  (bytes, dice) => cut(bytes, dice, dice.below(bytes.byteLength + 1), 1 + dice.below(40)),
  (bytes, dice) => put(bytes, dice.below(bytes.byteLength + 1), dice.bytes(1 + dice.below(12)), 0),
  (bytes, dice) => put(bytes, dice.below(bytes.byteLength + 1), dice.pick(borders), dice.below(5)),
  (bytes, dice) => put(bytes, dice.below(bytes.byteLength + 1), dice.pick(borders), 1),
  again,
  swap,
  (bytes, dice) => concat([bytes, dice.bytes(1 + dice.below(4))])
]

/** One to three changes of bytes, whatever they mean. */
export function mutateBytes(bytes: Bytes, dice: Dice): Bytes {
  let mutated = bytes
  for (let times = 1 + dice.below(3); times > 0; times--) mutated = dice.pick(ops)(mutated, dice)
  return mutated
}

/** The beginning of one sample and the end of another, cut at unrelated places or at the same. */
export function splice(a: Bytes, b: Bytes, dice: Dice): Bytes {
  const from = dice.below(a.byteLength + 1)
  const to = dice.chance(1, 2) ? Math.min(from, b.byteLength) : dice.below(b.byteLength + 1)
  return concat([a.subarray(0, from), b.subarray(to)])
}

function flip(bytes: Bytes, dice: Dice): Bytes {
  if (bytes.byteLength === 0) return dice.bytes(1)
  const flipped = copy(bytes)
  for (let bits = 1 + dice.below(3); bits > 0; bits--) {
    flipped[dice.below(flipped.byteLength)]! ^= 1 << dice.below(8)
  }
  return flipped
}

function put(bytes: Bytes, at: number, insert: Bytes, remove: number): Bytes {
  return concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)])
}

function cut(bytes: Bytes, dice: Dice, at: number, size: number): Bytes {
  return put(bytes, at, alloc(dice.below(2)), size)
}

/** A piece of the bytes a second time. */
function again(bytes: Bytes, dice: Dice): Bytes {
  const from = dice.below(bytes.byteLength + 1)
  const piece = bytes.subarray(from, from + 1 + dice.below(100))
  return put(bytes, dice.below(bytes.byteLength + 1), piece, 0)
}

/** Two pieces of one size in each other's place. */
function swap(bytes: Bytes, dice: Dice): Bytes {
  const size = 1 + dice.below(40)
  if (bytes.byteLength < 2 * size) return flip(bytes, dice)
  const swapped = copy(bytes)
  const first = dice.below(bytes.byteLength - 2 * size + 1)
  const second = first + size + dice.below(bytes.byteLength - first - 2 * size + 1)
  swapped.set(bytes.subarray(second, second + size), first)
  swapped.set(bytes.subarray(first, first + size), second)
  return swapped
}

const numbers = [
  0, 1, 2, 3, 16, 64, 255, 256, 1_000_000, 1_000_001, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1,
  2 ** 53, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY
] // prettier-ignore
const texts = [
  '', 'a', 'A', '../x', 'e\u0301', '\u202e', '\u0007', 'a\nb', ' ', 'x'.repeat(33), 'x'.repeat(65),
  'y'.repeat(1_100), 'stable', 'auto', 'linux-x64', '__proto__', '\ud800'
] // prettier-ignore

interface Spot {
  readonly path: readonly (string | number)[]
  readonly value: unknown
}

/** `loose`: one kind of value may stand in the place of another, as JSON allows. */
export function mutateValue<T>(value: T, dice: Dice, loose = false): T {
  let mutated: unknown = value
  for (let times = 1 + dice.below(2); times > 0; times--) {
    const spots: Spot[] = []
    walk(mutated, [], spots)
    const spot = dice.pick(spots)
    mutated = replaced(mutated, spot.path, (old) => changed(old, dice, loose))
  }
  // Cast: the shape stays but where `loose` is asked for, and there the caller reads `unknown`.
  return mutated as T
}

function walk(value: unknown, path: Spot['path'], spots: Spot[]): void {
  spots.push({ path, value })
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  for (const [key, one] of entries) {
    // What kind of thing it is tells which fields it has; the rest would be no value of any kind.
    if (key !== 'tag') walk(one, [...path, key], spots)
  }
}

function replaced(value: unknown, path: Spot['path'], change: (old: unknown) => unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return change(value)
  if (Array.isArray(value)) {
    return value.map((one: unknown, i) => (i === key ? replaced(one, rest, change) : one))
  }
  // Cast: a path leads through arrays and objects only.
  const fields = value as Readonly<Record<string, unknown>>
  return { ...fields, [key]: replaced(fields[key], rest, change) }
}

const kinds: readonly unknown[] = [null, true, false, 7, -1, 'x', [], {}, [[]], { a: 1 }]

function changed(old: unknown, dice: Dice, loose: boolean): unknown {
  if (loose && dice.chance(1, 3)) return dice.pick(kinds)
  if (typeof old === 'number') return dice.chance(1, 4) ? old + 1 : dice.pick(numbers)
  if (typeof old === 'boolean') return !old
  if (typeof old === 'string') return dice.chance(1, 4) ? `${old}x` : dice.pick(texts)
  if (old instanceof Uint8Array) return changedBytes(old, dice)
  if (Array.isArray(old)) return changedList(old, dice)
  if (loose && typeof old === 'object' && old !== null) return changedKeys(old, dice)
  return old
}

function changedBytes(old: Bytes, dice: Dice): Bytes {
  switch (dice.below(4)) {
    case 0:
      return alloc(old.byteLength)
    case 1:
      return dice.bytes(old.byteLength)
    case 2:
      return old.map((byte, i) => (i === 0 ? byte ^ 1 : byte))
    default:
      return alloc(old.byteLength).fill(255)
  }
}

/** Entries dropped, doubled, out of order, or far too many. */
function changedList(old: readonly unknown[], dice: Dice): readonly unknown[] {
  const one = dice.pick(old)
  switch (dice.below(5)) {
    case 0:
      return old.slice(1)
    case 1:
      return old.toReversed()
    case 2:
      return old.length === 0 ? old : [...old, one]
    case 3:
      return old.length === 0 ? old : Array.from({ length: 70 }, () => one)
    default:
      return []
  }
}

function changedKeys(old: object, dice: Dice): object {
  const entries = Object.entries(old)
  const at = dice.below(entries.length)
  switch (dice.below(3)) {
    case 0:
      return Object.fromEntries(entries.filter((_, i) => i !== at))
    case 1:
      return { ...old, [dice.pick(texts)]: dice.pick(kinds) }
    default:
      return Object.fromEntries(
        entries.map(([key, value], i) => [i === at ? `${key}s` : key, value])
      )
  }
}
