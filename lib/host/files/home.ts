import { join } from 'node:path'
import { diskMarginBytes, OtaError, type Disk } from '../../base/index.ts'
import type { ReleaseName } from '../../records/index.ts'
import type { Places } from '../app/runspec.ts'

/** The folders of a home and what may lie in them. */
export class Home {
  readonly path: string
  readonly #disk: Disk

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.path = path
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
    for (const name of ['', 'versions', 'state', 'config', 'tmp', 'tmp/app', 'run']) {
      await this.#disk.makeFolder(join(this.path, name), 0o700)
    }
  }

  /** Preflight: twice the artifact (tree and tree core) and 64 MiB (S75). Throws `NO_SPACE`. */
  async preflight(bytes: number): Promise<void> {
    const need = 2 * bytes + diskMarginBytes
    const have = await this.#disk.freeBytes(this.path)
    if (have >= need) return
    throw new OtaError(
      'NO_SPACE',
      `the install needs ${need} free bytes, "${this.path}" has ${have}`
    )
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
  }

  /** Half-made trees of ops that are over. */
  async sweep(op: number | null): Promise<void> {
    for (const name of await this.#disk.list(join(this.path, 'tmp'))) {
      const stays = name === 'app' || name === String(op)
      if (!stays) await this.#disk.remove(join(this.path, 'tmp', name))
    }
    await this.#disk.remove(join(this.path, 'current.tmp'))
  }

  /** Removes every version but those named. */
  async gc(keep: readonly ReleaseName[]): Promise<void> {
    const folder = join(this.path, 'versions')
    for (const name of await this.#disk.list(folder)) {
      if (!keep.includes(name.replace(/\.(run|tmp|run\.tmp)$/, ''))) {
        await this.#disk.remove(join(folder, name))
      }
    }
  }

  /** The generation of a first install: empty, its number never used before unless still empty. */
  async freshGen(schema: number): Promise<string> {
    const folder = join(this.path, 'state')
    const gens = await this.#disk.list(folder)
    const numbers = gens.map((gen) => Number(gen.split('-')[1])).filter(Number.isSafeInteger)
    const newest = Math.max(0, ...numbers)
    const last = `${schema}-${newest}`
    const isEmpty = gens.includes(last) && (await this.#disk.list(join(folder, last))).length === 0
    const gen = isEmpty ? last : `${schema}-${newest + 1}`
    await this.#disk.makeFolder(join(folder, gen), 0o700)
    await this.#disk.syncFolder(folder)
    return gen
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
