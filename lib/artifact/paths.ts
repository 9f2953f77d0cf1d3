import {
  fromText,
  OtaError,
  pathBytesMax,
  pathDepthMax,
  pathPartBytesMax,
  toText,
  type Bytes
} from '../base/index.ts'

const devices = new Set(['con', 'prn', 'aux', 'nul'])
for (let n = 0; n <= 9; n += 1) devices.add(`com${n}`).add(`lpt${n}`)

/** Characters that no platform of ours takes in a name: controls, `\` and `:`. */
// oxlint-disable-next-line no-control-regex -- the controls are what is looked for
const neverInPath = /[\u0000-\u001f\u007f-\u009f\\:]/u
const neverOnWindows = /[<>"|?*]/u

/** The refusal that names the path; quotes are JSON's, so that no control reaches a terminal. */
export function badPath(path: string, why: string): OtaError {
  return new OtaError('BAD_TREE', `${JSON.stringify(path)} ${why}`, { facts: { path } })
}

/** The path that these bytes spell; `BAD_TREE` if they are not UTF-8. */
export function pathFromBytes(bytes: Bytes): string {
  const path = toText(bytes)
  const back = fromText(path)
  if (back.byteLength !== bytes.byteLength || back.some((byte, i) => byte !== bytes[i])) {
    throw badPath(path, 'is not UTF-8')
  }
  return path
}

/**
 * Throws `BAD_TREE` for a path that is not relative, NFC, free of controls and device names, or too
 * long or deep (S33). `platform` is Node's `platform-arch`; `win32-*` refuses more.
 */
export function checkPath(path: string, platform: string): void {
  if (fromText(path).byteLength > pathBytesMax) {
    throw badPath(path.slice(0, 64), `is a path of more than ${pathBytesMax} bytes`)
  }
  if (path.normalize('NFC') !== path) throw badPath(path, 'is not in normal form C')
  if (neverInPath.test(path)) throw badPath(path, 'has a control character, a backslash or a colon')
  if (platform.startsWith('win32') && neverOnWindows.test(path)) {
    throw badPath(path, 'has a character that Windows refuses')
  }
  const parts = path.split('/')
  if (parts.length > pathDepthMax) throw badPath(path, `is deeper than ${pathDepthMax} folders`)
  for (const part of parts) checkPart(path, part)
}

function checkPart(path: string, part: string): void {
  if (part === '') throw badPath(path, 'has an empty part: it must be relative and plain')
  if (part === '.' || part === '..') throw badPath(path, `has the part "${part}"`)
  if (part.endsWith('.') || part.endsWith(' '))
    throw badPath(path, 'has a part ending in dot or space')
  if (fromText(part).byteLength > pathPartBytesMax) {
    throw badPath(path, `has a part of more than ${pathPartBytesMax} bytes`)
  }
  const dot = part.indexOf('.')
  const base = (dot === -1 ? part : part.slice(0, dot)).toLowerCase()
  if (devices.has(base)) throw badPath(path, `has the Windows device name "${base}"`)
}

/**
 * What two paths share when some file system takes one for the other. Upper case first: ß and ss
 * become one (node-tar CVE-2026-23950).
 */
export function fold(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')
}

/** The folders above a path, outermost first: `a/b/c` gives `a`, `a/b`. */
export function foldersOf(path: string): string[] {
  const folders: string[] = []
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    folders.push(path.slice(0, at))
  }
  return folders
}
