import type { Disk } from '../../../base/index.ts'

const nothing = async (): Promise<void> => {
  // whoever only looks leaves everything as it is
}

/** A disk that reads, and takes every change as done without doing it. */
export function readOnly(disk: Disk): Disk {
  return {
    read: async (path) => await disk.read(path),
    readAt: async (path, offset, size) => await disk.readAt(path, offset, size),
    list: async (path) => await disk.list(path),
    stat: async (path) => await disk.stat(path),
    readLink: async (path) => await disk.readLink(path),
    freeBytes: async (path) => await disk.freeBytes(path),
    writeDurable: nothing,
    create: nothing,
    append: nothing,
    truncate: nothing,
    makeFolder: nothing,
    makeLink: nothing,
    clone: nothing,
    chmod: nothing,
    rename: nothing,
    remove: nothing,
    syncFolder: nothing
  }
}
