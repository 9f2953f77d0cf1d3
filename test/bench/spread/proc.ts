import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { createInterface } from 'node:readline'
import type { Place } from './net.ts'

/** Ticks of the counters of /proc per second. */
const ticksPerSecond = 100

/** A process at a place. It says one JSON value per line, and is told in the same way. */
export class Proc {
  readonly place: Place
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #heard: unknown[] = []
  readonly #waits: { resolve(value: unknown): void; reject(error: Error): void }[] = []
  #end: string | null = null

  constructor(
    place: Place,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {}
  ) {
    this.place = place
    this.#child = spawn('ip', ['netns', 'exec', place.namespace, ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env }
    })
    this.#child.stdin.on('error', noop)
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line))
    this.#child.once('close', (code) => {
      this.#end = `a process of the bench ended with ${code}`
      for (const wait of this.#waits.splice(0)) wait.reject(new Error(this.#end))
    })
  }

  tell(value: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(value)}\n`)
  }

  /** What it says next; throws when it has ended, or says nothing in time. */
  async next(withinMs: number): Promise<unknown> {
    if (this.#heard.length > 0) return this.#heard.shift()
    if (this.#end !== null) throw new Error(this.#end)
    return await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('a process of the bench is silent')),
        withinMs
      )
      const done = (): void => clearTimeout(timer)
      this.#waits.push({
        resolve: (value) => {
          done()
          resolve(value)
        },
        reject: (error) => {
          done()
          reject(error)
        }
      })
    })
  }

  /** Seconds of CPU it has taken. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }

  #hear(line: string): void {
    // other programs print other things
    if (!line.startsWith('{')) return
    const value: unknown = JSON.parse(line)
    const wait = this.#waits.shift()
    if (wait === undefined) this.#heard.push(value)
    else wait.resolve(value)
  }
}

function noop(): void {}
