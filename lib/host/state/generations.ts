import { dirname, join } from 'node:path'
import { fromText, isOtaError, toText, type Disk } from '../../base/index.ts'
import type { Pointer } from '../../records/index.ts'
import { checkWay, giveFolder } from '../rights/folders.ts'
import type { AppUser } from '../rights/user.ts'
import { decodeMeta, encodeMeta, isGen, type GenMeta } from './meta.ts'
import { sealTree, type Owner } from './walk.ts'

/** What a new generation is for. */
export type GenDraft = Pick<GenMeta, 'schema' | 'class' | 'from' | 'op'>

/**
 * The folder `state`: one generation of the app's data per schema it went through, each with what
 * this node knows of it. A generation that is not sealed is garbage; one that a version wrote to
 * and was taken back from stays until the operator removes it.
 */
export class Generations {
  readonly folder: string
  readonly #disk: Disk
  readonly #user: AppUser | null

  /** `user`: whom the app runs as; null: as ourselves. */
  constructor(disk: Disk, folder: string, user: AppUser | null) {
    this.#disk = disk
    this.folder = folder
    this.#user = user
  }

  path(gen: string): string {
    return join(this.folder, gen)
  }

  /** `NO_PERMISSION` where another user could put something else in place of the state. */
  async check(gen: string | null = null): Promise<void> {
    const path = gen === null ? this.folder : this.path(gen)
    await checkWay(dirname(this.folder), path, this.#user)
  }

  /** Null for a generation of before these notes were kept, and for none. */
  async metaOf(gen: string): Promise<GenMeta | null> {
    const path = `${this.path(gen)}.meta`
    const bytes = await this.#disk.read(path)
    return bytes === null ? null : decodeMeta(bytes, path)
  }

  /** An empty one of a number that was never used; told again for one op, the one it made. */
  async fresh(draft: GenDraft): Promise<string> {
    const made = await this.#emptyOf(draft)
    if (made !== null) return made
    const gen = await this.make(draft)
    await this.#write(gen, { ...draft, sealed: true, rejected: false })
    return gen
  }

  /** An empty folder that is garbage until it is sealed. */
  async make(draft: GenDraft): Promise<string> {
    await this.check()
    const gen = `${draft.schema}-${await this.#nextNumber()}`
    // the note first: a folder without one would pass for state of an earlier version
    await this.#write(gen, { ...draft, sealed: false, rejected: false })
    await this.#disk.makeFolder(this.path(gen), 0o700)
    if (this.#user !== null) await giveFolder(this.path(gen), this.#user)
    await this.#disk.syncFolder(this.folder)
    return gen
  }

  /** All of it on disk, bottom-up, the app's own, and only then the note that says so. */
  async seal(gen: string): Promise<void> {
    await sealTree(this.path(gen), this.#user ?? ourselves())
    await this.#disk.chmod(this.path(gen), 0o700)
    await this.#disk.syncFolder(this.folder)
    await this.#change(gen, { sealed: true })
  }

  /** "What was written since the hand-over is never silently discarded." */
  async reject(gen: string): Promise<void> {
    await this.#change(gen, { rejected: true })
  }

  /** The symlink `live`, for programs that insist on one path; never read by us. */
  async showLive(gen: string): Promise<void> {
    const path = join(this.folder, 'live')
    const found = await this.#disk.stat(path)
    if (found?.type === 'link' && (await this.#disk.readLink(path)) === gen) return
    await this.#disk.remove(`${path}.tmp`)
    await this.#disk.makeLink(`${path}.tmp`, gen)
    await this.#disk.rename(`${path}.tmp`, path)
    await this.#disk.syncFolder(this.folder)
  }

  /** Removes what an op made out of another generation and nobody came to use. */
  async discard(op: number, pointer: Pointer | null): Promise<void> {
    const used = [pointer?.gen, pointer?.prev?.gen]
    for (const { gen, meta } of await this.#noted()) {
      // one that began empty may be in the hands of a version that is just being ended
      const isMine = meta.op === op && (meta.from !== null || !meta.sealed)
      if (isMine && !meta.rejected && !used.includes(gen)) await this.#remove(gen)
    }
  }

  /** Removes what was never sealed: left by a crash. */
  async sweep(): Promise<void> {
    for (const { gen, meta } of await this.#noted()) {
      if (!meta.sealed && !meta.rejected) await this.#remove(gen)
    }
    await this.#disk.remove(join(this.folder, 'live.tmp'))
  }

  /** Removes what none of `keep` is and no rejected one; what has no note stays. */
  async gc(keep: readonly string[]): Promise<void> {
    for (const { gen, meta } of await this.#noted()) {
      if (!meta.rejected && !keep.includes(gen)) await this.#remove(gen)
    }
  }

  /** What was written to and is kept for the operator. */
  async rejected(): Promise<readonly string[]> {
    return (await this.#noted()).flatMap(({ gen, meta }) => (meta.rejected ? [gen] : []))
  }

  async #noted(): Promise<readonly { readonly gen: string; readonly meta: GenMeta }[]> {
    const noted: { gen: string; meta: GenMeta }[] = []
    for (const name of await this.#disk.list(this.folder)) {
      const gen = name.replace(/\.meta$/, '')
      if (name === gen || !isGen(gen)) continue
      const meta = await this.#readable(gen)
      if (meta !== null) noted.push({ gen, meta })
    }
    return noted
  }

  /** What cannot be read says nothing about the state beside it, least of all that it may go. */
  async #readable(gen: string): Promise<GenMeta | null> {
    try {
      return await this.metaOf(gen)
    } catch (error) {
      if (isOtaError(error, 'JOURNAL_DAMAGED') || isOtaError(error, 'JOURNAL_NEWER')) return null
      throw error
    }
  }

  async #emptyOf(draft: GenDraft): Promise<string | null> {
    for (const { gen, meta } of await this.#noted()) {
      const isSame = meta.op === draft.op && meta.schema === draft.schema && meta.from === null
      const isThere = (await this.#disk.stat(this.path(gen)))?.type === 'folder'
      if (draft.from === null && isSame && meta.sealed && !meta.rejected && isThere) return gen
    }
    return null
  }

  /** The folder before its note, which says that the rest may go; a full disk is no hindrance. */
  async #remove(gen: string): Promise<void> {
    await this.#disk.remove(this.path(gen))
    await this.#disk.remove(`${this.path(gen)}.meta`)
    await this.#disk.syncFolder(this.folder)
  }

  async #change(gen: string, change: Partial<GenMeta>): Promise<void> {
    const meta = (await this.metaOf(gen)) ?? unnoted(gen)
    await this.#write(gen, { ...meta, ...change })
  }

  async #write(gen: string, meta: GenMeta): Promise<void> {
    await this.#disk.writeDurable(`${this.path(gen)}.meta`, encodeMeta(meta))
  }

  /** Above every number that is or was here: `last` remembers those that were removed. */
  async #nextNumber(): Promise<number> {
    const path = join(this.folder, 'last')
    const said = await this.#disk.read(path)
    const last = said === null ? 0 : Number(toText(said).trim())
    const names = await this.#disk.list(this.folder)
    const seen = names.map((name) => Number(/^\d+-(\d+)/.exec(name)?.[1] ?? 0))
    const next = Math.max(Number.isSafeInteger(last) ? last : 0, ...seen) + 1
    await this.#disk.writeDurable(path, fromText(`${next}\n`))
    return next
  }
}

/** A generation of before the notes: it is whole, and what made it is not known. */
function unnoted(gen: string): GenMeta {
  const schema = Number(gen.split('-')[0])
  return { schema, class: 'none', from: null, op: 0, sealed: true, rejected: false }
}

/** As root the program that filled it was another user. */
function ourselves(): Owner | null {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  return uid === 0 && gid !== undefined ? { uid, gid } : null
}
