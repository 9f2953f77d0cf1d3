import { copy, OtaError, type Bytes, type Disk, type Stat } from '../../lib/base/index.ts'

interface Node {
  readonly type: 'file' | 'folder' | 'link'
  readonly bytes: Bytes
  readonly mode: number
  readonly target: string
}

/**
 * A disk in memory for tests, with what a real one does wrong on demand: it can fill up, and it can
 * fail at the n-th write. Folders appear with their files.
 */
export class MemoryDisk implements Disk {
  readonly #nodes = new Map<string, Node>()
  /** Every change, in order, as `verb path`. */
  readonly journal: string[] = []
  /** Called before each change; may throw what a disk throws. */
  beforeWrite: (verb: string, path: string) => void = () => {}

  /** A second disk with the same content, as after a power cut and a restart. */
  fork(): MemoryDisk {
    const other = new MemoryDisk()
    for (const [path, node] of this.#nodes) other.#nodes.set(path, node)
    return other
  }

  /** Paths of all files and links, sorted. */
  files(): readonly string[] {
    const files = [...this.#nodes].filter(([, { type }]) => type !== 'folder')
    return files.map(([path]) => path).toSorted()
  }

  async read(path: string): Promise<Bytes | null> {
    const node = this.#nodes.get(path)
    return node?.type === 'file' ? copy(node.bytes) : null
  }

  async readAt(path: string, offset: number, size: number): Promise<Bytes> {
    return this.#file(path).bytes.slice(offset, offset + size)
  }

  async list(path: string): Promise<readonly string[]> {
    const names = new Set<string>()
    const below = path.endsWith('/') ? path : `${path}/`
    for (const key of this.#nodes.keys()) {
      if (key.startsWith(below)) names.add(key.slice(below.length).split('/')[0]!)
    }
    return [...names].toSorted()
  }

  async stat(path: string): Promise<Stat | null> {
    const node = this.#nodes.get(path)
    if (node !== undefined) return { type: node.type, size: node.bytes.length, mode: node.mode }
    const isFolder = (await this.list(path)).length > 0
    return isFolder ? { type: 'folder', size: 0, mode: 0o755 } : null
  }

  async readLink(path: string): Promise<string> {
    return this.#nodes.get(path)?.target ?? ''
  }

  async writeDurable(path: string, bytes: Bytes): Promise<void> {
    this.#change('write', path)
    this.#put(path, { bytes })
  }

  async create(path: string, bytes: Bytes, mode: number): Promise<void> {
    this.#change('create', path)
    if (this.#nodes.has(path)) throw new OtaError('INTERNAL', `${path} exists`)
    this.#put(path, { bytes, mode })
  }

  async append(path: string, bytes: Bytes): Promise<void> {
    this.#change('append', path)
    const before = this.#nodes.get(path)?.bytes ?? new Uint8Array(0)
    const joined = new Uint8Array(before.length + bytes.length)
    joined.set(before)
    joined.set(bytes, before.length)
    this.#put(path, { bytes: joined })
  }

  async truncate(path: string, size: number): Promise<void> {
    this.#change('truncate', path)
    this.#put(path, { bytes: this.#file(path).bytes.slice(0, size) })
  }

  async makeFolder(path: string, mode = 0o755): Promise<void> {
    this.#change('folder', path)
    if (!this.#nodes.has(path)) this.#put(path, { type: 'folder', mode })
  }

  async makeLink(path: string, target: string): Promise<void> {
    this.#change('link', path)
    this.#put(path, { type: 'link', target })
  }

  async clone(path: string, from: string, mode: number): Promise<void> {
    this.#change('clone', path)
    this.#put(path, { bytes: this.#file(from).bytes, mode })
  }

  async chmod(path: string, mode: number): Promise<void> {
    this.#change('chmod', path)
    const node = this.#nodes.get(path)
    this.#nodes.set(path, { ...(node?.type === 'folder' ? node : this.#file(path)), mode })
  }

  async rename(from: string, to: string): Promise<void> {
    this.#change('rename', `${from} ${to}`)
    const before = new Map(this.#nodes)
    for (const [path, node] of before) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#nodes.delete(path)
      this.#nodes.set(to + path.slice(from.length), node)
    }
  }

  async remove(path: string): Promise<void> {
    this.#change('remove', path)
    for (const key of this.#nodes.keys()) {
      if (key === path || key.startsWith(`${path}/`)) this.#nodes.delete(key)
    }
  }

  async syncFolder(path: string): Promise<void> {
    this.#change('sync', path)
  }

  async freeBytes(): Promise<number> {
    return 1_000_000_000
  }

  #change(verb: string, path: string): void {
    this.beforeWrite(verb, path)
    this.journal.push(`${verb} ${path}`)
  }

  #put(path: string, node: Partial<Node>): void {
    const bytes = copy(node.bytes ?? new Uint8Array(0))
    this.#nodes.set(path, { type: 'file', mode: 0o644, target: '', ...node, bytes })
  }

  #file(path: string): Node {
    const node = this.#nodes.get(path)
    if (node?.type !== 'file') throw new OtaError('INTERNAL', `no file ${path}`)
    return node
  }
}
