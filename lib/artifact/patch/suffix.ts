import type { Bytes } from '../../base/index.ts'

/**
 * The suffixes of `text` in ascending order, by SA-IS (Nong, Zhang, Chan: Linear Suffix Array
 * Construction by Almost Pure Induced-Sorting, 2009) with the marks of Mori's `sais`: linear in
 * time, about 6 bytes of memory per byte of text. The end of the text sorts before every byte;
 * there is no sentinel.
 *
 * A suffix is of type S if it is smaller than the one after it, else of type L; a start is an S
 * with an L before it. What costs is looking at the text out of order, so it is looked at once per
 * suffix: an entry says by its sign whether the suffix before it is to be put in this sweep.
 */
export function suffixArray(text: Bytes): Int32Array {
  const order = new Int32Array(text.length)
  sort(text, 256, order)
  return order
}

type Text = Uint8Array | Int32Array

/** Puts the order of the suffixes of `text` into `array`, which is as long. */
function sort(text: Text, symbols: number, array: Int32Array): void {
  const n = text.length
  array.fill(0)
  if (n < 2) return
  const counts = new Int32Array(symbols)
  for (let i = 0; i < n; i += 1) {
    const symbol = text[i] as number
    counts[symbol] = (counts[symbol] as number) + 1
  }
  const buckets = new Buckets(counts)
  const count = sortStarts(text, buckets, array)
  if (count > 1) putStarts(text, buckets, { array, count })
  induce(text, buckets, array)
}

/** Where the suffixes of each symbol begin or end. */
class Buckets {
  readonly places: Int32Array
  readonly #counts: Int32Array

  constructor(counts: Int32Array) {
    this.#counts = counts
    this.places = new Int32Array(counts.length)
  }

  begins(): Int32Array {
    let sum = 0
    for (let i = 0; i < this.places.length; i += 1) {
      this.places[i] = sum
      sum += this.#counts[i] as number
    }
    return this.places
  }

  ends(): Int32Array {
    let sum = 0
    for (let i = 0; i < this.places.length; i += 1) {
      sum += this.#counts[i] as number
      this.places[i] = sum
    }
    return this.places
  }
}

/** The next start below `from`, which is one or the end of the text; -1: there is none. */
function startBefore(text: Text, from: number): number {
  let i = from - 1
  // down the suffixes that are L, then those that are S
  while (i > 0 && (text[i - 1] as number) >= (text[i] as number)) i -= 1
  while (i > 0 && (text[i - 1] as number) <= (text[i] as number)) i -= 1
  return i > 0 ? i : -1
}

/**
 * Sorts the starts as suffixes into the first places of `array`, and gives how many there are;
 * what comes after them is of no use.
 */
function sortStarts(text: Text, buckets: Buckets, array: Int32Array): number {
  const n = text.length
  const ends = buckets.ends()
  let count = 0
  let first = -1
  for (let start = startBefore(text, n); start >= 0; start = startBefore(text, start)) {
    // an entry names the suffix to be put next: the one before the start
    const place = (ends[text[start] as number] as number) - 1
    ends[text[start] as number] = place
    array[place] = start - 1
    first = start
    count += 1
  }
  if (count < 2) {
    array.fill(0)
    // one alone is sorted: it stands at the end of its bucket
    if (first > 0) array[(buckets.ends()[text[first] as number] as number) - 1] = first
    return count
  }
  sortPieces(text, buckets, array)
  gather(array, count)
  const names = nameStarts(text, array, count)
  if (names < count) recurse(text, array, { count, names })
  return count
}

/**
 * Sorts the stretches from each start to the next. Before it `array` names at the place of each
 * start the suffix before it; after it there are zeros, and the complements of the starts in the
 * order of their stretches.
 */
function sortPieces(text: Text, buckets: Buckets, array: Int32Array): void {
  const n = text.length
  const begins = buckets.begins()
  putLarger(text, array, begins, n - 1)
  for (let i = 0; i < n; i += 1) {
    const at = array[i] as number
    if (at > 0) {
      putLarger(text, array, begins, at)
      array[i] = 0
    } else if (at < 0) array[i] = ~at
  }
  const ends = buckets.ends()
  for (let i = n - 1; i >= 0; i -= 1) {
    const at = array[i] as number
    if (at <= 0) continue
    const symbol = text[at] as number
    const place = (ends[symbol] as number) - 1
    ends[symbol] = place
    array[place] = (text[at - 1] as number) > symbol ? ~at : at - 1
    array[i] = 0
  }
}

/** Puts an L suffix that is not the first one; its entry names the one before it. */
function putLarger(text: Text, array: Int32Array, begins: Int32Array, at: number): void {
  const symbol = text[at] as number
  const place = begins[symbol] as number
  begins[symbol] = place + 1
  const before = at - 1
  array[place] = (text[before] as number) < symbol ? ~before : before
}

/** The starts that `array` holds as complements, in order into its first places; else zeros. */
function gather(array: Int32Array, count: number): void {
  let found = 0
  for (let i = 0; found < count; i += 1) {
    const entry = array[i] as number
    if (entry >= 0) continue
    array[i] = 0
    array[found] = ~entry
    found += 1
  }
  array.fill(0, found)
}

/**
 * Numbers the stretches from 1 in their order, equal ones the same, and gives how many there are.
 * Two starts are never neighbours, so half of a position, after the starts, is a place of its own.
 */
function nameStarts(text: Text, array: Int32Array, count: number): number {
  const n = text.length
  let end = n
  for (let start = startBefore(text, n); start >= 0; start = startBefore(text, start)) {
    // with the symbol that begins the next one; the last stretch ends with the text
    array[count + (start >> 1)] = end === n ? n - start : end - start + 1
    end = start
  }
  let names = 0
  let [last, lastSize] = [n, 0]
  for (let i = 0; i < count; i += 1) {
    const start = array[i] as number
    const size = array[count + (start >> 1)] as number
    // none is equal to the one that ends with the text: its end sorts before every symbol
    let isSame = size === lastSize && start + size < n && last + size < n
    for (let k = 0; isSame && k < size; k += 1) isSame = text[start + k] === text[last + k]
    if (!isSame) {
      names += 1
      last = start
      lastSize = size
    }
    array[count + (start >> 1)] = names
  }
  return names
}

/** Sorts the starts by their names, which are a text of half the size or less. */
function recurse(
  text: Text,
  array: Int32Array,
  { count, names }: { readonly count: number; readonly names: number }
): void {
  const n = text.length
  const reduced = array.subarray(n - count)
  for (let i = count + ((n - 1) >> 1), at = count - 1; at >= 0; i -= 1) {
    const name = array[i] as number
    if (name === 0) continue
    reduced[at] = name - 1
    at -= 1
  }
  const order = array.subarray(0, count)
  sort(reduced, names, order)
  let at = count - 1
  for (let start = startBefore(text, n); start >= 0; start = startBefore(text, start)) {
    reduced[at] = start
    at -= 1
  }
  for (let i = 0; i < count; i += 1) order[i] = reduced[order[i] as number] as number
}

/** Puts the sorted starts at the ends of their buckets. */
function putStarts(
  text: Text,
  buckets: Buckets,
  { array, count }: { readonly array: Int32Array; readonly count: number }
): void {
  const ends = buckets.ends()
  array.fill(0, count)
  for (let i = count - 1; i >= 0; i -= 1) {
    const start = array[i] as number
    const symbol = text[start] as number
    const place = (ends[symbol] as number) - 1
    ends[symbol] = place
    array[i] = 0
    array[place] = start
  }
}

/** Sorts all suffixes from the sorted starts: first those that are L, then those that are S. */
function induce(text: Text, buckets: Buckets, array: Int32Array): void {
  const n = text.length
  const begins = buckets.begins()
  induceLarger(text, array, begins, n - 1)
  for (let i = 0; i < n; i += 1) {
    const at = array[i] as number
    array[i] = ~at
    if (at > 0) induceLarger(text, array, begins, at - 1)
  }
  const ends = buckets.ends()
  for (let i = n - 1; i >= 0; i -= 1) {
    const at = array[i] as number
    if (at <= 0) {
      array[i] = ~at
      continue
    }
    const before = at - 1
    const symbol = text[before] as number
    const place = (ends[symbol] as number) - 1
    ends[symbol] = place
    array[place] = before === 0 || (text[before - 1] as number) > symbol ? ~before : before
  }
}

/** Puts an L suffix; the complement if the one before it is S, and not put in this sweep. */
function induceLarger(text: Text, array: Int32Array, begins: Int32Array, at: number): void {
  const symbol = text[at] as number
  const place = begins[symbol] as number
  begins[symbol] = place + 1
  array[place] = at > 0 && (text[at - 1] as number) < symbol ? ~at : at
}
