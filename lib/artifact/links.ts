import { fromText, pathBytesMax } from '../base/index.ts'
import { badPath, foldersOf } from './paths.ts'

/** Hops after which a chain of links is refused. */
const hopsMax = 8

/** What a link may name: every entry's path, `link` for links, and the folders they imply. */
export type Names = ReadonlyMap<string, 'file' | 'link' | 'folder'>

/**
 * Where a link leads, in words of the tree. Throws `BAD_TREE` unless the target is zero or more
 * `../` and then plain parts, stays inside the tree, is not its top, and names something there
 * (S33; tar-fs CVE-2024-12905 and node-tar CVE-2026-24842 were link targets).
 */
function resolveLink(path: string, target: string, names: Names): string {
  if (target === '' || fromText(target).byteLength > pathBytesMax) {
    throw badPath(path, `is a link whose target is empty or longer than ${pathBytesMax} bytes`)
  }
  const folder = path.split('/').slice(0, -1)
  const parts = target.split('/')
  while (parts[0] === '..') {
    parts.shift()
    if (folder.pop() === undefined) throw badPath(path, 'is a link out of the tree')
  }
  if (parts.length === 0 || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw badPath(
      path,
      `is a link to ${JSON.stringify(target)}, which is not "../" and plain parts`
    )
  }
  const resolved = [...folder, ...parts].join('/')
  if (!names.has(resolved)) {
    throw badPath(path, `is a link to ${JSON.stringify(target)}, which is not in the tree`)
  }
  // `link/..` means one thing lexically and another to the kernel, so no link on the way.
  for (const above of foldersOf(resolved)) {
    if (names.get(above) === 'link') throw badPath(path, `is a link through the link "${above}"`)
  }
  return resolved
}

/**
 * Checks every link of a tree, and that each chain ends within eight hops. `BAD_TREE` otherwise.
 */
export function checkLinks(links: ReadonlyMap<string, string>, names: Names): void {
  const leadsTo = new Map<string, string>()
  for (const [path, target] of links) leadsTo.set(path, resolveLink(path, target, names))
  for (const path of links.keys()) {
    let at = path
    let hops = 0
    for (let next = leadsTo.get(at); next !== undefined; next = leadsTo.get(at)) {
      hops += 1
      if (hops > hopsMax) throw badPath(path, `is a chain of more than ${hopsMax} links`)
      at = next
    }
  }
}
