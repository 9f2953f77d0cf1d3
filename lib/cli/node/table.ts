import type { Command, Program } from '../frame/index.ts'
import { VERSION } from '../version.ts'
import { bundles } from './bundle/index.ts'
import { configs } from './config/show.ts'
import { doctor } from './doctor/index.ts'
import { services } from './install.ts'
import { join } from './join.ts'
import { offline } from './offline/index.ts'
import { stayers } from './run.ts'
import { usage } from './usage.ts'
import { words } from './words.ts'

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
  const commands = [
    join,
    ...stayers,
    ...words,
    ...bundles,
    ...offline,
    ...configs,
    ...services,
    doctor,
    version
  ]
  return { name: 'ota-node', version: VERSION, usage, commands }
}
