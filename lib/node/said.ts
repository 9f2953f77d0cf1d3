import { concat, OtaError, type Bytes, type Disk } from '../base/index.ts'
import { decodeEvidence, type Evidence, type EvidenceDraft } from '../records/index.ts'
import { signEvidence, type KeyPair } from '../trust/index.ts'

/**
 * What this node has said, in one file of the home: two bytes of length before each statement. One
 * thing is signed once: after a crash the same words go out again, byte for byte, because two
 * statements under one number are equivocation and would take the node out of the evidence.
 */
export class Said {
  readonly #disk: Disk
  readonly #path: string
  readonly #network: Bytes
  readonly #pair: KeyPair
  readonly #byKey = new Map<string, Evidence>()

  private constructor(disk: Disk, path: string, network: Bytes, pair: KeyPair) {
    this.#disk = disk
    this.#path = path
    this.#network = network
    this.#pair = pair
  }

  /** Reads the file back; a torn end, as a power cut leaves it, is cut off. */
  static async open(
    disk: Disk,
    path: string,
    who: { readonly network: Bytes; readonly pair: KeyPair }
  ): Promise<Said> {
    const said = new Said(disk, path, who.network, who.pair)
    const bytes = await disk.read(path)
    if (bytes !== null) await said.#load(bytes)
    return said
  }

  /** All statements, to be told again after a restart. */
  all(): readonly Evidence[] {
    return [...this.#byKey.values()]
  }

  /**
   * Signs what was not said before and makes it durable; returns every statement of `drafts`,
   * old or new. `tsS` is unix time in seconds.
   */
  async say(drafts: readonly EvidenceDraft[], tsS: number): Promise<readonly Evidence[]> {
    const out: Evidence[] = []
    const fresh = new Map<string, Evidence>()
    for (const draft of drafts) {
      const key = keyOf(draft)
      const held = this.#byKey.get(key) ?? fresh.get(key)
      const evidence = held ?? signEvidence(this.#network, this.#pair, draft, tsS)
      if (held === undefined) fresh.set(key, evidence)
      out.push(evidence)
    }
    if (fresh.size === 0) return out
    await this.#disk.append(this.#path, concat([...fresh.values()].map(framed)))
    // Only now is it said: what never reached the disk would be signed anew, under another time.
    for (const [key, evidence] of fresh) this.#byKey.set(key, evidence)
    return out
  }

  /** Forgets what no open rollout asks for, and rewrites the file if that was much. */
  async prune(isNeeded: (evidence: Evidence) => boolean): Promise<void> {
    const before = this.#byKey.size
    for (const [key, evidence] of this.#byKey) if (!isNeeded(evidence)) this.#byKey.delete(key)
    if (this.#byKey.size === before) return
    await this.#disk.writeDurable(this.#path, concat(this.all().map(framed)))
  }

  async #load(bytes: Bytes): Promise<void> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = 0
    while (at + 2 <= bytes.byteLength) {
      const end = at + 2 + view.getUint16(at, true)
      const evidence = end <= bytes.byteLength ? this.#read(bytes.subarray(at + 2, end)) : null
      if (evidence === null) break
      this.#byKey.set(keyOf(evidence), evidence)
      at = end
    }
    if (at < bytes.byteLength) await this.#disk.truncate(this.#path, at)
  }

  /** Null for what we cannot have written whole: the torn end. */
  #read(wire: Bytes): Evidence | null {
    try {
      return decodeEvidence(wire, this.#network)
    } catch (error) {
      if (error instanceof OtaError) return null
      throw error
    }
  }
}

function keyOf({ subject, stage, interval, seq, body }: EvidenceDraft): string {
  return [body.tag, subject.join('.'), stage, interval, seq].join(' ')
}

function framed({ wire }: Evidence): Bytes {
  return concat([Uint8Array.of(wire.byteLength & 0xff, wire.byteLength >> 8), wire])
}
