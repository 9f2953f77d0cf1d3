import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The built program, run as a user would run it. */
const bin = join(import.meta.dirname, '..', '..', 'bin', 'ota-publish.js')

export interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
  /** The lines of stdout as JSON, for `--json`. */
  readonly lines: readonly Line[]
}

/** A command that goes on until `stop`, which gives its exit code. */
export interface Running {
  readonly line: Line
  readonly stop: () => Promise<number | null>
}

export interface Line {
  readonly tag: string
  readonly code?: string | null
  readonly exit?: number
  readonly ok?: boolean
  readonly data: Readonly<Record<string, unknown>>
}

/** People at one desk: each has keys and a home of their own, files lie on the desk. */
export class Signers {
  readonly desk: string

  constructor(desk: string) {
    this.desk = desk
  }

  file(name: string): string {
    return join(this.desk, name)
  }

  /** Runs `ota-publish` as `who`; their pass phrase waits on descriptor 3, read only if asked. */
  async run(who: string, ...args: readonly string[]): Promise<Ended> {
    return await this.runAs(who, who, ...args)
  }

  /** As `run`, at the desk of `who` with the key and the pass phrase of `whose`. */
  async runAs(who: string, whose: string, ...args: readonly string[]): Promise<Ended> {
    const child = this.#spawn(who, args)
    const secret = child.stdio[3]
    if (secret !== null && secret !== undefined && 'end' in secret) {
      secret.on('error', () => undefined) // a command that needs no key closes it unread
      secret.end(`pass phrase of ${whose}\n`)
    }
    let stdout = ''
    let stderr = ''
    child.stdout?.on('data', (part) => (stdout += String(part)))
    child.stderr?.on('data', (part) => (stderr += String(part)))
    const [exit] = (await once(child, 'close')) as [number | null]
    return { exit, stdout, stderr, lines: jsonLines(stdout) }
  }

  /** Starts a command that runs until it is stopped; resolves with its first JSON line of `tag`. */
  async start(who: string, tag: string, ...args: readonly string[]): Promise<Running> {
    const child = this.#spawn(who, [...args, '--json'])
    const ended = once(child, 'close')
    let stdout = ''
    const line = await new Promise<Line>((resolve, reject) => {
      child.stdout?.on('data', (part) => {
        stdout += String(part)
        const found = jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1)).find(
          (one) => one.tag === tag
        )
        if (found !== undefined) resolve(found)
      })
      ended.then(() => reject(new Error(`${args.join(' ')} ended: ${stdout}`)), reject)
    })
    const stop = async (): Promise<number | null> => {
      child.kill('SIGTERM')
      const [exit] = (await ended) as [number | null]
      return exit
    }
    return { line, stop }
  }

  #spawn(who: string, args: readonly string[]): ChildProcess {
    const home = join(this.desk, `home-${who}`)
    return spawn(process.execPath, [bin, ...args], {
      cwd: this.desk,
      env: {
        PATH: process.env['PATH'],
        XDG_CONFIG_HOME: join(home, 'config'),
        XDG_STATE_HOME: join(home, 'state')
      },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe']
    })
  }

  /** As `run`, for a command that must succeed; gives the data of its final line. */
  async must(who: string, ...args: readonly string[]): Promise<Line['data']> {
    const { exit, stderr, lines } = await this.run(who, ...args, '--json', '-y')
    if (exit !== 0) throw new Error(`ota-publish ${args.join(' ')}: ${stderr}`)
    return lines.at(-1)?.data ?? {}
  }

  /** Three signers, any two of them may release, committed on the machine of `a`. */
  async found(): Promise<string> {
    await Promise.all(['a', 'b', 'c'].map(async (who) => await this.newKey(who)))
    const cards = ['a', 'b', 'c'].flatMap((who) => ['--card', `${who}.card`])
    const roles = ['--root', '2', '--release', '2', '--enroller', 'a.card']
    await this.must('a', 'init', '--name', 'demo', ...cards, ...roles, '-o', 't1.req')
    const answers = ['a', 'b', 'c'].map((who) => `t1.${who}.sig`)
    const signing = ['a', 'b', 'c'].map(async (who) => {
      await this.sign(who, 't1.req', `t1.${who}.sig`)
    })
    await Promise.all(signing)
    const { join: text } = await this.must('a', 'commit', 't1.req', ...answers)
    return String(text)
  }

  /** One person with one key in every role. */
  async foundAlone(who: string): Promise<string> {
    const solo = ['init', '--name', 'demo', '--solo', '--passphrase-fd', '3']
    const { join: text } = await this.must(who, ...solo)
    return String(text)
  }

  async newKey(who: string): Promise<void> {
    await this.must(who, 'keys', 'new', '--label', who, '--passphrase-fd', '3')
  }

  async sign(who: string, request: string, answer: string, ...more: string[]): Promise<void> {
    await this.must(who, 'sign', request, '--passphrase-fd', '3', '-o', answer, ...more)
  }

  /** A release of one small program, proposed by `a`. */
  async propose(request: string, ...more: readonly string[]): Promise<string> {
    await this.must('a', 'pack', 'build', '-o', 'app.pack')
    const kind = ['--channel', 'stable', '--kind', 'code']
    const { release } = await this.must('a', 'propose', 'app.pack', ...kind, '-o', request, ...more)
    return String(release)
  }

  /** Lays out a program that a release can carry. */
  layBuild(folder: string, version: string): void {
    mkdirSync(this.file(folder), { recursive: true })
    writeFileSync(this.file(`${folder}/main.js`), `console.log('${version}')\n`)
    const otaJson = {
      ota: 1,
      name: 'app',
      version,
      start: ['node', 'main.js'],
      listen: [{ name: 'http', proto: 'tcp', default: '127.0.0.1:8080' }],
      health: { probe: { http: 'http:/' } },
      handover: { class: 'exclusive', proxy: 'bytes' },
      state: { class: 'none' }
    }
    writeFileSync(this.file(`${folder}/ota.json`), JSON.stringify(otaJson))
  }
}

function jsonLines(stdout: string): readonly Line[] {
  if (!stdout.startsWith('{')) return []
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

/** The first line of an error on stderr, without the program's name. */
export function errorOf({ stderr }: Ended): string {
  const line = stderr.split('\n').find((one) => one.startsWith('ota-publish: error: '))
  return line?.slice('ota-publish: error: '.length) ?? ''
}

/** The hint below it. */
export function hintOf({ stderr }: Ended): string {
  const line = stderr.split('\n').find((one) => one.startsWith('ota-publish: hint: '))
  return line?.slice('ota-publish: hint: '.length) ?? ''
}
