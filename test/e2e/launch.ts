import { runLauncher } from '../../lib/host/index.ts'

// `ota-node run` with a shorter wait before a daemon that died is started again, so that a dozen
// deaths fit into a test: `launch.js HOME DAEMON...`
const [home = '', ...daemon] = process.argv.slice(2)
const backoff = { leastMs: 100, mostMs: 200 }
process.exitCode = await runLauncher({ home, daemon, backoff }, () => undefined)
