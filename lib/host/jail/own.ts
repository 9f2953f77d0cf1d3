import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Place } from './job.ts'
import { systemPath } from './places.ts'

/** The Node that runs us, for programs of a jail: where it lies and how it is found. */
export async function ownNode(): Promise<{
  readonly path: string
  readonly places: readonly Place[]
}> {
  const program = await fs.realpath(process.execPath)
  if (systemPath.split(':').includes(dirname(program))) return { path: systemPath, places: [] }
  return { path: `/node/bin:${systemPath}`, places: [{ path: program, at: '/node/bin/node' }] }
}
