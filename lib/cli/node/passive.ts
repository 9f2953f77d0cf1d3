import { fromText, toText, type Disk, type Log } from '../../base/index.ts'
import type { PassiveStore } from '../../gossip/index.ts'

/** Far above what 256 addresses need; a longer file is not ours. */
const bytesMax = 65_536

/**
 * The peers a node knew, one `HOST:PORT#KEY` per line in `daemon/peers`. It is a cache: whatever is
 * wrong with it, the node starts without, and a file that cannot be written is said and no more.
 */
export async function passiveOf(disk: Disk, log: Log, path: string): Promise<PassiveStore> {
  const failed = (error: unknown): void => log('peers-file', { path, error: String(error) })
  const bytes = await disk.read(path).catch((error: unknown) => {
    failed(error)
    return null
  })
  const text = bytes === null || bytes.byteLength > bytesMax ? '' : toText(bytes)
  let before = Promise.resolve()
  return {
    kept: text.split('\n').filter((line) => line !== ''),
    keep: (peers) => {
      const content = fromText(peers.map((peer) => `${peer}\n`).join(''))
      before = before.then(() => disk.writeDurable(path, content)).catch(failed)
    }
  }
}
