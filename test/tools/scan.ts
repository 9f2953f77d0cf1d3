/** One import of a file, dynamic ones and re-exports included. */
export interface Import {
  readonly from: string
  /** `import type` or `export type`: erased by the compiler. */
  readonly type: boolean
}

/** What stands between `import` and the name of the file: names with `from`, or nothing. */
const clause = /[\w$*{][\w$*{}\s,]*?\bfrom\s+|(?:\*|\{[^}]*\})\s*from\s*|(?=['"])/.source
const statement = new RegExp(
  `(?:^|\\n)\\s*(?:import|export)\\s+(type\\s+)?(?:${clause})['"]([^'"\\n]+)['"]`,
  'g'
)
const dynamic = /\b(?:import|require)\(\s*['"]([^'"\n]+)['"]/g

/** The imports of a source text, comments ignored. */
export function importsOf(source: string): readonly Import[] {
  const code = strip(source, 'comments')
  const found: Import[] = []
  for (const match of code.matchAll(statement)) {
    found.push({ from: match[2] ?? '', type: match[1] !== undefined })
  }
  for (const match of code.matchAll(dynamic)) found.push({ from: match[1] ?? '', type: false })
  return found
}

/** The source without comments, or without comments and the insides of strings. */
export function strip(source: string, what: 'comments' | 'comments and strings'): string {
  const scanner = new Scanner(source, what === 'comments')
  return scanner.code(false)
}

/** A scanner of just enough TypeScript to tell code from comments, strings and patterns. */
class Scanner {
  readonly #source: string
  readonly #keep: boolean
  #at = 0

  constructor(source: string, keepStrings: boolean) {
    this.#source = source
    this.#keep = keepStrings
  }

  /** Code up to the end, or up to the brace that closes a `${` of a template. */
  code(inTemplate: boolean): string {
    let out = ''
    let depth = 0
    while (this.#at < this.#source.length) {
      const two = this.#source.slice(this.#at, this.#at + 2)
      const char = two.charAt(0)
      if (two === '//') this.#skipTo('\n')
      else if (two === '/*') this.#skipTo('*/', 2)
      else if (char === '/' && startsPattern(out)) out += this.#quoted('/')
      else if (char === "'" || char === '"') out += this.#quoted(char)
      else if (char === '`') out += this.#template()
      else {
        if (char === '{') depth += 1
        if (char === '}') depth -= 1
        if (inTemplate && depth < 0) return out
        out += char
        this.#at += 1
      }
    }
    return out
  }

  #skipTo(end: string, past = 0): void {
    const index = this.#source.indexOf(end, this.#at + past)
    this.#at = index === -1 ? this.#source.length : index + past
  }

  /** A string or a pattern; in a pattern a slash inside brackets does not end it. */
  #quoted(quote: string): string {
    const start = this.#at
    let inBrackets = false
    for (this.#at += 1; this.#at < this.#source.length; this.#at += 1) {
      const char = this.#source.charAt(this.#at)
      if (char === '\\') this.#at += 1
      else if (quote === '/' && char === '[') inBrackets = true
      else if (quote === '/' && char === ']') inBrackets = false
      else if ((char === quote && !inBrackets) || char === '\n') break
    }
    this.#at += 1
    return this.#keep ? this.#source.slice(start, this.#at) : quote + quote
  }

  #template(): string {
    let out = '`'
    this.#at += 1
    while (this.#at < this.#source.length) {
      const two = this.#source.slice(this.#at, this.#at + 2)
      if (two === '${') {
        this.#at += 2
        out += '${' + this.code(true)
      } else if (two.charAt(0) === '`') {
        this.#at += 1
        return out + '`'
      } else {
        if (this.#keep) out += two.charAt(0)
        this.#at += two.charAt(0) === '\\' ? 2 : 1
      }
    }
    return out
  }
}

/** Whether a slash after this code begins a pattern and does not divide. */
function startsPattern(code: string): boolean {
  return /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\breturn|\bcase|=>)\s*$/.test(code.slice(-40))
}
