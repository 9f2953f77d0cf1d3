import { OtaError } from '../../../base/index.ts'
import { exportBundle, wishedRelease, type ExportView } from './export.ts'
import { importBundle, type ImportView } from './import.ts'
import { exportMirror, mirrorWish, type MirrorView } from './mirror.ts'
import type { Shelf } from './ports.ts'
import { platform } from './shelf.ts'

type Args = Readonly<Record<string, string>>

export interface BundlesOptions {
  readonly channel: string
  /** The bytes of these releases are here now: who waits for them need not wait for a peer. */
  readonly came: (releases: readonly string[]) => Promise<void>
}

/** Files that a daemon reads and writes itself on its operator's word, one at a time. */
export class Bundles {
  readonly #shelf: Shelf
  readonly #options: BundlesOptions
  #open: () => void = () => undefined
  #last: Promise<unknown>

  constructor(shelf: Shelf, options: BundlesOptions) {
    this.#shelf = shelf
    this.#options = options
    this.#last = new Promise<void>((resolve) => {
      this.#open = resolve
    })
  }

  /** Store and wire are open: what was asked for before that is done from here on. */
  open(): void {
    this.#open()
  }

  async take(args: Args): Promise<ImportView> {
    const file = absolute(args['file'])
    return await this.#inTurn(async () => {
      const wish = { file, platform: args['all'] === 'true' ? null : platform }
      const view = await importBundle(this.#shelf, wish)
      await this.#options.came(view.releases)
      return view
    })
  }

  async give(args: Args): Promise<ExportView | MirrorView> {
    const isMirror = args['mirror'] === 'true'
    const file = absolute(args['file'])
    return await this.#inTurn(async () => {
      const release = wishedRelease(this.#shelf.authority.believed, args['release'] ?? '')
      const { channel } = this.#options
      if (isMirror) {
        const { believed } = this.#shelf.authority
        const wish = mirrorWish(believed, { folder: file, release, channel })
        return await exportMirror(this.#shelf, wish)
      }
      return await exportBundle(this.#shelf, { file, release, channel, platform })
    })
  }

  async #inTurn<T>(deed: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(deed)
    this.#last = turn.catch(() => undefined) // who asked for it hears of it
    return await turn
  }
}

function absolute(path: string | undefined): string {
  if (path?.startsWith('/') === true) return path
  throw new OtaError('USAGE', 'the daemon needs the whole path of a file')
}
