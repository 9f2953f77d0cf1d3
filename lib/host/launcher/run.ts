import type { Log } from '../../base/ports.ts'
import type { LaunchConfig } from './config.ts'
import { Launcher } from './main.ts'

/**
 * Runs the launcher of a home until it is told to end: SIGTERM and SIGINT let the app finish first.
 * Returns the exit code: 0, or the daemon's own when no restart can cure it. `LOCKED` if the home
 * is run already.
 */
export async function runLauncher(config: LaunchConfig, log: Log): Promise<number> {
  const launcher = new Launcher(config, log)
  const stop = (): void => void launcher.stop()
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  try {
    await launcher.start()
    return await launcher.ended
  } finally {
    process.off('SIGTERM', stop)
    process.off('SIGINT', stop)
  }
}
