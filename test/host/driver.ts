import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Conductor, releases } from './conductor.ts'

// A daemon for tests: installs "good", upgrades to "better", and lives on. `driver.js HOME REPO`
const [home = '', root = ''] = process.argv.slice(2)
process.chdir(root)
// The kills are for the upgrade: the first install ends with this process, and the next one dies.
const isInstalled = existsSync(join(home, 'current'))
const crashAfter = isInstalled ? process.env['OTA_CRASH_AFTER_EDGE'] : undefined
const conductor = await Conductor.open(home, {
  ...(crashAfter === undefined ? {} : { crashAfter }),
  onLost: () => process.exit(0)
})
process.on('SIGTERM', () => process.exit(0))
for (const name of ['good', 'better'] as const) {
  for (;;) {
    const state = await conductor.until(({ op }) => op === null || op.state === 'waiting')
    const running = state.pointer?.release
    if (running === releases.better && state.op === null) break
    if (running === releases.good && name === 'good') break
    await conductor.upgrade(name)
    await conductor.until(({ op }) => op === null || op.state === 'waiting')
  }
  if (!isInstalled) process.exit(0)
}
setInterval(() => undefined, 60_000)
