import { MIB, OtaError, type Bytes, type Disk } from '../../base/index.ts'
import { findJail, type FindJail, type Jail } from '../jail/jail.ts'
import type { Artifact, Source } from '../../records/index.ts'
import { buildRelease } from './build.ts'

/** Left over on the disk beside everything that a build is known to need. */
const reserveBytes = 64 * MIB

/** One release to be built; everything lies below `folder`, which the caller removes. */
export interface Building {
  readonly source: Source
  readonly artifact: Artifact
  /** The bundle as its core has it; only read once the machine can build. */
  readonly blocks: AsyncIterable<Bytes>
  readonly folder: string
  /** Where the tree is put, as by a fetch: must not exist. */
  readonly into: string
  readonly signal?: AbortSignal | undefined
}

/** Makes the trees of releases from their sources, where an operator wants it so. */
export class SourceBuilder {
  readonly #disk: Disk
  readonly #how: FindJail & { readonly git?: string }

  constructor(disk: Disk, how: FindJail & { readonly git?: string } = {}) {
    this.#disk = disk
    this.#how = how
  }

  /** Throws `CANNOT_BUILD` where no jail can be made: nothing is built outside of one (S52). */
  async check(): Promise<void> {
    await this.#jail()
  }

  /**
   * The signed tree in `into`, or nothing. Errors of `buildRelease`; `NO_SPACE` before anything is
   * written; `LENGTH_EXCEEDED` for a bundle that is longer than signed.
   */
  async build({ folder, blocks, ...order }: Building): Promise<void> {
    const jail = await this.#jail()
    const disk = this.#disk
    const { source, artifact, into, signal } = order
    await disk.makeFolder(into.slice(0, into.lastIndexOf('/')))
    await disk.makeFolder(folder)
    await this.#checkSpace(folder, source, artifact)
    const bundle = `${folder}/bundle`
    await writeSource(disk, bundle, { source, blocks })
    const { git } = this.#how
    const shop = { disk, jail, folder: `${folder}/shop`, signal, ...(git !== undefined && { git }) }
    await buildRelease(shop, { source, artifact, bundle, into })
  }

  async #jail(): Promise<Jail> {
    const found = await findJail(this.#how)
    if (found.tag === 'jail') return found.jail
    throw new OtaError('CANNOT_BUILD', `this machine makes no jail: ${found.why}`)
  }

  /** Bundle, repository and checkout; the tree as it is built, and as it is placed. */
  async #checkSpace(folder: string, { core }: Source, { bytes }: Artifact): Promise<void> {
    const [have, need] = [
      await this.#disk.freeBytes(folder),
      8 * core.bytes + 2 * bytes + reserveBytes
    ]
    if (have >= need) return
    throw new OtaError('NO_SPACE', `a build needs ${need} free bytes in "${folder}"`, {
      facts: { have, need }
    })
  }
}

/**
 * Writes the bundle that came as the blocks of its core to `file`, which must not exist. Whether
 * it is the signed one is judged where it is opened; what is longer than signed is
 * `LENGTH_EXCEEDED`.
 */
export async function writeSource(
  disk: Disk,
  file: string,
  { source, blocks }: { readonly source: Source; readonly blocks: AsyncIterable<Bytes> }
): Promise<void> {
  await disk.create(file, new Uint8Array(0), 0o600)
  let size = 0
  for await (const block of blocks) {
    size += block.byteLength
    if (size > source.core.bytes) {
      throw new OtaError('LENGTH_EXCEEDED', 'the source is longer than its release says')
    }
    await disk.append(file, block)
  }
}
