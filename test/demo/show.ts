import type { Fleet } from './fleet.ts'
import type { Load } from './load.ts'

/** One line of what is known right now; the same facts as a picture, a plain line, or JSON. */
export interface Facts {
  readonly phase: string
  readonly [fact: string]: string | number | boolean | null
}

/** Prints the demo: a picture on a terminal, plain lines elsewhere, NDJSON with `--json`. */
export class Show {
  readonly #json: boolean
  readonly #live: boolean
  #drawn = 0
  #last = ''

  constructor(json: boolean) {
    this.#json = json
    this.#live = !json && process.stdout.isTTY
  }

  /** A step that is done or begins; stays on the screen. */
  step(text: string, facts: Facts): void {
    if (this.#json) return this.#line(JSON.stringify({ tag: 'step', data: { text, ...facts } }))
    this.#erase()
    this.#line(text)
  }

  /** The fleet as it is; drawn over itself on a terminal, said only when it changed elsewhere. */
  fleet(fleet: Fleet, load: Load | null, facts: Facts): void {
    const key = JSON.stringify(facts)
    if (this.#live) return this.#draw(fleet, load, facts)
    if (key === this.#last) return
    this.#last = key
    if (this.#json) this.#line(JSON.stringify({ tag: 'fleet', data: facts }))
    else this.#line(`  ${sentence(facts)}`)
  }

  /** The closing table. */
  table(rows: readonly (readonly [string, string])[]): void {
    if (this.#json) return
    this.#erase()
    const width = Math.max(...rows.map(([name]) => name.length))
    for (const [name, value] of rows) this.#line(`  ${name.padEnd(width)}  ${value}`)
  }

  final(data: object): void {
    if (this.#json) this.#line(JSON.stringify({ tag: 'final', ...data }))
  }

  #draw(fleet: Fleet, load: Load | null, facts: Facts): void {
    this.#erase()
    const cells = fleet.members.map((member) => {
      const label = member.status?.running?.label ?? '–'
      return `${String(member.index).padStart(2)} ${label.padEnd(7)}${mark(member.status?.state)}`
    })
    for (let at = 0; at < cells.length; at += 5)
      this.#paint(`  ${cells.slice(at, at + 5).join('  ')}`)
    this.#paint(`  ${sentence(facts)}`)
    if (load !== null) this.#paint(`  load: ${load.answered} answered, ${load.lost} lost`)
  }

  #paint(text: string): void {
    this.#drawn++
    this.#line(text.slice(0, process.stdout.columns))
  }

  #erase(): void {
    if (this.#drawn > 0) process.stdout.write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }

  #line(text: string): void {
    process.stdout.write(`${text}\n`)
  }
}

/** What a node is doing, in one character beside its version. */
function mark(state: string | undefined): string {
  if (state === undefined) return ' '
  if (state === 'trial' || state === 'cutover') return '*'
  if (state === 'back' || state === 'stuck') return '!'
  return ' '
}

function sentence(facts: Facts): string {
  return Object.entries(facts)
    .map(([name, value]) => (name === 'phase' ? String(value) : `${name} ${value}`))
    .join('  ')
}
