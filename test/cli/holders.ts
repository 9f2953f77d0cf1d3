import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Inside } from './inside.ts'
import type { Ended } from './signers.ts'

/** Lines of one output that are shown, from its beginning and its end; a review has dozens. */
const shown = { first: 12, last: 3 }
/** What a terminal asks for; the answers are not seen either. */
const prompt = /^(?:new )?pass phrase (?:of|for) |^the same again/

/**
 * People in folders of their own, who exchange files and nothing else. Every command is typed in
 * its folder, and goes into the transcript with what it said.
 */
export class Holders {
  readonly root: string
  readonly transcript: string[] = []
  readonly #people = new Map<string, Inside>()
  readonly #network: readonly string[]

  constructor(root: string, bootstrap: string) {
    this.root = root
    this.#network = ['--bootstrap', bootstrap, '--host', '127.0.0.1']
  }

  /** A remark between commands. */
  say(text: string): void {
    this.transcript.push('', `# ${text}`)
  }

  folder(who: string): string {
    return join(this.root, who)
  }

  join(who: string): void {
    mkdirSync(join(this.folder(who)), { recursive: true })
    const home = join(this.folder(who), '.upswell')
    this.#people.set(who, new Inside(home, 'the same for all, so that a thief needs one'))
  }

  /** Copies files from one folder to others: a mail, a stick. */
  send(from: string, to: readonly string[], ...names: readonly string[]): void {
    for (const who of to) {
      for (const name of names)
        copyFileSync(join(this.folder(from), name), join(this.folder(who), name))
    }
    this.transcript.push(`# ${from} sends ${names.join(', ')} to ${to.join(' and ')}`)
  }

  /** Types one line in the folder of `who`; `online` adds how the network is reached. */
  async type(
    who: string,
    line: string,
    options: { readonly online?: boolean } = {}
  ): Promise<Ended> {
    const words = line.split(' ')
    const more = options.online === true ? this.#network : []
    const ended = await this.#in(who, async (person) => await person.run(...words, ...more, '-y'))
    const output = `${ended.stdout}${ended.stderr}`.trimEnd().split('\n').filter(isSaid)
    this.#write(who, line, output)
    if (ended.exit !== 0) this.transcript.push(`  (exit ${ended.exit})`)
    return ended
  }

  /** As `type`, for a line that must succeed. */
  async must(
    who: string,
    line: string,
    options: { readonly online?: boolean } = {}
  ): Promise<Ended> {
    const ended = await this.type(who, line, options)
    if (ended.exit !== 0) throw new Error(`${who}$ ota-publish ${line}: ${ended.stderr}`)
    return ended
  }

  /** Types a line that goes on until the result is called. */
  async start(who: string, ready: string, line: string): Promise<() => Promise<number>> {
    const words = [...line.split(' '), ...this.#network]
    this.#write(who, `${line} &`, [])
    return await this.#in(who, async (person) => await person.start(ready, ...words))
  }

  /** One command after the other: a folder is where the process stands. */
  async #in<T>(who: string, deed: (person: Inside) => Promise<T>): Promise<T> {
    const person = this.#people.get(who)
    if (person === undefined) throw new Error(`nobody here is ${who}`)
    const before = process.cwd()
    process.chdir(this.folder(who))
    try {
      return await deed(person)
    } finally {
      process.chdir(before)
    }
  }

  #write(who: string, line: string, output: readonly string[]): void {
    const most = shown.first + shown.last
    const lines =
      output.length <= most + 1
        ? output
        : [
            ...output.slice(0, shown.first),
            `… ${output.length - most} lines …`,
            ...output.slice(-shown.last)
          ]
    this.transcript.push(`${who}$ ota-publish ${line}`, ...lines.map((one) => `  ${one}`))
  }
}

function isSaid(line: string): boolean {
  return line !== '' && !prompt.test(line)
}
