import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isOtaError } from '../../base/index.ts'
import type { Jail } from '../jail/jail.ts'
import { ownNode } from '../jail/own.ts'
import { ourFolder, ownPlaces } from '../jail/program.ts'
import { stayInJail } from '../jail/stay.ts'
import type { WatchOrder } from './watch.ts'

const timeMs = 20_000

/** Whether this machine can watch the network of a jail in that way: one packet is tried. */
export async function canWatch(jail: Jail, how: WatchOrder['how']): Promise<boolean> {
  const scratch = await fs.mkdtemp(join(tmpdir(), 'upswell-watch-'))
  let isSeen = false
  try {
    const node = await ownNode()
    const job = {
      argv: ['node', `${ourFolder}/lib/host/netwatch/attempt.js`, how],
      cwd: '/tmp',
      readOnly: [...node.places, ...(await ownPlaces(scratch))],
      writable: [],
      env: new Map([['PATH', node.path]]),
      tmpBytes: 1 << 20,
      links: [],
      overlays: [],
      network: how === 'full' ? ('everything' as const) : ('loopback' as const),
      signal: AbortSignal.timeout(timeMs)
    }
    await stayInJail(jail, job, {
      onBegin: () => undefined,
      onLine: (line) => {
        isSeen ||= line === 'seen'
      }
    })
    return isSeen
  } catch (error) {
    if (isOtaError(error, 'CANNOT_BUILD')) return false
    throw error
  } finally {
    await fs.rm(scratch, { recursive: true, force: true })
  }
}
