import type { Bytes } from '../../base/index.ts'

/**
 * The suffixes of `text` in ascending order, by SA-IS (Nong, Zhang, Chan: Linear Suffix Array
 * Construction by Almost Pure Induced-Sorting, 2009): linear in time, about 13 bytes of memory per
 * byte of text. The end of the text sorts before every byte; there is no sentinel.
 */
export function suffixArray(text: Bytes): Int32Array {
  return sorted(text, 255)
}

type Text = Uint8Array | Int32Array

function sorted(text: Text, top: number): Int32Array {
  const n = text.length
  if (n === 0) return new Int32Array(0)
  if (n === 1) return Int32Array.of(0)
  if (n === 2) {
    // the shorter of two equal bytes is the smaller suffix
    return (text[0] as number) < (text[1] as number) ? Int32Array.of(0, 1) : Int32Array.of(1, 0)
  }
  const small = typesOf(text)
  const bounds = boundsOf(text, small, top)
  const array = new Int32Array(n)
  const starts = startsOf(small)
  induce(text, small, { bounds, array, starts })
  if (starts.length > 0) {
    sortStarts(text, small, { array, starts })
    induce(text, small, { bounds, array, starts })
  }
  return array
}

/** 1 where a suffix is smaller than the one after it (type S), 0 where it is larger (type L). */
function typesOf(text: Text): Uint8Array {
  const n = text.length
  const small = new Uint8Array(n)
  for (let i = n - 2; i >= 0; i -= 1) {
    const a = text[i] as number
    const b = text[i + 1] as number
    small[i] = a === b ? (small[i + 1] as number) : Number(a < b)
  }
  return small
}

interface Bounds {
  /** Where the L suffixes of each symbol begin, and where its S suffixes do. */
  readonly larger: Int32Array
  readonly smaller: Int32Array
}

function boundsOf(text: Text, small: Uint8Array, top: number): Bounds {
  const larger = new Int32Array(top + 2)
  const smaller = new Int32Array(top + 2)
  for (let i = 0; i < text.length; i += 1) {
    const symbol = text[i] as number
    if (small[i] === 0) smaller[symbol] = (smaller[symbol] as number) + 1
    else larger[symbol + 1] = (larger[symbol + 1] as number) + 1
  }
  for (let symbol = 0; symbol <= top; symbol += 1) {
    smaller[symbol] = (smaller[symbol] as number) + (larger[symbol] as number)
    larger[symbol + 1] = (larger[symbol + 1] as number) + (smaller[symbol] as number)
  }
  return { larger, smaller }
}

/** Positions of leftmost S suffixes, ascending: S with an L before it. */
function startsOf(small: Uint8Array): Int32Array {
  let count = 0
  for (let i = 1; i < small.length; i += 1) if (isStart(small, i)) count += 1
  const starts = new Int32Array(count)
  let at = 0
  for (let i = 1; i < small.length; i += 1) if (isStart(small, i)) starts[at++] = i
  return starts
}

function isStart(small: Uint8Array, i: number): boolean {
  return i > 0 && small[i] === 1 && small[i - 1] === 0
}

interface Sorting {
  readonly bounds: Bounds
  readonly array: Int32Array
  /** In the order in which they are to be put. */
  readonly starts: Int32Array
}

/** Puts the starts at the beginnings of their S buckets, then induces all L and all S suffixes. */
function induce(text: Text, small: Uint8Array, { bounds, array, starts }: Sorting): void {
  const n = text.length
  array.fill(-1)
  const places = bounds.smaller.slice()
  for (const start of starts) array[take(places, text[start] as number)] = start
  places.set(bounds.larger)
  array[take(places, text[n - 1] as number)] = n - 1
  for (let i = 0; i < n; i += 1) {
    const before = (array[i] as number) - 1
    if (before >= 0 && small[before] === 0) array[take(places, text[before] as number)] = before
  }
  places.set(bounds.larger)
  for (let i = n - 1; i >= 0; i -= 1) {
    const before = (array[i] as number) - 1
    if (before < 0 || small[before] === 0) continue
    const next = (text[before] as number) + 1
    const place = (places[next] as number) - 1
    places[next] = place
    array[place] = before
  }
}

function take(places: Int32Array, symbol: number): number {
  const place = places[symbol] as number
  places[symbol] = place + 1
  return place
}

/** Names the substrings between starts in their order and sorts the starts by those names. */
function sortStarts(
  text: Text,
  small: Uint8Array,
  { array, starts }: Pick<Sorting, 'array' | 'starts'>
): void {
  // two starts are never neighbours, so half of a position is a place of its own
  const names = new Int32Array((text.length >> 1) + 1)
  let name = -1
  let last = -1
  for (const at of array) {
    if (!isStart(small, at)) continue
    if (last === -1 || !isSame(text, small, last, at)) name += 1
    names[at >> 1] = name
    last = at
  }
  const reduced = starts.map((start) => names[start >> 1] as number)
  const order = sorted(reduced, name)
  const positions = starts.slice()
  for (let i = 0; i < order.length; i += 1) starts[i] = positions[order[i] as number] as number
}

/** Whether the substrings from two starts to the next start after each are the same. */
function isSame(text: Text, small: Uint8Array, a: number, b: number): boolean {
  const n = text.length
  for (let i = 0; ; i += 1) {
    const [x, y] = [a + i, b + i]
    if (x >= n || y >= n || text[x] !== text[y] || small[x] !== small[y]) return false
    if (i > 0 && (isStart(small, x) || isStart(small, y))) {
      return isStart(small, x) && isStart(small, y)
    }
  }
}
