import { formatDuration } from '../../frame/index.ts'
import type { Command, Context, Outcome } from '../../frame/index.ts'
import { configFileOf } from '../home.ts'
import { faultText, judgeConfig, originOf, readConfig, type Fault } from './read.ts'

/** Commands about the configuration of a home; they need no daemon. */
export const configs: readonly Command[] = [
  {
    name: 'config show',
    usage: `Usage: ota-node config show [--home DIR] [--config FILE] [--json]

Prints every value of the configuration and who set it: a flag, a variable OTA_NODE_SECTION_KEY, a
file, or nobody (default). What is wrong with it is said instead.

Example:
    $ ota-node config show
`,
    flags: {},
    args: { min: 0, max: 0, what: 'nothing' },
    run: show
  },
  {
    name: 'config check',
    usage: `Usage: ota-node config check [--home DIR] [--config FILE] [--json]

Reads the configuration as a daemon would and lists everything that is wrong with it at once, each
with its file, line and key. Exit 2 if anything is.

Example:
    $ ota-node config check --config /etc/upswell/demo.toml
`,
    flags: {},
    args: { min: 0, max: 0, what: 'nothing' },
    run: check
  }
]

async function show(context: Context): Promise<Outcome> {
  const { file, named } = configFileOf(context)
  const from = { file, named, env: context.terminal.env, flags: {} }
  const { config: values, origins } = await readConfig(from)
  for (const [key, value] of flat(values)) {
    const origin = originOf(key, origins) ?? 'default'
    const text = JSON.stringify(value)
    const said = isDuration(key) && typeof value === 'number' ? ` = ${formatDuration(value)}` : ''
    context.out.result(
      'config',
      { key, value: text, origin },
      `${key} = ${text}${said}  (${origin})`
    )
  }
  return { data: {} }
}

async function check(context: Context): Promise<Outcome> {
  const { file, named } = configFileOf(context)
  const { faults } = await judgeConfig({ file, named, env: context.terminal.env, flags: {} })
  for (const fault of faults) tell(context, fault)
  if (faults.length === 0) {
    context.out.result('config', { file }, 'the configuration is sound')
    return { data: { faults: 0 } }
  }
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`
  return { data: { faults: faults.length }, code: 'CONFIG_INVALID', message: `${count} in ${file}` }
}

function tell({ out }: Context, fault: Fault): void {
  out.result('fault', { ...fault }, faultText(fault))
}

const durations = new Set([
  'app.startTimeout',
  'app.drain',
  'app.linger',
  'app.healthInterval',
  'policy.jitter',
  'hooks.timeout'
])

function isDuration(key: string): boolean {
  return durations.has(key)
}

function flat(values: object, path = ''): (readonly [string, unknown])[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
    const isOpen = isTable && key !== 'env'
    return isOpen ? flat(value, `${path}${key}.`) : [[`${path}${key}`, value] as const]
  })
}
