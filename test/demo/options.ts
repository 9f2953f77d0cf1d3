import { parseArgs } from 'node:util'

export interface Options {
  readonly json: boolean
  readonly nodes: number
  /** Keeps the folder with homes and logs for a look afterwards. */
  readonly keep: boolean
}

const usage = `Usage:
    npm run demo -- [--nodes N] [--json] [--keep]

Ships http-server 14.1.0, 14.1.1 and a version that turns bad to N nodes on this machine
(2 to 50, default 20), under load, and says what held.

Example:
    $ npm run demo -- --json | tail -n 1
`

/** Reads the flags; a wrong one ends the process with exit 2 before anything is started. */
export function readOptions(argv: readonly string[]): Options {
  try {
    return parse(argv)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    process.stderr.write(`demo: error: ${error.message}\ndemo: hint: see npm run demo -- --help\n`)
    return process.exit(2)
  }
}

function parse(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      json: { type: 'boolean', default: false },
      nodes: { type: 'string', default: '20' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  const nodes = Number(values.nodes)
  if (!Number.isInteger(nodes) || nodes < 2 || nodes > 50) {
    throw new TypeError(`--nodes needs a whole number from 2 to 50, not "${values.nodes}"`)
  }
  return { json: values.json, nodes, keep: values.keep }
}
