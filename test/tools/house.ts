import { importsOf, strip, type Import } from './scan.ts'
import { launcher, limits, mayLive, rooms, surface, type Room } from './rooms.ts'

/** What a look at the house found, and how much it looked at: a guard proves that it looked. */
export interface Findings {
  readonly faults: readonly string[]
  readonly rooms: number
  readonly files: number
  readonly imports: number
}

/** Source texts by path from the root of the repository, `/` separates. */
export type Files = ReadonlyMap<string, string>

/** Names that must not appear in a pure room: they bring in time, chance or the machine. */
const bannedNames =
  'Date|setTimeout|setInterval|setImmediate|queueMicrotask|performance|' +
  'process|Buffer|globalThis|Intl|crypto'
/** A name that is no property and no key of an object. */
const banned = new RegExp(`(?<![.\\w$])(?:${bannedNames})\\b(?!\\s*\\??:)`, 'g')
/** `fetch` is a word of ours as well: a method may have that name, a call of it may not stand. */
const fetching = /\b(?:await|return|void|=|=>)\s+fetch\(/g
/** Functions whose last bits, or whose order, may differ between two machines. */
const inexactNames =
  'random|log|log2|log10|log1p|exp|expm1|pow|atan2|cbrt|hypot|a?sinh?|a?cosh?|a?tanh?'
const inexact = new RegExp(
  `\\bMath\\.(?:${inexactNames})\\b|\\.(?:localeCompare|toLocale\\w+)\\b`,
  'g'
)
const unfinished = /\b(?:TODO|FIXME|XXX|not implemented)\b/

/** Judges every TypeScript file of `lib`, `bin` and `test` by the plan of the house. */
export function checkHouse(files: Files): Findings {
  const faults: string[] = []
  const graph = new Map<string, readonly string[]>()
  let imports = 0
  for (const [path, source] of files) {
    const found = importsOf(source)
    imports += found.length
    faults.push(...checkForm(path, source))
    if (path.startsWith('lib/')) {
      faults.push(...checkImports(path, found), ...checkPurity(path, source))
      const values = found.filter((one) => !one.type).map((one) => resolve(path, one.from))
      graph.set(
        path,
        values.filter((to) => files.has(to))
      )
    } else if (path.startsWith('bin/')) faults.push(...checkProgram(path, source, found))
  }
  const present = roomsOf(files)
  faults.push(...checkRooms(present, files), ...checkFolders(files), ...checkCircles(graph))
  return { faults, rooms: present.size, files: files.size, imports }
}

/** Packages that more than one room of the plan lets in. */
export function sharedDoors(): readonly string[] {
  const doors = Object.values(rooms).flatMap((room) => room.doors ?? [])
  return doors.filter((door, i) => !door.startsWith('node:') && doors.indexOf(door) !== i)
}

function roomOf(path: string): string | null {
  return /^lib\/([^/]+)\//.exec(path)?.[1] ?? null
}

function roomsOf(files: Files): ReadonlySet<string> {
  const names = [...files.keys()].map(roomOf)
  return new Set(names.filter((name) => name !== null))
}

function resolve(path: string, from: string): string {
  if (!from.startsWith('.')) return from
  const parts = path.split('/').slice(0, -1)
  for (const part of from.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

function checkForm(path: string, source: string): readonly string[] {
  const faults: string[] = []
  const lines = source.replace(/\n$/, '').split('\n')
  const most = path.startsWith('test/') ? limits.testLines : limits.libLines
  if (lines.length > most) faults.push(`${path}: ${lines.length} lines, at most ${most}`)
  for (const [i, line] of lines.entries()) {
    const columns = Array.from(line).length
    if (columns > limits.columns) faults.push(`${path}:${i + 1}: ${columns} columns`)
    if (path.startsWith('lib/') && unfinished.test(line)) {
      faults.push(`${path}:${i + 1}: says that it is unfinished`)
    }
  }
  if (path.startsWith('lib/') && !path.endsWith('.d.ts') && !/^(?:\/\*\*|import\b)/.test(source)) {
    faults.push(`${path}: begins with neither an import nor a comment that says what it is`)
  }
  return faults
}

function checkPurity(path: string, source: string): readonly string[] {
  const room = rooms[roomOf(path) ?? '']
  if (room === undefined || !room.pure || path.endsWith('.d.ts')) return []
  const code = strip(source, 'comments and strings')
  const found = code.split('\n').flatMap((line) => {
    const matches = [banned, fetching, inexact].flatMap((ban) => [...line.matchAll(ban)])
    return matches.map((match) => match[0])
  })
  return [...new Set(found)].map((name) => `${path}: ${name} in a pure room`)
}

function checkImports(path: string, found: readonly Import[]): readonly string[] {
  return found.flatMap((one) => {
    const fault = one.from.startsWith('.')
      ? inside(path, resolve(path, one.from), one.type)
      : outside(path, one.from)
    return fault === null ? [] : [`${path}: imports ${one.from}: ${fault}`]
  })
}

/** A package or a module of Node: it enters through its door, or not at all. */
function outside(path: string, name: string): string | null {
  const room = rooms[roomOf(path) ?? '']
  if (room?.doors?.includes(name) !== true) return 'no door for it in this room'
  if (name === 'ready-resource' || name === 'safety-catch') {
    return path === 'lib/base/life.ts' ? null : 'only life.ts is its door'
  }
  return null
}

function inside(path: string, to: string, type: boolean): string | null {
  if (!to.startsWith('lib/')) return 'it lies outside lib'
  if (!to.endsWith('.ts')) return 'it does not name a file that exists'
  const from = roomOf(path)
  const target = roomOf(to)
  if (path.startsWith(launcher.folder)) {
    return launcher.files.some((start) => to.startsWith(start)) ? null : 'not for the launcher'
  }
  if (target === from && from !== null) return null
  const arrow = checkArrow(path, target, type)
  if (arrow !== null) return arrow
  if (path === launcher.entry && launcher.behind.includes(to)) return null
  if (to === 'lib/base/life.ts') return mayLive.has(from ?? '') ? null : 'only floors 5 to 7 live'
  return to === `lib/${target}/index.ts` ? null : 'only index.ts of another room'
}

function checkArrow(path: string, target: string | null, type: boolean): string | null {
  if (target === null) return 'nothing imports the surface'
  if (path === surface.file) {
    return surface.rooms.includes(target) ? null : 'not part of the surface'
  }
  const room: Room | undefined = rooms[roomOf(path) ?? '']
  if (room === undefined) return 'this file lies in no room of the plan'
  if (room.rooms.includes(target)) return null
  if (room.types?.includes(target) === true) return type ? null : 'by import type only'
  return 'the arrow does not point down'
}

function checkProgram(path: string, source: string, found: readonly Import[]): readonly string[] {
  const faults: string[] = []
  const lines = source.trimEnd().split('\n').length
  if (lines > limits.binLines) faults.push(`${path}: ${lines} lines, at most ${limits.binLines}`)
  for (const one of found) {
    const to = resolve(path, one.from)
    if (!to.startsWith('lib/cli/')) faults.push(`${path}: imports ${one.from}: only cli`)
  }
  return faults
}

function checkRooms(present: ReadonlySet<string>, files: Files): readonly string[] {
  return [...present].flatMap((name) => {
    if (rooms[name] === undefined) return [`lib/${name}: no such room in the plan`]
    const index = files.get(`lib/${name}/index.ts`)
    if (index === undefined) return [`lib/${name}: no index.ts`]
    const opening = /^\/\*\*([\s\S]*?)\*\//.exec(index)?.[1] ?? ''
    const letters = opening.replace(/[^\p{L}]/gu, '').length
    const paragraphs = opening.split(/\n\s*\*\s*\n/).length
    if (letters >= limits.paragraph && paragraphs === 1) return []
    return [`lib/${name}/index.ts: does not open with one paragraph that says what the room knows`]
  })
}

function checkFolders(files: Files): readonly string[] {
  const counts = new Map<string, number>()
  for (const path of files.keys()) {
    const cut = path.lastIndexOf('/')
    if (!path.startsWith('lib/') || path.slice(cut + 1) === 'index.ts') continue
    counts.set(path.slice(0, cut), (counts.get(path.slice(0, cut)) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count > limits.folderFiles)
    .map(([folder, count]) => `${folder}: ${count} files, at most ${limits.folderFiles}`)
}

/** Circles of imports that are there at run time, each named once; types are erased. */
function checkCircles(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const faults: string[] = []
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start !== -1) {
      faults.push(`${[...way.slice(start), path].join(' -> ')}: a circle of imports`)
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...way, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return faults
}
