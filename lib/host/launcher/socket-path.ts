import { existsSync, openSync } from 'node:fs'
import { join, relative } from 'node:path'

/** `sun_path` holds 108 bytes on Linux, 104 on macOS, the ending zero included. */
const socketPathBytesMax = 103

const folders = new Map<string, number>()

/**
 * A name for the unix socket `folder/name` that the system can take: the path itself, the way from
 * the working folder, or through an open handle of the folder (Linux), whichever fits first.
 * Where there is no such folder the whole path is as good: nothing answers there.
 */
export function socketPath(folder: string, name: string): string {
  const whole = join(folder, name)
  const near = relative(process.cwd(), whole)
  for (const path of [whole, near]) {
    if (Buffer.byteLength(path) <= socketPathBytesMax) return path
  }
  if (!existsSync(folder)) return whole
  const handle = folders.get(folder) ?? openSync(folder, 'r')
  folders.set(folder, handle)
  return `/proc/self/fd/${handle}/${name}`
}
