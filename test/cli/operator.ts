import { runProgram } from '../../lib/cli/frame/index.ts'
import { nodeProgram } from '../../lib/cli/node/table.ts'

export interface Line {
  readonly tag: string
  readonly code?: string | null
  readonly exit?: number
  readonly message?: string
  readonly hint?: string | null
  readonly data: Readonly<Record<string, unknown>>
}

/** What one call of `ota-node` said, in this process. */
export interface Said {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  /** The lines of stdout as JSON, for `--json`. */
  readonly lines: readonly Line[]
  readonly final: Line | undefined
}

const noop = (): void => undefined

/** Runs a command of `ota-node` in this process; `env` is all it sees of the environment. */
export async function node(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {
    XDG_STATE_HOME: '/nowhere',
    XDG_CONFIG_HOME: '/nowhere'
  }
): Promise<Said> {
  const stdout: string[] = []
  const stderr: string[] = []
  const exit = await runProgram(nodeProgram(), {
    argv,
    env,
    stdin: { on: noop, off: noop, resume: noop, pause: noop },
    stdout: { write: (text: string) => stdout.push(text) },
    stderr: { write: (text: string) => stderr.push(text) },
    signal: new AbortController().signal
  })
  const text = stdout.join('')
  const isJson = argv.includes('--json')
  const lines = isJson
    ? text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
    : []
  return { exit, stdout: text, stderr: stderr.join(''), lines, final: lines.at(-1) }
}
