import { read } from 'node:fs'
import { promisify } from 'node:util'
import { OtaError, alloc, concat, type Bytes } from '../base/index.ts'
import { errnoOf } from './failure.ts'

const readFd = promisify(read)
const PART_BYTES = 4_096
/** A descriptor that is not ready yet is asked again this often. */
const AGAIN_MS = 20

/**
 * All bytes of a descriptor that whoever started us has opened: a file, a pipe or a socket. Secrets
 * come this way, never by argument or environment. `USAGE` when it is not open, `OVER_LIMIT` above
 * `max` bytes. The caller wipes what it gets.
 */
export async function readDescriptor(fd: number, max: number): Promise<Bytes> {
  let all = alloc(0)
  try {
    for (;;) {
      const part = await readPart(fd)
      if (part.byteLength === 0) return all
      const joined = concat([all, part])
      all.fill(0)
      part.fill(0)
      all = joined
      if (all.byteLength <= max) continue
      throw new OtaError('OVER_LIMIT', `descriptor ${fd} holds more than ${max} bytes`)
    }
  } catch (error) {
    all.fill(0)
    throw error
  }
}

async function readPart(fd: number): Promise<Bytes> {
  const part = alloc(PART_BYTES)
  for (;;) {
    try {
      const { bytesRead } = await readFd(fd, part, 0, PART_BYTES, null)
      return part.subarray(0, bytesRead)
    } catch (cause) {
      const errno = errnoOf(cause)
      if (errno === 'EOF') return alloc(0)
      if (errno !== 'EAGAIN') {
        throw new OtaError('USAGE', `descriptor ${fd} cannot be read`, {
          hint: `open it in the shell: ${fd}<FILE`,
          cause
        })
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
}
