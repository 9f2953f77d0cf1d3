import { HOUR, fromText, toText } from '../../../base/index.ts'
import type { Desk } from '../../../publish/index.ts'

/** A census older than this says nothing about the fleet of today. */
const FRESH_MS = 3 * HOUR

/** The size of the fleet as the last command that was online saw it; 0 if that is too long ago. */
export async function readCensus({ disk, clock, places }: Desk): Promise<number> {
  const bytes = await disk.read(`${places.home}/census`)
  const match = /^(\d+) (\d+)\n$/.exec(bytes === null ? '' : toText(bytes))
  if (match === null) return 0
  return clock.wallMs() - Number(match[2]) > FRESH_MS ? 0 : Number(match[1])
}

/** Keeps what was just seen, for `propose`, which works offline. */
export async function writeCensus({ disk, clock, places }: Desk, nodes: number): Promise<void> {
  await disk.writeDurable(`${places.home}/census`, fromText(`${nodes} ${clock.wallMs()}\n`))
}
