import {
  equal,
  fromText,
  isOtaError,
  OtaError,
  toHex,
  toText,
  type Bytes,
  type Disk,
  type Log
} from '../base/index.ts'
import { decodeStatement, encodeStatement, type Statement } from '../records/index.ts'
import {
  formatJoin,
  fromName,
  parseJoin,
  readStatement,
  statementId,
  toName,
  type AnyKnown,
  type Believed,
  type Held,
  type Join
} from '../trust/index.ts'

/** A statement as it lay on disk, and under which of the two folders. */
export interface Filed {
  readonly statement: Statement
  readonly place: Place
}

export type Place = 'trusted' | 'pending'

/** The highest (epoch, seq) a channel has shown this node. */
export interface Height {
  readonly epoch: number
  readonly seq: number
}

/** What the file `seen` holds: the trust stood on last, and the height of each channel. */
export interface Seen {
  readonly join: Join | null
  readonly heights: ReadonlyMap<string, Height>
}

/**
 * The folder of a node's statements: `trusted/<id>` and `pending/<id>`, one statement with its
 * signatures each, and `seen`, which never falls. Everything is written durably.
 */
export class Files {
  readonly #disk: Disk
  readonly #log: Log
  readonly #folder: string
  readonly #network: Bytes

  constructor(disk: Disk, log: Log, place: { readonly folder: string; readonly network: Bytes }) {
    this.#disk = disk
    this.#log = log
    this.#folder = place.folder
    this.#network = place.network
  }

  /**
   * Everything stored, by the hex of its id. What is damaged is set aside and asked of peers again;
   * a damaged first trust, or another network's, is `BOOTSTRAP_MISMATCH` (S25).
   */
  async read(): Promise<ReadonlyMap<string, Filed>> {
    const found = new Map<string, Filed>()
    for (const place of ['pending', 'trusted'] as const) {
      await this.#disk.makeFolder(`${this.#folder}/${place}`)
    }
    // Trusted ones last: after a crash between two writes they hold the more signatures.
    for (const place of ['pending', 'trusted'] as const) {
      for (const name of await this.#disk.list(`${this.#folder}/${place}`)) {
        const id = idOf(name)
        if (id === null) continue
        const statement = await this.#readOne(place, id)
        if (statement === null) continue
        // The move was cut short between its two steps.
        if (found.has(toHex(id))) await this.remove('pending', id)
        found.set(toHex(id), { statement, place })
      }
    }
    return found
  }

  async write(place: Place, held: Held): Promise<void> {
    const { statement, id } = held.any.known
    await this.#disk.writeDurable(this.#path(place, id), encodeStatement(statement))
  }

  async remove(place: Place, id: Bytes): Promise<void> {
    await this.#disk.remove(this.#path(place, id))
  }

  /** Throws `BOOTSTRAP_MISMATCH` if the folder belongs to another network (S25). */
  async readSeen(): Promise<Seen> {
    const bytes = await this.#disk.read(`${this.#folder}/seen`)
    if (bytes === null) return { join: null, heights: new Map() }
    const seen = parseSeen(toText(bytes))
    if (seen === null) {
      this.#log('authority.damaged', { file: `${this.#folder}/seen` })
      return { join: null, heights: new Map() }
    }
    if (seen.join !== null && !equal(seen.join.network, this.#network)) {
      throw this.mismatch('seen', 'belongs to another network')
    }
    return seen
  }

  async writeSeen(believed: Believed, heights: Seen['heights']): Promise<void> {
    const lines = [formatJoin(believed.network, believed.adopted)]
    for (const [channel, { epoch, seq }] of [...heights].toSorted(byChannel)) {
      lines.push(`${channel} ${epoch} ${seq}`)
    }
    const bytes = fromText(`${lines.join('\n')}\n`)
    await this.#disk.writeDurable(`${this.#folder}/seen`, bytes)
  }

  /** Digests of what was believed here, in hex, oldest first; none where the file is damaged. */
  async readDigests(): Promise<readonly string[]> {
    const bytes = await this.#disk.read(`${this.#folder}/digests`)
    if (bytes === null) return []
    const lines = toText(bytes).split('\n')
    const isWhole = lines.pop() === '' && lines.every((line) => /^[0-9a-f]{64}$/.test(line))
    if (isWhole) return lines
    this.#log('authority.damaged', { file: `${this.#folder}/digests` })
    return []
  }

  async writeDigests(digests: readonly string[]): Promise<void> {
    const bytes = fromText(digests.map((digest) => `${digest}\n`).join(''))
    await this.#disk.writeDurable(`${this.#folder}/digests`, bytes)
  }

  async #readOne(place: Place, id: Bytes): Promise<Statement | null> {
    const bytes = await this.#disk.read(this.#path(place, id))
    if (bytes === null) return null
    try {
      const statement = decodeStatement(bytes)
      if (!equal(statementId(statement.canonical), id)) {
        throw new OtaError('NOT_CANONICAL', 'the file does not hold the statement it is named for')
      }
      readStatement(this.#network, statement)
      return statement
    } catch (error) {
      if (!isOtaError(error)) throw error
      const file = `${place}/${toName(id)}`
      if (equal(id, this.#network)) throw this.mismatch(file, 'is damaged', error)
      if (error.code === 'BOOTSTRAP_MISMATCH' || error.code === 'WRONG_NETWORK') {
        throw this.mismatch(file, 'belongs to another network', error)
      }
      await this.#setAside(place, id, error)
      return null
    }
  }

  async #setAside(place: Place, id: Bytes, { code }: OtaError): Promise<void> {
    const from = this.#path(place, id)
    const to = `${this.#folder}/damaged/${toName(id)}`
    await this.#disk.makeFolder(`${this.#folder}/damaged`)
    await this.#disk.remove(to)
    await this.#disk.rename(from, to)
    this.#log('authority.damaged', { file: from, movedTo: to, code })
  }

  /** The refusal to start, naming the file and the way out (S25). */
  mismatch(file: string, reason: string, cause?: unknown): OtaError {
    return new OtaError('BOOTSTRAP_MISMATCH', `${this.#folder}/${file} ${reason}`, {
      hint: `move ${this.#folder} away and import a bundle, or correct the network id`,
      facts: { file: `${this.#folder}/${file}`, network: toHex(this.#network) },
      ...(cause === undefined ? {} : { cause })
    })
  }

  #path(place: Place, id: Bytes): string {
    return `${this.#folder}/${place}/${toName(id)}`
  }
}

function byChannel([a]: readonly [string, Height], [b]: readonly [string, Height]): number {
  return a < b ? -1 : 1
}

/** Where a statement lies: among the trusted once it had its quorum. */
export function placeOf({ settled }: Pick<Held, 'settled'>): Place {
  return settled ? 'trusted' : 'pending'
}

/** Trusts first and ascending: after a crash what is left can still be walked. */
export function writeOrder(a: AnyKnown, b: AnyKnown): number {
  return versionOf(a) - versionOf(b)
}

function versionOf(any: AnyKnown): number {
  return any.tag === 'trust' ? any.known.body.version : Number.MAX_SAFE_INTEGER
}

/** The id in a file name; null for a file that is none of ours, as a temporary one. */
function idOf(name: string): Bytes | null {
  try {
    return fromName(name)
  } catch (error) {
    if (isOtaError(error, 'USAGE')) return null
    throw error
  }
}

function parseSeen(text: string): Seen | null {
  const [first = '', ...rest] = text.split('\n')
  const heights = new Map<string, Height>()
  for (const line of rest) {
    if (line === '') continue
    const [channel, epoch, seq, ...more] = line.split(' ')
    const height = { epoch: Number(epoch), seq: Number(seq) }
    const isWhole = Number.isSafeInteger(height.epoch) && Number.isSafeInteger(height.seq)
    if (channel === undefined || !isWhole || more.length > 0) return null
    heights.set(channel, height)
  }
  try {
    return { join: parseJoin(first), heights }
  } catch (error) {
    if (isOtaError(error, 'USAGE')) return null
    throw error
  }
}
