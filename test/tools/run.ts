import { spawn, type ChildProcess } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { attacksPage, ofTrust, scenarioLine } from './scenarios.ts'

/**
 * Runs every compiled test file, each in a process of its own, two at a time, and a third beside
 * the slow ones. It ends with a line that counts the scenarios of docs/attacks.md and one
 * `N passed, N failed`. A file counts as passed only if it printed its summary, `# ok` and ended
 * with 0: brittle dies without one if a test runs out of time, and whatever a file leaves open
 * would hang the run for ever, so each has a wall limit.
 *
 *   node dist/test/tools/run.js [part of a path ...]
 */
const root = join(import.meta.dirname, '..', '..', '..')
const brittle = join(root, 'node_modules', '.bin', 'brittle-node')
/** Folders of tests with real processes and sockets: they take longest, so they start first. */
const slowFolders = ['e2e', 'cli', 'net', 'swarm', 'crash']
const slowLimitMs = 600_000
const limitMs = 180_000
const atOnce = 2
/** Lines of a failed file that are shown. */
const tailLines = 60

interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly why: string | null
}

const running = new Set<ChildProcess>()

async function main(): Promise<void> {
  const files = await testFiles(process.argv.slice(2))
  const queue = files.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  let passed = 0
  let failed = 0
  const work = async (next: () => string | undefined): Promise<void> => {
    for (let file = next(); file !== undefined; file = next()) {
      const outcome = await runFile(file)
      passed += outcome.passed
      failed += outcome.failed
    }
  }
  const any = (): string | undefined => queue.shift()
  // The slow ones mostly wait: beside them there is room for one of the others, from the end.
  const quick = (): string | undefined => {
    const [first = '', last = ''] = [queue[0], queue.at(-1)]
    return isSlow(first) && !isSlow(last) ? queue.pop() : undefined
  }
  await Promise.all([...Array.from({ length: atOnce }, async () => await work(any)), work(quick)])
  // A run that found nothing has shown nothing.
  if (files.length === 0) failed = 1
  process.chdir(root)
  say(scenarioLine(await readFile(attacksPage, 'utf8'), ofTrust))
  say(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

/** Compiled test files whose source path holds one of `parts`; all of them without parts. */
async function testFiles(parts: readonly string[]): Promise<string[]> {
  const names = await readdir(join(root, 'dist', 'test'), { recursive: true })
  return names
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join('dist', 'test', name))
    .filter((file) => parts.length === 0 || parts.some((part) => source(file).includes(part)))
}

/** The file a person edits: `dist/test/a/b.test.js` is `test/a/b.test.ts`. */
function source(file: string): string {
  return relative('dist', file).replace(/\.js$/, '.ts')
}

function folder(file: string): string {
  return file.split('/')[2] ?? ''
}

function isSlow(file: string): boolean {
  return slowFolders.includes(folder(file))
}

function rank(file: string): number {
  const index = slowFolders.indexOf(folder(file))
  return index === -1 ? slowFolders.length : index
}

async function runFile(file: string): Promise<Outcome> {
  const startedMs = performance.now()
  const ended = await run(file, isSlow(file) ? slowLimitMs : limitMs)
  const outcome = judge(ended)
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  const word = outcome.why === null ? 'ok  ' : 'FAIL'
  const count = `${outcome.passed} of ${outcome.passed + outcome.failed}`
  say(`${word} ${source(file).padEnd(48)} ${count.padStart(10)} ${seconds.padStart(6)} s`)
  if (outcome.why !== null) {
    say(`     ${outcome.why}; the end of its output:`)
    say(tail(ended.output))
  } else if (folder(file).endsWith('.test.js')) {
    // The tests of the house say how much they looked at.
    for (const line of ended.output.split('\n'))
      if (/^ {4}# /.test(line)) say(`     ${line.trim()}`)
  }
  return outcome
}

interface Ended {
  readonly output: string
  readonly exit: number | null
  readonly late: boolean
}

function judge(ended: Ended): Outcome {
  const summary = /^# tests = (\d+)\/(\d+) pass/m.exec(ended.output)
  if (ended.late) return { passed: 0, failed: 1, why: 'it ran out of time' }
  if (summary === null) return { passed: 0, failed: 1, why: `no summary, exit ${ended.exit}` }
  const passed = Number(summary[1])
  const failed = Number(summary[2]) - passed
  const ok = /^# ok$/m.test(ended.output) && ended.exit === 0
  if (ok && failed === 0 && passed > 0) return { passed, failed, why: null }
  return { passed, failed: Math.max(1, failed), why: `exit ${ended.exit}` }
}

function run(file: string, timeMs: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_OPTIONS: '--enable-source-maps' }
    // A group of its own: at the limit everything a test started ends with it.
    const child = spawn(brittle, [file], { cwd: root, env, detached: true })
    let output = ''
    let late = false
    const keep = (data: Buffer): void => {
      output = (output + data.toString()).slice(-4_000_000)
    }
    const timer = setTimeout(() => {
      late = true
      kill(child)
    }, timeMs)
    running.add(child)
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', reject)
    child.on('close', (exit) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ output, exit, late })
    })
  })
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    // The group may have ended by itself meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** What failed first, then how it ended: passing assertions are left out. */
function tail(output: string): string {
  const lines = output.split('\n').filter((line) => !/^\s*ok \d+/.test(line))
  return lines
    .slice(-tailLines)
    .map((line) => `     | ${line}`)
    .join('\n')
}

function say(line: string): void {
  process.stdout.write(line + '\n')
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) kill(child)
    process.exit(1)
  })
}

await main()
