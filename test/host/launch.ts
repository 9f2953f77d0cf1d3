import { runLauncher } from '../../lib/host/index.ts'

// A launcher for tests, in a process of its own: `launch.js HOME DAEMON...`
const [home = '', ...daemon] = process.argv.slice(2)
const backoff = { leastMs: 50, mostMs: 500 }
process.exitCode = await runLauncher({ home, daemon, backoff, output: 'ignore' }, () => undefined)
