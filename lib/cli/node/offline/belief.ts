import { Authority } from '../../../authority/index.ts'
import {
  equal,
  isOtaError,
  isZero,
  OtaError,
  toText,
  type Bytes,
  type Disk
} from '../../../base/index.ts'
import { decodeStatement } from '../../../records/index.ts'
import { parseJoin, statementId, type Join } from '../../../trust/index.ts'
import { readOnly } from './read-only.ts'

/**
 * What a home believes, read from its plain files and nothing else; null for a folder that holds no
 * statements. Nothing is written. Throws as `Authority.open` does for files of another network or a
 * damaged first trust.
 */
export async function readBelief(
  disk: Disk,
  home: string,
  told: Join | null = null
): Promise<Authority | null> {
  const network = await networkOf(disk, home)
  if (network === null) return null
  if (told !== null && !equal(told.network, network)) {
    throw new OtaError('WRONG_NETWORK', `"${home}" holds statements of another network`, {
      hint: 'give the --home of this network, or leave --network away'
    })
  }
  return await Authority.open(readOnly(disk), noLog, {
    folder: home,
    join: told ?? { network, checkpoint: null },
    nowMs: () => 0
  })
}

/** The network whose statements a home holds; null for one that holds none. */
export async function networkOf(disk: Disk, home: string): Promise<Bytes | null> {
  const join = (await seenJoin(disk, home)) ?? (await foundedJoin(disk, home))
  return join?.network ?? null
}

/** The network by the file that never falls; its trust is read from there by the room itself. */
async function seenJoin(disk: Disk, home: string): Promise<Join | null> {
  const bytes = await disk.read(`${home}/seen`)
  if (bytes === null) return null
  try {
    const { network } = parseJoin(toText(bytes).split('\n')[0] ?? '')
    return { network, checkpoint: null }
  } catch (error) {
    if (isOtaError(error, 'USAGE')) return null
    throw error
  }
}

/** The network by its first trust, for a home whose other file is gone. */
async function foundedJoin(disk: Disk, home: string): Promise<Join | null> {
  for (const name of await disk.list(`${home}/trusted`)) {
    const bytes = await disk.read(`${home}/trusted/${name}`)
    if (bytes === null) continue
    try {
      const { network, canonical } = decodeStatement(bytes)
      if (isZero(network)) return { network: statementId(canonical), checkpoint: null }
    } catch (error) {
      if (!isOtaError(error)) throw error
    }
  }
  return null
}

function noLog(): void {
  // a command speaks through its output; the daemon has the log
}
