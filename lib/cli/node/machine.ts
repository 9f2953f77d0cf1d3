import type { Disk } from '../../base/index.ts'
import {
  findMeans,
  isGrouped,
  limitsOf,
  readRunSpec,
  readShadowReport,
  showShadowReport,
  type AppUser,
  type Home,
  type LimitsView,
  type Limited
} from '../../host/index.ts'
import { escapeText, formatSize } from '../frame/index.ts'

/** What holds the app of this node, and what a shadow found of the release it is about. */
export interface MachineView {
  /** Whom the app runs as; null: as the daemon itself, so that nothing keeps the two apart. */
  readonly user: string | null
  /** The operator's command stands in place of the release's. */
  readonly overridden: boolean
  /** Null: nothing is installed, or its run spec cannot be read. */
  readonly limits: LimitsView | null
  /** The last shadow of the release under way, else of the one that runs; lines for people. */
  readonly shadow: readonly string[]
}

export interface MachineParts {
  readonly disk: Disk
  readonly home: Home
  readonly user: AppUser | null
  readonly launcherPid: number
}

/** Releases that a view is about. */
export interface MachineNames {
  readonly running: string | null
  readonly next: string | null
}

/** Looks at the run spec, the means of this machine and the report; nothing of it is remembered. */
export async function machineView(
  { disk, home, user, launcherPid }: MachineParts,
  names: MachineNames
): Promise<MachineView> {
  const { running, next } = names
  const about = next ?? running
  const report = about === null ? null : await readShadowReport(disk, home.path, about)
  const spec = running === null ? null : await specOf(disk, home, running)
  const means = await findMeans({ look: true })
  const group = (await isGrouped(launcherPid)) ? home.path : null
  return {
    user: user?.name ?? null,
    overridden: spec?.overridden ?? false,
    limits: spec === null ? null : limitsOf(spec.limits, { ...means, cgroup: group }, user),
    shadow: report === null ? [] : showShadowReport(report)
  }
}

async function specOf(disk: Disk, home: Home, release: string) {
  const path = home.runSpec(release)
  return (await disk.stat(path))?.type === 'file' ? await readRunSpec(disk, path) : null
}

/** Rows of `status`. */
export function machineRows(view: MachineView): (readonly [string, string])[] {
  const { user, limits, shadow, overridden } = view
  const rows: (readonly [string, string])[] = []
  if (overridden) rows.push(['command', 'the operator’s, in place of the release’s'])
  rows.push(['isolation', user === null ? 'none: app and daemon are one user' : `user ${user}`])
  if (limits !== null) rows.push(['limits', limitsText(limits)])
  for (const [at, line] of shadow.entries()) {
    rows.push([at === 0 ? 'shadow' : '', escapeText(line)])
  }
  return rows
}

function limitsText({ memory, pids, nofile }: LimitsView): string {
  const parts = [
    ...held('memory', memory, formatSize),
    ...held('processes', pids, String),
    ...held('open files', nofile, String)
  ]
  return parts.length === 0 ? 'none set' : parts.join(', ')
}

function held(
  name: string,
  { value, by }: Limited,
  text: (value: number) => string
): readonly string[] {
  return value === null ? [] : [`${name} ${text(value)} by ${by}`]
}
