import type * as promises from 'node:fs/promises'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { dirname } from 'node:path'

/** One call that changed something on disk, in the order in which they ended. */
export interface Deed {
  readonly do: 'write' | 'sync' | 'rename' | 'name'
  readonly path: string
  /** Of a rename: the new name. */
  readonly to?: string
  readonly bytes?: Uint8Array
}

type Fs = typeof promises

/**
 * Looks on at what this process asks of the file system: which bytes are written, which files and
 * folders are synced, which names are given. Nothing else of it changes. `stop` ends it.
 */
export function traceFiles(hear: (deed: Deed) => void): { readonly stop: () => void } {
  const load = createRequire(import.meta.url)
  const fs = load('node:fs/promises') as Fs
  const own = { open: fs.open, rename: fs.rename, mkdir: fs.mkdir, symlink: fs.symlink }
  const open: Fs['open'] = async (path, flags, mode) => {
    const handle = await own.open(path, flags, mode)
    const name = String(path)
    const isNew = typeof flags === 'number' && (flags & 0o100) !== 0
    if (isNew) hear({ do: 'name', path: name })
    const sync = handle.sync.bind(handle)
    const writeFile = handle.writeFile.bind(handle)
    const truncate = handle.truncate.bind(handle)
    return Object.assign(handle, {
      async sync() {
        await sync()
        hear({ do: 'sync', path: name })
      },
      async writeFile(data: Uint8Array) {
        await writeFile(data)
        hear({ do: 'write', path: name, bytes: data })
      },
      async truncate(size: number) {
        await truncate(size)
        hear({ do: 'write', path: name })
      }
    })
  }
  Object.assign(fs, {
    open,
    async rename(from: string, to: string) {
      await own.rename(from, to)
      hear({ do: 'rename', path: from, to })
    },
    async mkdir(path: string, options: object) {
      const first = await own.mkdir(path, options)
      // Undefined: it was there.
      if (first !== undefined) hear({ do: 'name', path })
      return first
    },
    async symlink(target: string, path: string) {
      await own.symlink(target, path)
      hear({ do: 'name', path })
    }
  })
  syncBuiltinESMExports()
  return {
    stop() {
      Object.assign(fs, own)
      syncBuiltinESMExports()
    }
  }
}

/** What of a file system a power cut could still take, as far as it was looked on at. */
export class Unsafe {
  /** Files whose bytes are not synced. */
  readonly files = new Set<string>()
  /** Names in folders that are not synced. */
  readonly names = new Set<string>()

  take({ do: what, path, to = '' }: Deed): void {
    if (what === 'write') this.files.add(path)
    else if (what === 'name') this.names.add(path)
    else if (what === 'sync') {
      this.files.delete(path)
      for (const name of this.names) if (dirname(name) === path) this.names.delete(name)
    } else {
      for (const held of [this.files, this.names]) {
        for (const name of held) {
          if (!isBelow(name, path)) continue
          held.delete(name)
          held.add(to + name.slice(path.length))
        }
      }
      this.names.delete(path)
      this.names.add(to)
    }
  }

  /** What is unsafe at or below a path; the name of the path itself counts only `withName`. */
  below(path: string, withName: boolean): readonly string[] {
    const names = [...this.names].filter((name) => isBelow(name, path))
    return [
      ...[...this.files].filter((name) => isBelow(name, path)),
      ...names.filter((name) => withName || name !== path)
    ]
  }
}

function isBelow(name: string, path: string): boolean {
  return name === path || name.startsWith(`${path}/`)
}
