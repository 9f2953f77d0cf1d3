/** Lists in ascending order, by halves: what is held is put in and taken out one at a time. */
type Order<T> = (a: T, b: T) => number

/** Puts an item at its place in an ascending list. */
export function insert<T>(list: T[], item: T, order: Order<T>): void {
  list.splice(placeIn(list, item, order), 0, item)
}

/** Takes the item of the same place out of an ascending list. */
export function remove<T>(list: T[], item: T, order: Order<T>): void {
  list.splice(placeIn(list, item, order), 1)
}

/** The first place whose item does not come before this one, in an ascending list. */
export function placeIn<T, U>(
  list: readonly T[],
  item: U,
  order: (there: T, item: U) => number
): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    const there = list[middle]
    if (there !== undefined && order(there, item) < 0) low = middle + 1
    else high = middle
  }
  return low
}
