import { OtaError, fromText, toText, type Bytes, type Disk } from '../../base/index.ts'
import { fromLongName, toName } from '../../trust/index.ts'

/** A request with a trust of 60 KiB, as text, and room for a line end. */
const LINE_BYTES_MAX = 128 * 1024

/** Bytes as the one line people pass to each other. */
export function toLine(bytes: Bytes): Bytes {
  return fromText(`${toName(bytes)}\n`)
}

/** The bytes of one line of z32; throws `NOT_CANONICAL` that names `what`. */
export function fromLine(line: Bytes, what: string): Bytes {
  if (line.byteLength > LINE_BYTES_MAX) {
    throw new OtaError('OVER_LIMIT', `${what} is larger than ${LINE_BYTES_MAX} bytes`)
  }
  const text = toText(line).trim()
  const bytes = text === '' ? null : fromLongName(text)
  if (bytes === null) {
    throw new OtaError('NOT_CANONICAL', `${what} is not a line of z-base-32`)
  }
  return bytes
}

/** The bytes in a file that holds one line of z32. Throws `USAGE` if there is no such file. */
export async function readLineFile(disk: Disk, path: string): Promise<Bytes> {
  const line = await disk.read(path)
  if (line === null) throw new OtaError('USAGE', `there is no file ${path}`)
  return fromLine(line, path)
}
