import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Context } from '../frame/index.ts'

/** The folder that holds one app: `--home`, else `$XDG_STATE_HOME/upswell/node`. */
export function homeOf(context: Context): string {
  if (context.home !== null) return resolve(context.home)
  const { env } = context.terminal
  const state = env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state')
  return join(state, 'upswell', 'node')
}

/**
 * The configuration file: `--config`, else `ota-node.toml` of a home that was named, else
 * `$XDG_CONFIG_HOME/upswell/ota-node.toml`.
 */
export function configFileOf(context: Context): { readonly file: string; readonly named: boolean } {
  if (context.config !== null) return { file: resolve(context.config), named: true }
  if (context.home !== null) return { file: join(homeOf(context), 'ota-node.toml'), named: false }
  const { env } = context.terminal
  const folder = env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? homedir(), '.config')
  return { file: join(folder, 'upswell', 'ota-node.toml'), named: false }
}

/** The socket of the daemon, by a name that the system can take however deep the home lies. */
export async function controlSocket(context: Context): Promise<string> {
  const folder = join(homeOf(context), 'run')
  // Loaded late: the launcher's process comes past this file and must stay small.
  const { socketPath } = await import('../../host/index.ts')
  return socketPath(folder, 'ctl.sock')
}
