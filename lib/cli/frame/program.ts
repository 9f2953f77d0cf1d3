import { EXIT, OtaError, isOtaError, type Code } from '../../base/index.ts'
import { COMMON, parseFlags, type Flags, type FlagTable } from './flags.ts'
import { Output, type Final, type Sink, type Value } from './output.ts'
import { askSecret, askYes, type Keyboard } from './prompt.ts'
import { suggest } from './suggest.ts'

/** What the process hands to a program; tests hand in their own. */
export interface Terminal {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Keyboard
  readonly stdout: Sink
  readonly stderr: Sink
  /** Aborted with the signal's name as reason. */
  readonly signal: AbortSignal
}

/** What a command gets: its words, where to speak, and when to stop. */
export interface Context {
  readonly terminal: Terminal
  readonly flags: Flags
  readonly args: readonly string[]
  /** Behind a bare `--`; null without one. */
  readonly rest: readonly string[] | null
  readonly out: Output
  readonly signal: AbortSignal
  readonly yes: boolean
  readonly dryRun: boolean
  /** `--timeout` in milliseconds, or null. */
  readonly timeoutMs: number | null
  /** `--home` as typed, or null. */
  readonly home: string | null
  /** `--config` as typed, or null. */
  readonly config: string | null
  /** Asks unless `-y`; `USAGE` without a terminal. */
  readonly confirm: (question: string) => Promise<boolean>
  /** Asks for a secret on the terminal; `USAGE` naming `flag` without one. */
  readonly secret: (question: string, flag: string) => Promise<Uint8Array>
}

/** How a command ended: facts for `final`, and a code when it failed though nothing threw. */
export interface Outcome {
  readonly data?: Value
  readonly code?: Code
  readonly message?: string
}

export interface Command {
  /** One word or two: `pack`, `keys new`. */
  readonly name: string
  /** Written by hand: flags and one example. */
  readonly usage: string
  readonly flags: FlagTable
  /** Least and most words beside the flags. */
  readonly args: { readonly min: number; readonly max: number; readonly what: string }
  /** Whether `-- WORD...` is taken. */
  readonly rest?: boolean
  readonly run: (context: Context) => Promise<Outcome | void>
}

export interface Program {
  readonly name: string
  readonly version: string
  /** Written by hand, fits a screen, ends in an example. */
  readonly usage: string
  readonly commands: readonly Command[]
  /** Other names: `rollout status` → words of a command. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>
}

const INTERRUPTED = 130
const TERMINATED = 143

/** Runs one command line and returns the exit number. Never throws for what a user can do. */
export async function runProgram(program: Program, terminal: Terminal): Promise<number> {
  const out = outputOf(program, terminal)
  try {
    const call = resolve(program, terminal.argv)
    if (call.tag === 'help') return help(out, call.text)
    if (call.tag === 'version') {
      const data = { version: program.version }
      out.result('version', data, `${program.name} ${program.version}`)
      return finish(out, { data })
    }
    const outcome = await call.command.run(contextOf(call, terminal, out))
    return terminal.signal.aborted ? stopped(out, terminal.signal) : finish(out, outcome ?? {})
  } catch (error) {
    if (terminal.signal.aborted) return stopped(out, terminal.signal)
    return failed(out, error)
  }
}

type Call =
  | { readonly tag: 'help'; readonly text: string }
  | { readonly tag: 'version' }
  | { readonly tag: 'run'; readonly command: Command; readonly words: readonly string[] }

function resolve(program: Program, argv: readonly string[]): Call {
  const { before, words } = leadingFlags(argv)
  const asked = parseFlags(before, {})
  const first = words[0]
  if (asked.flags.has('version')) return { tag: 'version' }
  if (first === undefined) {
    if (asked.flags.has('help')) return { tag: 'help', text: program.usage }
    throw new OtaError('USAGE', 'no command is given', { hint: `try: ${program.name} help` })
  }
  if (first === 'help') return { tag: 'help', text: helpText(program, words.slice(1)) }
  const found = findCommand(program, words)
  if (asked.flags.has('help') || wantsHelp(found.words)) {
    return { tag: 'help', text: found.command.usage }
  }
  return { tag: 'run', command: found.command, words: [...before, ...found.words] }
}

function wantsHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  const own = end < 0 ? words : words.slice(0, end)
  return own.includes('--help') || own.includes('-h')
}

/** Common flags may stand before the command. */
function leadingFlags(argv: readonly string[]): { before: string[]; words: string[] } {
  const before: string[] = []
  let index = 0
  for (; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (!word.startsWith('-') || word === '-' || word === '--') break
    before.push(word)
    const spec = COMMON[word.slice(2)]
    if (spec?.type === 'text' && index + 1 < argv.length) before.push(argv[++index] ?? '')
  }
  return { before, words: argv.slice(index) }
}

function findCommand(program: Program, typed: readonly string[]) {
  const words = unalias(program, typed)
  for (const size of [2, 1]) {
    const name = words.slice(0, size).join(' ')
    const command = program.commands.find((candidate) => candidate.name === name)
    if (command !== undefined) return { command, words: words.slice(size) }
  }
  throw unknownCommand(program, words)
}

function unalias(program: Program, words: readonly string[]): readonly string[] {
  for (const size of [2, 1]) {
    const to = program.aliases?.[words.slice(0, size).join(' ')]
    if (to !== undefined && words.length >= size) return [...to, ...words.slice(size)]
  }
  return words
}

function unknownCommand(program: Program, words: readonly string[]): OtaError {
  const names = [...program.commands.map((c) => c.name), ...Object.keys(program.aliases ?? {})]
  const first = words[0] ?? ''
  const group = names.filter((name) => name.startsWith(`${first} `))
  const second = words[1]
  if (group.length > 0 && (second === undefined || second.startsWith('-'))) {
    const verbs = group.map((name) => name.slice(first.length + 1)).join(' | ')
    return new OtaError('USAGE', `${first} needs one of: ${verbs}`)
  }
  const typed = group.length > 0 ? `${first} ${second ?? ''}` : first
  const near = suggest(typed, [...names, ...names.map((name) => name.split(' ')[0] ?? name)])
  const hint = near === null ? `try: ${program.name} help` : `did you mean "${near}"?`
  return new OtaError('USAGE', `unknown command "${typed}"`, { hint })
}

function helpText(program: Program, words: readonly string[]): string {
  const asked = words.filter((word) => !word.startsWith('-'))
  if (asked.length === 0) return program.usage
  const group = program.commands.filter((c) => c.name.startsWith(`${asked[0]} `))
  if (asked.length === 1 && group.length > 0) return group.map((c) => c.usage).join('\n')
  return findCommand(program, asked).command.usage
}

function contextOf(call: Extract<Call, { tag: 'run' }>, terminal: Terminal, out: Output): Context {
  const { command, words } = call
  const { flags, args, rest } = parseFlags(words, command.flags)
  const { min, max, what } = command.args
  if (args.length < min) throw new OtaError('USAGE', `${command.name} needs ${what}`)
  if (args.length > max) {
    const extra = args.slice(max).join(' ')
    const takes = max === 0 ? 'takes no words beside its flags' : `takes ${what} and no more`
    throw new OtaError('USAGE', `${command.name} ${takes}, got "${extra}"`)
  }
  if (rest !== null && command.rest !== true) {
    throw new OtaError('USAGE', `${command.name} takes nothing behind --`)
  }
  const yes = flags.has('yes')
  return {
    terminal,
    flags,
    args,
    rest,
    out,
    yes,
    signal: terminal.signal,
    dryRun: flags.has('dry-run'),
    timeoutMs: flags.duration('timeout'),
    home: flags.text('home'),
    config: flags.text('config'),
    confirm: async (question) => {
      out.clear()
      return yes || askYes(terminal.stdin, terminal.stderr, question)
    },
    secret: async (question, flag) => {
      if (terminal.stdin.isTTY !== true) {
        throw new OtaError('USAGE', 'a pass phrase is needed and there is no terminal', {
          hint: `give it with --${flag} N, a descriptor opened by the shell: --${flag} 3 3<FILE`
        })
      }
      out.clear()
      return askSecret(terminal.stdin, terminal.stderr, question)
    }
  }
}

/** Read before anything can fail, so that a misuse has its final line with `--json` too. */
function outputOf(program: Program, terminal: Terminal): Output {
  const end = terminal.argv.indexOf('--')
  const words = end < 0 ? terminal.argv : terminal.argv.slice(0, end)
  const has = (...names: readonly string[]): boolean => names.some((name) => words.includes(name))
  return new Output(terminal.stdout, terminal.stderr, {
    program: program.name,
    json: has('--json'),
    long: has('--long'),
    quiet: has('-q', '--quiet'),
    verbose: has('-v', '--verbose'),
    progress: !has('--no-progress')
  })
}

function help(out: Output, text: string): number {
  out.result('usage', { text }, text.trimEnd())
  return finish(out, {})
}

function finish(out: Output, outcome: Outcome): number {
  const code = outcome.code ?? null
  const exit = code === null ? 0 : EXIT[code]
  const message = outcome.message ?? (code === null ? 'done' : '')
  const data = outcome.data ?? {}
  out.end({ ok: code === null, code, exit, message, hint: null, data })
  return exit
}

function stopped(out: Output, signal: AbortSignal): number {
  const name = String(signal.reason)
  const exit = name === 'SIGTERM' ? TERMINATED : INTERRUPTED
  const final: Final = { ok: false, code: null, exit, message: name, hint: null, data: {} }
  out.end(final)
  return exit
}

function failed(out: Output, error: unknown): number {
  if (isOtaError(error)) {
    const { code, exit, message, hint, facts } = error
    out.end({ ok: false, code, exit, message, hint, data: facts })
    if (out.options.verbose && error.cause !== undefined) out.detail(stackOf(error.cause))
    if (out.options.verbose && code === 'INTERNAL') out.detail(stackOf(error))
    return exit
  }
  const message = error instanceof Error ? error.message : String(error)
  const hint = 'this is a fault of ours: run it again with --verbose and send what it prints'
  out.detail(stackOf(error))
  out.end({ ok: false, code: 'INTERNAL', exit: EXIT.INTERNAL, message, hint, data: {} })
  return EXIT.INTERNAL
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
