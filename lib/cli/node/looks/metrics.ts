import type { NodeStatus } from '../views.ts'

type Labels = Readonly<Record<string, string>>

interface Sample {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly values: readonly { readonly labels: Labels; readonly value: number }[]
}

/** A status as Prometheus text, version 0.0.4. Names and labels never change their meaning. */
export function metricsOf(status: NodeStatus): string {
  const lines = samplesOf(status).flatMap(({ name, help, type, values }) => [
    `# HELP upswell_${name} ${help}`,
    `# TYPE upswell_${name} ${type}`,
    ...values.map(({ labels, value }) => `upswell_${name}${labelText(labels)} ${value}`)
  ])
  return `${lines.join('\n')}\n`
}

function samplesOf(status: NodeStatus): readonly Sample[] {
  const { running, app, trust, freshness, rollout } = status
  const none: Sample['values'] = []
  return [
    gauge(
      'running_info',
      'Release in charge.',
      running === null ? none : one(1, { release: running.release, label: running.label })
    ),
    gauge('state_info', 'State of the upgrade.', one(1, { state: status.state })),
    gauge('held', 'Whether the operator holds upgrades.', one(status.held ? 1 : 0)),
    gauge('peers', 'Connected peers.', one(status.peers)),
    gauge('app_up', 'Whether the app has a process.', one((app?.pid ?? null) === null ? 0 : 1)),
    {
      name: 'app_restarts_total',
      help: 'Exits of the app that nobody asked for, since it was started.',
      type: 'counter',
      values: app === null ? none : one(app.restarts)
    },
    {
      name: 'app_requests_cut_total',
      help: 'Connections that ended with a request under way.',
      type: 'counter',
      values: app === null ? none : one(app.lost)
    },
    gauge(
      'quarantined',
      'Releases in quarantine, by reason.',
      ['host', 'own', 'fleet'].flatMap((why) =>
        one(status.quarantine.filter((entry) => entry.why === why).length, { why })
      )
    ),
    gauge(
      'trust_expires_seconds',
      'Unix time at which the trust expires.',
      trust === null ? none : one(Math.floor(trust.expiresMs / 1_000))
    ),
    gauge(
      'beacon_age_seconds',
      'Age of the newest beacon.',
      freshness.ageMs === null ? none : one(Math.floor(freshness.ageMs / 1_000))
    ),
    gauge(
      'rollout_stage',
      'Stage of the live rollout.',
      rollout === null ? none : one(rollout.stage, { phase: rollout.phase })
    ),
    gauge(
      'alarm',
      'Alarms that stand.',
      status.alarms.flatMap((code) => one(1, { code }))
    )
  ]
}

function one(value: number, labels: Labels = {}): Sample['values'] {
  return [{ labels, value }]
}

function gauge(name: string, help: string, values: Sample['values']): Sample {
  return { name, help, type: 'gauge', values }
}

/** Labels and codes may come from releases: what would end the text is escaped. */
function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => {
    const safe = value
      .replaceAll('\\', '\\\\')
      .replaceAll('"', '\\"')
      .replaceAll(/\p{Cc}/gu, ' ')
    return `${name}="${safe}"`
  })
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}
