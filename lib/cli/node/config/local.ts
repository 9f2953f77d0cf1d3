import type { LocalApp } from '../../../host/index.ts'
import type { NodeConfig } from './schema.ts'

/** What the operator says about the app; `rest` is the command behind `--`, which wins. */
export function localApp(config: NodeConfig, rest: readonly string[] | null): LocalApp {
  const { app, limits, policy, hooks } = config
  const listen = app.listen.map((text) => {
    const at = text.indexOf('=')
    return [text.slice(0, at), text.slice(at + 1).replace(/^tcp:/, '')] as const
  })
  return {
    command: rest ?? app.command,
    env: app.env,
    listen: Object.fromEntries(listen),
    handover: app.handover,
    startTimeoutMs: app.startTimeout,
    drainMaxMs: app.drain,
    lingerMs: app.linger,
    probes: app.health,
    healthIntervalMs: app.healthInterval,
    limits: {
      memory: limits.memory,
      pids: limits.pids,
      nofile: limits.nofile,
      disk: limits.disk
    },
    shadow: policy.shadow,
    phoneHome: policy.phoneHome,
    strike: policy.strike,
    migrations: policy.migrations,
    hooks: {
      dialect: hooks.dialect,
      before: hooks.before,
      after: hooks.after,
      timeoutMs: hooks.timeout
    }
  }
}
