import { join } from 'node:path'
import { KeptFile } from '../../../node/index.ts'
import { takeLock } from '../../../host/index.ts'
import type { NodeConfig } from '../config/schema.ts'
import { Parts, readGround, storeOf } from '../ground.ts'
import type { Shelf } from './ports.ts'
import { shelfOf } from './shelf.ts'

/**
 * A home without its daemon: locked as by one, opened, closed again after `deed`; the next start
 * finds what was put there. Throws `LOCKED` where a daemon or a seeder has it after all.
 */
export async function onShelf<T>(
  home: string,
  config: NodeConfig,
  deed: (shelf: Shelf, config: NodeConfig) => Promise<T>
): Promise<T> {
  const results: T[] = []
  const parts = new Parts(async (own) => {
    const { realDisk } = await import('../../../host/index.ts')
    await realDisk().makeFolder(home, 0o711)
    own(await takeLock(join(home, 'lock')))
    const ground = await readGround(home, config, noLog)
    const { authority, clock, disk, pool } = ground
    const hadDigest = (digest: Uint8Array): boolean => authority.hadDigest(digest)
    pool.setContext({ believed: authority.believed, hadDigest })
    const kept = await KeptFile.open(disk, noLog, {
      path: join(home, 'evidence'),
      pool,
      nowMs: clock.wallMs()
    })
    const store = own(storeOf(ground))
    await store.ready()
    own({ close: authority.onChange((believed) => pool.setContext({ believed })) })
    const shelf = shelfOf(ground, store, (wire) => pool.offer(wire, clock.wallMs()))
    results.push(await deed(shelf, config))
    await kept.write()
  })
  try {
    await parts.ready()
  } finally {
    await parts.close()
  }
  const [result] = results
  if (result === undefined) throw new Error('the deed was done')
  return result
}

function noLog(): void {
  // a command speaks through its output; the daemon has the log
}
