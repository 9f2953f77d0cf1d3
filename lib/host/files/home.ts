import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { diskMarginBytes, isOtaError, OtaError, type Disk } from '../../base/index.ts'
import { decodePointer, type Pointer, type ReleaseName } from '../../records/index.ts'
import type { Places } from '../app/runspec.ts'
import { onDisk } from '../failure.ts'
import { giveFolder } from '../rights/folders.ts'
import type { AppUser } from '../rights/user.ts'
import { Generations } from '../state/generations.ts'
import { measureState } from '../state/walk.ts'

/** What an upgrade is going to need of the disk. */
export interface Need {
  /** Signed size and count of what is stored anew. */
  readonly bytes: number
  readonly entries?: number
  /** Of the state that is copied for it. */
  readonly state?: { readonly bytes: number; readonly entries: number }
}

/** Files that are ours beside what an upgrade brings: journal lines, notes, a pointer. */
const spareInodes = 64

/** Modes where the app is another user; everything else stays ours alone. */
const open = new Map([
  ['', 0o711],
  ['versions', 0o711],
  ['state', 0o711],
  ['config', 0o755],
  ['tmp', 0o711]
])

/** The folders of a home and what may lie in them. */
export class Home {
  readonly path: string
  readonly gens: Generations
  readonly #disk: Disk
  readonly #user: AppUser | null

  /** `user`: whom the app runs as; null: as ourselves. */
  constructor(disk: Disk, path: string, user: AppUser | null = null) {
    this.#disk = disk
    this.path = path
    this.#user = user
    this.gens = new Generations(disk, join(path, 'state'), user)
  }

  get run(): string {
    return join(this.path, 'run')
  }

  tree(release: ReleaseName): string {
    return join(this.path, 'versions', release)
  }

  runSpec(release: ReleaseName): string {
    return join(this.path, 'versions', `${release}.run`)
  }

  /** Where the bytes of an op are put together. */
  work(op: number): string {
    return join(this.path, 'tmp', String(op), 'tree')
  }

  /** Where an op copies what a hook may read. */
  stateWork(op: number): string {
    return join(this.path, 'tmp', `${op}-state`)
  }

  /** Copies of an upgrade that is being rehearsed. */
  snapshots(op: number): string {
    return join(this.path, 'snapshots', String(op))
  }

  /** The state that a rehearsal made. */
  rehearsed(op: number): string {
    return join(this.snapshots(op), 'made')
  }

  places(release: ReleaseName, gen: string): Places {
    const { path } = this
    return {
      tree: this.tree(release),
      state: join(path, 'state', gen),
      config: join(path, 'config'),
      tmp: join(path, 'tmp', 'app')
    }
  }

  /** Makes what is missing; refuses a home that others could write (`NO_PERMISSION`). */
  async prepare(): Promise<void> {
    const found = await this.#disk.stat(this.path)
    if (found !== null && found.type !== 'folder') {
      throw new OtaError('NO_PERMISSION', `the home "${this.path}" is a ${found.type}, no folder`)
    }
    if (found !== null && (found.mode & 0o022) !== 0) {
      throw new OtaError('NO_PERMISSION', `the home "${this.path}" is writable by others`, {
        hint: `run: chmod go-w ${this.path}`
      })
    }
    const user = this.#user
    for (const name of ['', 'versions', 'state', 'config', 'tmp', 'tmp/app', 'run']) {
      const path = join(this.path, name)
      await this.#disk.makeFolder(path, 0o700)
      // an app of another user goes through these, and sees nothing in them but by name
      if (user !== null && open.has(name)) await this.#disk.chmod(path, open.get(name) ?? 0o711)
    }
    if (user !== null) await giveFolder(join(this.path, 'tmp/app'), user)
    await this.gens.check()
  }

  /**
   * Twice the artifact (tree and tree core), 1.2 times the state that is copied, and 64 MiB; files
   * likewise (S75). Throws `NO_SPACE`.
   */
  async preflight({ bytes, entries = 0, state = { bytes: 0, entries: 0 } }: Need): Promise<void> {
    const need = 2 * bytes + Math.ceil(1.2 * state.bytes) + diskMarginBytes
    const have = await this.#disk.freeBytes(this.path)
    if (have < need) {
      throw new OtaError(
        'NO_SPACE',
        `the install needs ${need} free bytes, "${this.path}" has ${have}`
      )
    }
    const files = entries + Math.ceil(1.2 * state.entries) + spareInodes
    const { ffree, files: all } = await onDisk('measure', this.path, () => statfs(this.path))
    // some file systems make files as they need them and tell no number
    if (all > 0 && ffree < files) {
      throw new OtaError('NO_SPACE', `the install needs ${files} files, the disk has ${ffree} left`)
    }
  }

  /** What a copy of a generation would take. */
  async stateSize(gen: string): Promise<NonNullable<Need['state']>> {
    return await measureState(this.gens.path(gen))
  }

  /** What `current` says; null: nothing, or nothing that can be read. */
  async pointer(): Promise<Pointer | null> {
    const bytes = await this.#disk.read(join(this.path, 'current'))
    if (bytes === null) return null
    try {
      return decodePointer(bytes)
    } catch (error) {
      if (isOtaError(error, 'JOURNAL_DAMAGED') || isOtaError(error, 'JOURNAL_NEWER')) return null
      throw error
    }
  }

  /** Room for what must be written on a full disk: a way back (S75). */
  async spendReserve(): Promise<void> {
    await this.#disk.remove(join(this.path, 'reserve'))
  }

  /** `tmp/<op>` becomes the version folder, read-only and durable; done before is done. */
  async place(op: number, release: ReleaseName): Promise<void> {
    const tree = this.tree(release)
    const work = this.work(op)
    if ((await this.#disk.stat(work)) !== null) {
      await this.#disk.remove(tree)
      await this.#seal(work)
      await this.#disk.rename(work, tree)
    }
    // Only now: a folder that may not be written cannot be moved either.
    await this.#disk.chmod(tree, 0o555)
    await this.#disk.syncFolder(tree)
    await this.#disk.syncFolder(join(this.path, 'versions'))
    await this.discard(op)
  }

  async discard(op: number): Promise<void> {
    await this.#disk.remove(join(this.path, 'tmp', String(op)))
    await this.discardGens(op)
  }

  /** Generations that an op made and that nothing came to name. */
  async discardGens(op: number): Promise<void> {
    await this.gens.discard(op, await this.pointer())
  }

  /** Half-made trees of ops that are over. */
  async sweep(op: number | null): Promise<void> {
    for (const name of await this.#disk.list(join(this.path, 'tmp'))) {
      const stays = name === 'app' || name === String(op)
      if (!stays) await this.#disk.remove(join(this.path, 'tmp', name))
    }
    await this.#disk.remove(join(this.path, 'current.tmp'))
    await this.gens.sweep()
  }

  /** Removes every version but those named, and the state that only those had. */
  async gc(keep: readonly ReleaseName[]): Promise<void> {
    const folder = join(this.path, 'versions')
    for (const name of await this.#disk.list(folder)) {
      if (!keep.includes(name.replace(/\.(run|tmp|run\.tmp)$/, ''))) {
        await this.#disk.remove(join(folder, name))
      }
    }
    const pointer = await this.pointer()
    if (pointer === null) return
    const { gen, prev } = pointer
    const isKept = prev !== null && keep.includes(prev.release)
    await this.gens.gc(isKept ? [gen, prev.gen] : [gen])
  }

  async #seal(folder: string, isTop = true): Promise<void> {
    for (const name of await this.#disk.list(folder)) {
      const path = join(folder, name)
      if ((await this.#disk.stat(path))?.type === 'folder') await this.#seal(path, false)
    }
    await this.#disk.syncFolder(folder)
    if (!isTop) await this.#disk.chmod(folder, 0o555)
  }
}
