import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sodium from 'sodium-native'
import { publishProgram } from '../../lib/cli/publish/table.ts'
import { runProgram } from '../../lib/cli/frame/index.ts'
import type { Keyboard } from '../../lib/cli/frame/prompt.ts'
import type { Ended, Line } from './signers.ts'

/** What is written in one command. */
class Written {
  text = ''
  readonly isTTY = false
  #heard: (() => void) | null = null

  write(part: string): void {
    this.text += part
    this.#heard?.()
  }

  /** Settles once `part` was written. */
  async until(part: string): Promise<void> {
    while (!this.text.includes(part)) {
      await new Promise<void>((resolve) => (this.#heard = resolve))
    }
  }
}

/** Somebody at a terminal who types one answer whenever a secret or a yes is asked for. */
class Typist implements Keyboard {
  readonly isTTY = true
  readonly #answer: string
  readonly #typed: Uint8Array[]
  readonly #data = new Set<(chunk: Uint8Array) => void>()

  constructor(answer: string, typed: Uint8Array[]) {
    this.#answer = answer
    this.#typed = typed
  }

  setRawMode(): void {}

  on(event: 'data' | 'end', fn: (chunk: Uint8Array) => void): void {
    if (event === 'data') this.#data.add(fn)
  }

  off(event: 'data' | 'end', fn: (chunk: Uint8Array) => void): void {
    if (event === 'data') this.#data.delete(fn)
  }

  resume(): void {
    queueMicrotask(() => {
      const chunk = new TextEncoder().encode(`${this.#answer}\n`)
      this.#typed.push(chunk)
      for (const fn of this.#data) fn(chunk)
    })
  }

  pause(): void {}
}

/** `ota-publish` in this process, at a terminal: the same program, without a start for each. */
export class Inside {
  readonly home: string
  readonly passphrase: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Every chunk that was typed so far, for whoever looks whether it was wiped. */
  readonly typed: Uint8Array[] = []

  constructor(
    home: string,
    passphrase: string,
    env: Readonly<Record<string, string | undefined>> = {}
  ) {
    this.home = home
    this.passphrase = passphrase
    this.env = env
  }

  async run(...args: readonly string[]): Promise<Ended> {
    const [stdout, stderr] = [new Written(), new Written()]
    const exit = await runProgram(publishProgram(), {
      argv: [...args, '--home', this.home],
      env: this.env,
      stdin: new Typist(this.passphrase, this.typed),
      stdout,
      stderr,
      signal: new AbortController().signal
    })
    return { exit, stdout: stdout.text, stderr: stderr.text, lines: jsonLines(stdout.text) }
  }

  /** Starts a command that goes on until it is stopped; ready once it has printed `ready`. */
  async start(ready: string, ...args: readonly string[]): Promise<() => Promise<number>> {
    const [stdout, stderr] = [new Written(), new Written()]
    const stop = new AbortController()
    const ended = runProgram(publishProgram(), {
      argv: [...args, '--home', this.home],
      env: this.env,
      stdin: new Typist(this.passphrase, this.typed),
      stdout,
      stderr,
      signal: stop.signal
    })
    const printed = stdout.until(ready)
    const early = ended.then((exit) => {
      throw new Error(`ota-publish ${args.join(' ')} ended with ${exit}: ${stderr.text}`)
    })
    await Promise.race([printed, early])
    early.catch(() => undefined) // it ends when it is stopped
    return async () => {
      stop.abort('SIGTERM')
      return await ended
    }
  }

  /** As `run`, for a command that must succeed; gives the data of its final line. */
  async must(...args: readonly string[]): Promise<Line['data']> {
    const { exit, stderr, lines } = await this.run(...args, '--json', '-y')
    if (exit !== 0) throw new Error(`ota-publish ${args.join(' ')}: ${stderr}`)
    return lines.at(-1)?.data ?? {}
  }
}

function jsonLines(stdout: string): readonly Line[] {
  if (!stdout.startsWith('{')) return []
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

/** Signers who share a desk of files; each has a home of their own. */
export class InsideDesk {
  readonly folder: string
  readonly #people = new Map<string, Inside>()

  constructor(folder: string) {
    this.folder = folder
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  person(label: string, env: Inside['env'] = {}): Inside {
    const known = this.#people.get(label)
    if (known !== undefined) return known
    const person = new Inside(this.file(`home-${label}`), `pass phrase of ${label}`, env)
    this.#people.set(label, person)
    return person
  }

  async newKeys(...labels: readonly string[]): Promise<void> {
    for (const label of labels) {
      await this.person(label).must(
        'keys',
        'new',
        '--label',
        label,
        '-o',
        this.file(`${label}.card`)
      )
    }
  }

  /** Files and flags of the desk: `file:NAME` becomes the path of NAME. */
  words(...args: readonly string[]): string[] {
    return args.map((word) => word.replaceAll(/\bfile:/g, `${this.folder}/`))
  }

  async run(label: string, ...args: readonly string[]): Promise<Ended> {
    return await this.person(label).run(...this.words(...args))
  }

  async must(label: string, ...args: readonly string[]): Promise<Line['data']> {
    return await this.person(label).must(...this.words(...args))
  }

  /** Signs on behalf of each; the answers are `NAME.LABEL.sig`. */
  async sign(name: string, ...labels: readonly string[]): Promise<string[]> {
    const answers: string[] = []
    for (const label of labels) {
      const answer = this.file(`${name}.${label}.sig`)
      await this.must(label, 'sign', `file:${name}.req`, '--key', label, '-o', answer)
      answers.push(answer)
    }
    return answers
  }

  /** A network of these signers, committed by the first of them; `more` are flags of `init`. */
  async found(labels: readonly string[], ...more: readonly string[]): Promise<string> {
    await this.newKeys(...labels)
    const [first = ''] = labels
    const cards = labels.flatMap((label) => ['--card', `file:${label}.card`])
    const who = more.includes('--open') ? [] : ['--enroller', `file:${first}.card`]
    await this.must(first, 'init', '--name', 'demo', ...cards, ...who, ...more, '-o', 'file:t1.req')
    const answers = await this.sign('t1', ...labels)
    const { join: text } = await this.must(first, 'commit', 'file:t1.req', ...answers)
    return String(text)
  }

  /** Lays out a program of two files that a release can carry. */
  layBuild(name: string, version: string, more: object = {}): void {
    mkdirSync(this.file(name), { recursive: true })
    writeFileSync(this.file(`${name}/main.js`), `console.log('${version}')\n`)
    const otaJson = {
      ota: 1,
      name: 'app',
      version,
      start: ['node', 'main.js'],
      listen: [{ name: 'http', proto: 'tcp', default: '127.0.0.1:8080' }],
      health: { probe: { http: 'http:/' } },
      handover: { class: 'exclusive', proxy: 'bytes' },
      state: { class: 'none' },
      ...more
    }
    writeFileSync(this.file(`${name}/ota.json`), JSON.stringify(otaJson))
  }

  /** Packs `build` and proposes it as `NAME.req`; the id of the release. */
  async propose(who: string, name: string, ...more: readonly string[]): Promise<string> {
    await this.must(who, 'pack', 'file:build', '-o', `file:${name}.pack`)
    const kind = ['--channel', 'stable', '--kind', 'code', '-o', `file:${name}.req`]
    const { release } = await this.must(who, 'propose', `file:${name}.pack`, ...kind, ...more)
    return String(release)
  }
}

/**
 * Key files are stretched for a second and 256 MiB each, on purpose. A test that opens dozens and
 * is about something else stretches less; files made so open in this process only.
 */
export function stretchLess(): void {
  const whole = sodium.crypto_pwhash_async.bind(sodium)
  sodium.crypto_pwhash_async = async (key, passphrase, salt, ...cost) =>
    await whole(key, passphrase, salt, 1, 8_192, cost[2])
}
