import type { Socket } from 'node:net'
import { socketLineBytesMax } from '../../base/limits.ts'

/**
 * JSON lines on a socket, at most 64 KiB each; a longer or an unreadable one ends the connection,
 * since nothing after it can be trusted to be where it seems.
 */
export function onLines(socket: Socket, take: (value: Record<string, unknown>) => void): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > socketLineBytesMax) socket.destroy()
    for (const line of lines) {
      const value = line.length > socketLineBytesMax ? null : parse(line)
      if (value === null) {
        socket.destroy()
        return
      }
      take(value)
    }
  })
}

/** Writes one value; a closed socket takes nothing and says nothing. */
export function sendLine(socket: Socket, value: object): void {
  if (socket.writable) socket.write(JSON.stringify(value) + '\n')
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    // An object that is no array has only string keys after JSON.parse.
    return value as Record<string, unknown>
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
