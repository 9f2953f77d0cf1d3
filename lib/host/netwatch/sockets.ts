import { cleanName } from './destination.ts'

/** A socket of this machine that a program could connect to without any network. */
export interface ListeningSocket {
  readonly kind: 'path' | 'abstract'
  /** From the root, or the abstract name; the system shows a zero byte in one as "@". */
  readonly name: string
}

/** More of them than this are not watched; a report says so. */
export const socketsMax = 256
/** Of the address of a socket; the zero byte before an abstract name is shown as well. */
const nameMax = 108
const accepting = 0x1_0000
/** libc asks there by itself, whatever the program is. */
const ofNameService = /^\/(?:var\/)?run\/nscd\//

/**
 * The sockets that listen on this machine, from `/proc/net/unix`: stream sockets, each name once.
 * What no jail could put a decoy in place of is left out.
 */
export function listeningSockets(table: string): readonly ListeningSocket[] {
  const found = new Map<string, ListeningSocket>()
  for (const line of table.split('\n').slice(1)) {
    const [, flags = '', type = '', name = ''] =
      /^\S+ \S+ \S+ (\S+) (\S+) \S+ +\d+ (.+)$/.exec(line) ?? []
    const isStream = Number.parseInt(type, 16) === 1
    if (!isStream || (Number.parseInt(flags, 16) & accepting) === 0) continue
    if (cleanName(name) !== name || name.length > nameMax || ofNameService.test(name)) continue
    if (name.startsWith('@')) {
      found.set(name, { kind: 'abstract', name: name.slice(1) })
    } else if (isPlainPath(name)) {
      found.set(name, { kind: 'path', name })
    }
  }
  return [...found.values()]
}

function isPlainPath(path: string): boolean {
  const parts = path.split('/').slice(1)
  return path.startsWith('/') && parts.every((part) => !['', '.', '..'].includes(part))
}
