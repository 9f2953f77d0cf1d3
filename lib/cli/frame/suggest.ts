/** Edits (insert, drop, replace, swap of neighbours) from `a` to `b`; above 2 the answer is 3. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const cost = same ? 0 : 1
      const straight = at(previous, j - 1) + cost
      let best = Math.min(straight, at(previous, j) + 1, at(row, j - 1) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, at(before, j - 2) + 1)
      }
      row.push(best)
    }
    before = previous
    previous = row
  }
  return Math.min(3, at(previous, b.length))
}

/** The nearest of `known` within two edits of `word`, or null. The first of equals wins. */
export function suggest(word: string, known: readonly string[]): string | null {
  let found: string | null = null
  let least = 3
  for (const candidate of known) {
    const edits = distance(word, candidate)
    if (edits < least) {
      least = edits
      found = candidate
    }
  }
  return found
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 3
}
