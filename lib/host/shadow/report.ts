import { join } from 'node:path'
import { fromText, MIB, toText, type Disk } from '../../base/index.ts'
import { showDestination, type Destination } from '../netwatch/destination.ts'
import type { Seen } from '../netwatch/verdict.ts'
import type { CopyWay } from '../snapshot/copy.ts'
import type { Consistency } from '../snapshot/take.ts'
import type { Meters } from './order.ts'

/** What became of a look: `off` was not wanted, `unavailable` not possible here; never a pass. */
export type Answer = 'off' | 'unavailable' | 'pass' | 'fail'

/** How the state of a shadow was made; `how` in plain words of `CopyWay`, `none` and `live`. */
export interface StateShown {
  /** `none`: an empty one; `live`: the live one, read-only. */
  readonly how: CopyWay | 'none' | 'live'
  readonly consistency: Consistency | null
  readonly bytes: number
  readonly ms: number
  /** Folders of a corestore that were left out. */
  readonly excluded: readonly string[]
}

/** All that a shadow found out about a release; kept beside the store until its version goes. */
export interface ShadowReport {
  readonly v: 1
  readonly release: string
  readonly op: number
  readonly atMs: number
  readonly shadow: Answer
  readonly phoneHome: Answer
  /** By its name in the journal; null: no failure. */
  readonly reason: string | null
  /** In words, why an answer is not `pass`; one for each. */
  readonly why: readonly string[]
  readonly state: StateShown | null
  readonly meters: Meters
  readonly readyMs: number | null
  readonly selfCheck: 'ok' | 'bad' | 'silent'
  /** Paths of the live state that it tried to write. */
  readonly written: readonly string[]
  /** Null: nobody looked, or nobody could. */
  readonly seen: Seen | null
  /** What neither the release declares nor the version before tried; at most 64. */
  readonly unexpected: readonly Destination[]
  /** The last it printed. */
  readonly output: string
}

const bytesMax = 512 * 1_024
const outputMax = 4_096

function fileOf(home: string, release: string): string {
  return join(home, 'daemon', 'shadow', `${release}.json`)
}

/** Keeps a report; the one of an earlier shadow of the release goes. */
export async function keepShadowReport(
  disk: Disk,
  home: string,
  report: ShadowReport
): Promise<void> {
  await disk.makeFolder(join(home, 'daemon', 'shadow'), 0o700)
  const short = { ...report, output: report.output.slice(-outputMax) }
  await disk.writeDurable(fileOf(home, report.release), fromText(`${JSON.stringify(short)}\n`))
}

/** The report of the last shadow of a release; null where there is none that can be read. */
export async function readShadowReport(
  disk: Disk,
  home: string,
  release: string
): Promise<ShadowReport | null> {
  const path = fileOf(home, release)
  const found = await disk.stat(path)
  if (found?.type !== 'file' || found.size > bytesMax) return null
  const bytes = await disk.read(path)
  return bytes === null ? null : decode(toText(bytes))
}

/** Removes the reports of versions that are gone. */
export async function dropShadowReports(
  disk: Disk,
  home: string,
  keep: readonly string[]
): Promise<void> {
  const folder = join(home, 'daemon', 'shadow')
  for (const name of await disk.list(folder)) {
    if (!keep.includes(name.replace(/\.json(?:\.tmp)?$/, ''))) await disk.remove(join(folder, name))
  }
}

/** A report is a cache: one of another version of this program, or torn, is none. */
function decode(text: string): ShadowReport | null {
  try {
    const value: unknown = JSON.parse(text)
    const isOurs = typeof value === 'object' && value !== null && 'v' in value && value.v === 1
    // written by `keepShadowReport` into a folder that only this node may write
    return isOurs ? (value as ShadowReport) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}

/** A report as lines for people, the most important first. */
export function showShadowReport(report: ShadowReport): readonly string[] {
  const { shadow, phoneHome, why, state, meters, readyMs, seen, unexpected } = report
  const { rssBytes, cpuMs, pids, fds, writtenBytes } = meters
  const used = `memory ${mib(rssBytes)}, cpu ${cpuMs} ms, ${pids} processes, ${fds} open files`
  const lines = [`shadow ${shadow}, phone-home ${phoneHome}`, ...why]
  if (state !== null) {
    const how = state.consistency === null ? state.how : `${state.how} (${state.consistency})`
    lines.push(`state: ${how}, ${mib(state.bytes)} in ${state.ms} ms`)
    if (state.excluded.length > 0) lines.push(`state left out: ${state.excluded.join(', ')}`)
  }
  if (readyMs !== null)
    lines.push(`ready after ${readyMs} ms; ${used}, ${mib(writtenBytes)} written`)
  if (seen?.how === 'count') lines.push(`network: ${seen.packets} packets, not named (count only)`)
  else if (seen !== null) lines.push(`network: ${seen.destinations.length} destinations tried`)
  lines.push(...unexpected.map((one) => `undeclared: ${showDestination(one)}`))
  return lines
}
