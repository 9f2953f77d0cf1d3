import { fromText, toHex, toText, type Bytes, type Disk } from '../base/index.ts'

/** Why a feed is never opened again. */
export type Reason = 'fork' | 'junk'

/**
 * Feeds this node never opens again, each with its proof, as plain files: hypercore forgets over a
 * restart that it froze a core (S26, S29).
 */
export class Denied {
  readonly #disk: Disk
  readonly #folder: string
  readonly #feeds = new Map<string, Reason>()

  private constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  static async open(disk: Disk, folder: string): Promise<Denied> {
    const denied = new Denied(disk, folder)
    for (const name of await disk.list(folder)) {
      const match = /^([0-9a-f]{64})\.(fork|junk)$/.exec(name)
      const [, feed, reason] = match ?? []
      if (feed !== undefined) denied.#feeds.set(feed, reason === 'fork' ? 'fork' : 'junk')
    }
    return denied
  }

  reason(feed: Bytes): Reason | null {
    return this.#feeds.get(toHex(feed)) ?? null
  }

  /** On disk before it returns; a second reason for the same feed changes nothing. */
  async add(feed: Bytes, reason: Reason, proof: unknown): Promise<void> {
    const hex = toHex(feed)
    if (this.#feeds.has(hex)) return
    this.#feeds.set(hex, reason)
    await this.#disk.makeFolder(this.#folder)
    const text = `${JSON.stringify(proof, bytesAsHex)}\n`
    await this.#disk.writeDurable(`${this.#folder}/${hex}.${reason}`, fromText(text))
  }

  /** The proof as it was kept, for people; null if there is none. */
  async proof(feed: Bytes): Promise<string | null> {
    const reason = this.reason(feed)
    if (reason === null) return null
    const bytes = await this.#disk.read(`${this.#folder}/${toHex(feed)}.${reason}`)
    return bytes === null ? null : toText(bytes)
  }
}

/**
 * Buffers become `{"type":"Buffer","data":[…]}` before a replacer sees them; both forms are bytes.
 */
function bytesAsHex(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value !== 'object' || value === null || !('data' in value)) return value
  const { data } = value
  return Array.isArray(data) ? toHex(Uint8Array.from(data as number[])) : value
}
