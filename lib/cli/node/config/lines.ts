/**
 * Where each key of a TOML text stands, by its path with dots: `policy.windows.1.tz`. Good for
 * showing people where to look; what a text means is the parser's to say.
 */
export function linesOf(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  const counts = new Map<string, number>()
  let header = ''
  for (const [at, line] of text.split('\n').entries()) {
    const [, open, name] = /^\s*(\[\[?)\s*([^\]]+?)\s*\]/.exec(line) ?? []
    if (name !== undefined) {
      const path = plain(name)
      const count = counts.get(path) ?? 0
      if (open === '[[') counts.set(path, count + 1)
      header = open === '[[' ? `${path}.${count}.` : `${path}.`
      note(lines, path, at + 1)
      note(lines, header.slice(0, -1), at + 1)
      continue
    }
    const key = /^\s*([\w"'.\- ]+?)\s*=/.exec(line)?.[1]
    if (key !== undefined) note(lines, `${header}${plain(key)}`, at + 1)
  }
  return lines
}

/** The line of a path, or of the nearest thing around it; null: not in this text. */
export function lineOf(lines: ReadonlyMap<string, number>, path: string): number | null {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const line = lines.get(at)
    if (line !== undefined) return line
  }
  return null
}

function note(lines: Map<string, number>, path: string, line: number): void {
  if (!lines.has(path)) lines.set(path, line)
}

function plain(name: string): string {
  return name
    .split('.')
    .map((part) => part.trim().replaceAll(/^["']|["']$/g, ''))
    .join('.')
}
