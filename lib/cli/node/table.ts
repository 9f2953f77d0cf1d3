import type { Command, Context, Outcome, Program } from '../frame/index.ts'
import { VERSION } from '../version.ts'
import { bundles } from './bundle/index.ts'
import { join } from './join.ts'
import { offline } from './offline/index.ts'
import { configured, stayers } from './run.ts'
import { usage } from './usage.ts'
import { words } from './words.ts'

const config: Command = {
  name: 'config show',
  usage: `Usage: ota-node config show [--home DIR] [--config FILE]

Prints every value of the configuration and who set it.

Example:
    $ ota-node config show
`,
  flags: {},
  args: { min: 0, max: 0, what: 'nothing' },
  run: showConfig
}

const version: Command = {
  name: 'version',
  usage: 'Usage: ota-node version\n',
  flags: {},
  args: { min: 0, max: 0, what: 'nothing' },
  run: async ({ out }) => {
    out.result('version', { version: VERSION }, `ota-node ${VERSION}`)
    return await Promise.resolve({ data: { version: VERSION } })
  }
}

/** The program `ota-node`: one table for dispatch, help and "did you mean". */
export function nodeProgram(): Program {
  const commands = [join, ...stayers, ...words, ...bundles, ...offline, config, version]
  return { name: 'ota-node', version: VERSION, usage, commands }
}

async function showConfig(context: Context): Promise<Outcome> {
  const { config: values, origins } = await configured(context)
  const rows = flat(values).map(([key, value]) => {
    return { key, value: JSON.stringify(value), origin: origins.get(key) ?? 'default' }
  })
  for (const { key, value, origin } of rows) {
    context.out.result('config', { key, value, origin }, `${key} = ${value}  (${origin})`)
  }
  return { data: {} }
}

function flat(values: object, path = ''): (readonly [string, unknown])[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
    const isOpen = isTable && key !== 'env'
    return isOpen ? flat(value, `${path}${key}.`) : [[`${path}${key}`, value] as const]
  })
}
