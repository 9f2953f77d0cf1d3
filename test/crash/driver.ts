import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isQuarantined } from '../../lib/cutover/index.ts'
import { noLocalApp } from '../../lib/host/index.ts'
import { Conductor, releases, type AppName } from '../host/conductor.ts'

// A daemon that is to die: installs FROM, then upgrades to TO until it runs or is in quarantine.
// `driver.js HOME REPO FROM TO [look]`; `look`: with a shadow before it.
const [home = '', root = '', from = '', to = '', look = ''] = process.argv.slice(2)
process.chdir(root)
// The kills are for the upgrade: the first install ends with this process, and the next one dies.
const isInstalled = existsSync(join(home, 'current'))
const crashAfter = isInstalled ? process.env['OTA_CRASH_AFTER_EDGE'] : undefined
const conductor = await Conductor.open(home, {
  ...(crashAfter === undefined ? {} : { crashAfter }),
  ...(look === 'look' ? { local: noLocalApp } : {}),
  onLost: () => process.exit(0)
})
process.on('SIGTERM', () => process.exit(0))
// The names come from a test of ours.
const [first, second] = [from as AppName, to as AppName]
if (!isInstalled) {
  await conductor.upgrade(first)
  await conductor.until(({ op, pointer }) => op === null && pointer !== null)
  process.exit(0)
}
for (;;) {
  const state = await conductor.until(({ op }) => op === null || op.state === 'waiting')
  if (isQuarantined(state, releases[second])) break
  if (state.pointer?.release === releases[second] && state.op === null) break
  await conductor.upgrade(second)
}
setInterval(() => undefined, 60_000)
