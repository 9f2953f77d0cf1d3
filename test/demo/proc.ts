import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { join } from 'node:path'

/** The built programs, run as a user would run them. */
const bin = join(import.meta.dirname, '..', '..', 'bin')

export interface Person {
  /** Folder that holds this person's keys and store. */
  readonly home: string
  readonly passphrase: string
}

/** The last line of a `--json` command. */
export interface Final {
  readonly ok: boolean
  readonly code: string | null
  readonly exit: number
  readonly message: string | null
  readonly data: Readonly<Record<string, unknown>>
}

const running = new Set<ChildProcess>()

/** Where a person's keys and store lie. */
export function environment({ home }: Person): NodeJS.ProcessEnv {
  return { XDG_CONFIG_HOME: join(home, 'config'), XDG_STATE_HOME: join(home, 'state') }
}

/** How a command ended. */
export interface Ended {
  readonly exit: number | null
  /** Null: it printed no final line. */
  readonly final: Final | null
  readonly stderr: string
}

/** Runs one command with `--json` to its end, whatever end that is. */
export async function run(
  program: 'ota-node' | 'ota-publish',
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly passphrase?: string }
): Promise<Ended> {
  const child = spawn(process.execPath, [join(bin, `${program}.js`), ...args, '--json'], {
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe']
  })
  running.add(child)
  const secret = child.stdio[3]
  if (secret !== null && secret !== undefined && 'end' in secret) {
    secret.on('error', () => undefined) // a command that needs no key closes it unread
    secret.end(options.passphrase ?? '')
  }
  let out = ''
  let stderr = ''
  child.stdout?.on('data', (part) => (out += String(part)))
  child.stderr?.on('data', (part) => (stderr += String(part)))
  const [exit] = (await once(child, 'close')) as [number | null]
  running.delete(child)
  return { exit, final: parseFinal(out.trim().split('\n').at(-1) ?? ''), stderr }
}

/** Runs one `ota-publish` command of a person; the pass phrase goes through descriptor 3. */
export async function tryPublish(person: Person, args: readonly string[]): Promise<Ended> {
  const { home, passphrase } = person
  return await run('ota-publish', [...args, '-y'], {
    cwd: home,
    env: environment(person),
    passphrase
  })
}

/** As `tryPublish`, for a command that must succeed. */
export async function publish(person: Person, args: readonly string[]): Promise<Final> {
  const { final, stderr } = await tryPublish(person, args)
  if (final === null) throw new Error(`ota-publish ${args.join(' ')}: ${stderr || 'no final line'}`)
  if (!final.ok) {
    throw new Error(`ota-publish ${args.join(' ')}: ${final.code ?? ''} ${final.message ?? ''}`)
  }
  return final
}

function parseFinal(line: string): Final | null {
  if (!line.startsWith('{')) return null
  // The shape is that of our own programs, printed by the command we just ran.
  const value = JSON.parse(line) as { tag: string; data?: Final['data'] } & Omit<Final, 'data'>
  return value.tag === 'final' ? { ...value, data: value.data ?? {} } : null
}

/** Starts a long-running program; its output goes to `logFile`. */
export function start(
  program: 'ota-node' | 'ota-publish',
  args: readonly string[],
  options: StartOptions
): ChildProcess {
  return startScript(join(bin, `${program}.js`), args, options)
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly logFile: string
  readonly cwd: string
}

/** The same for any script of ours. */
export function startScript(
  script: string,
  args: readonly string[],
  options: StartOptions
): ChildProcess {
  const log: WriteStream = createWriteStream(options.logFile, { flags: 'a' })
  const child = spawn(process.execPath, [script, ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  child.stdout?.pipe(log, { end: false })
  child.stderr?.pipe(log, { end: false })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

/** Ends a process: SIGTERM, and SIGKILL when it has not gone in `graceMs`. */
export async function stop(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await gone
  clearTimeout(timer)
}

/** Ends whatever is still running, for Ctrl-C and failures. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => stop(child, 8_000)))
}

/** The same at once, for a process that is about to exit and can wait for nothing. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
