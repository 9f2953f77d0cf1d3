import Hypercore from 'hypercore'
import type Corestore from 'corestore'
import {
  equal,
  feedBlockBytesMax,
  fromHex,
  fromText,
  OtaError,
  toHex,
  toText,
  type Bytes,
  type Clock,
  type Disk
} from '../base/index.ts'
import type { KeyPair } from '../trust/index.ts'
import { atDoor } from './failure.ts'

/** How often peers are looked over while their lengths are asked for. */
const lookEveryMs = 200

/** The longest this feed ever was, as its writer knows it. */
interface Mark {
  readonly length: number
  readonly treeHash: Bytes
}

/**
 * The feed a signer writes. Its length is kept beside the store, synced, because a store can lose
 * its tail without a word, or be restored from yesterday: an append to a shorter copy would fork
 * the feed for everybody, for good.
 */
export class OwnFeed {
  readonly key: Bytes
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #markFile: string
  readonly #core: Hypercore
  #mark: Mark | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(clock: Clock, disk: Disk, store: Corestore, own: { pair: KeyPair; folder: string }) {
    this.#clock = clock
    this.#disk = disk
    const { key, secret } = own.pair
    const manifest = { version: 1, signers: [{ publicKey: key }] }
    const keyPair = { publicKey: key, secretKey: secret }
    this.key = Hypercore.key(manifest)
    this.#markFile = `${own.folder}/${toHex(this.key)}.mark`
    this.#core = store.get({ manifest, keyPair, allowFork: false })
  }

  get length(): number {
    return this.#core.length
  }

  async open(): Promise<void> {
    await atDoor('open own feed', async () => await this.#core.ready())
    this.#mark = decodeMark(await this.#disk.read(this.#markFile))
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#core.close()
  }

  /**
   * Asks up to `peers` peers for their copy, at most `withinMs`, and takes what they have more.
   * Returns how many answered. To be called before the first append after an unclean stop, or where
   * the key may be in use elsewhere.
   */
  async settle(options: { readonly peers: number; readonly withinMs: number }): Promise<number> {
    const endMs = this.#clock.steadyMs() + options.withinMs
    for (;;) {
      const answered = this.#core.peers.length
      const longest = this.#longestRemote()
      const behind = longest > this.#core.length
      if (behind) {
        await Promise.race([
          this.#core.update({ wait: true, force: true }),
          this.#wait(lookEveryMs)
        ])
      }
      if (answered >= options.peers && this.#core.length >= longest) return answered
      if (this.#clock.steadyMs() >= endMs) return answered
      await this.#wait(lookEveryMs)
    }
  }

  /**
   * Appends one block and returns its index; the high-water mark is on disk before that. Throws
   * `OVER_LIMIT` for more than 64 KiB, `EQUIVOCATION` where this copy is shorter than the feed once
   * was, other than it was, or shorter than a connected peer's.
   */
  async append(block: Bytes): Promise<number> {
    const mine = this.#turn.then(async () => await this.#appendNow(block))
    this.#turn = mine.catch(() => undefined)
    return await mine
  }

  async #appendNow(block: Bytes): Promise<number> {
    if (block.byteLength > feedBlockBytesMax) {
      const facts = { have: block.byteLength, max: feedBlockBytesMax }
      throw new OtaError('OVER_LIMIT', 'a feed block has more than 64 KiB', { facts })
    }
    await this.#checkMark()
    const { length } = await atDoor('append', async () => await this.#core.append(block))
    const treeHash = await this.#core.treeHash(length)
    const text = `${JSON.stringify({ length, treeHash: toHex(treeHash) })}\n`
    await this.#disk.writeDurable(this.#markFile, fromText(text))
    this.#mark = { length, treeHash }
    return length - 1
  }

  async #checkMark(): Promise<void> {
    const have = this.#core.length
    const mark = this.#mark
    const need = Math.max(mark?.length ?? 0, this.#longestRemote())
    if (have < need) throw wouldFork(`has ${have} blocks here and ${need} elsewhere or before`)
    if (mark === null || mark.length === 0) return
    if (!equal(await this.#core.treeHash(mark.length), mark.treeHash)) {
      throw wouldFork(`has other blocks than the ${mark.length} it once had`)
    }
  }

  #longestRemote(): number {
    return Math.max(0, ...this.#core.peers.map((peer) => peer.remoteLength))
  }

  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#clock.after(delayMs, resolve)
    })
  }
}

function wouldFork(why: string): OtaError {
  const hint = 'connect to peers that hold the feed, or let a new trust name another feed key'
  return new OtaError('EQUIVOCATION', `the own feed ${why}: an append would fork it`, { hint })
}

function decodeMark(bytes: Bytes | null): Mark | null {
  if (bytes === null) return null
  const value: unknown = parse(toText(bytes))
  if (typeof value === 'object' && value !== null && 'length' in value && 'treeHash' in value) {
    const { length, treeHash } = value
    if (Number.isSafeInteger(length) && typeof treeHash === 'string' && treeHash.length === 64) {
      return { length: Number(length), treeHash: fromHex(treeHash) }
    }
  }
  throw new OtaError('JOURNAL_DAMAGED', 'the high-water mark of the own feed is unreadable', {
    hint: 'ask peers for the length of the feed before anything is appended to it'
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
