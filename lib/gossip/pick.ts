import type { Dice } from '../base/index.ts'

/** `count` different entries drawn without order, all of them if there are not more. */
export function pick<T>(dice: Dice, from: readonly T[], count: number): T[] {
  const left = [...from]
  const picked: T[] = []
  while (picked.length < count && left.length > 0) {
    const [one] = left.splice(Math.floor(dice.next() * left.length), 1)
    if (one !== undefined) picked.push(one)
  }
  return picked
}

/** The first key of a map goes when there are more than `max`: foreign data has its bounds. */
export function shed<K>(map: Map<K, unknown> | Set<K>, max: number): void {
  const [oldest] = map.keys()
  if (map.size > max && oldest !== undefined) map.delete(oldest)
}
