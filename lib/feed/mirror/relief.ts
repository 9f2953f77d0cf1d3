import type Hypercore from 'hypercore'
import { isOtaError, SECOND, type Bytes } from '../../base/index.ts'
import { inBackground } from '../../base/life.ts'
import type { CoreRef } from '../../records/index.ts'
import { translated } from '../failure.ts'
import type { PeerAlarm } from '../sources.ts'
import { runBytesMax, type Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'
import type { CoreTree } from './tree.ts'

/** Peers that are at it have so long to give a block before a mirror is asked; others less. */
const afterPeersMs = 5 * SECOND
const afterNobodyMs = SECOND

/** Makes the relief of one core that is being fetched. */
export type MakeRelief = (core: Hypercore, ports: ReliefPorts) => Relief

export interface ReliefPorts {
  readonly onAlarm: ((alarm: PeerAlarm) => void) | undefined
  /** A block came and is stored. */
  readonly came: (index: number, block: Bytes) => void
  /** What came is good and cannot be kept. */
  readonly broken: (error: unknown) => void
}

/**
 * The last source of the blocks of one core: while no peer gives any, mirrors do, a run at a time.
 * What they give is proved to hypercore as a peer's would be, and stored beside it: it is not asked
 * for again, and others can have it from here.
 */
export class Relief {
  readonly #mirrors: Mirrors
  readonly #ref: CoreRef
  readonly #core: Hypercore
  readonly #ports: ReliefPorts
  #tree: CoreTree | null = null
  #isBusy = false
  #closed = false

  constructor(mirrors: Mirrors, ref: CoreRef, core: Hypercore, ports: ReliefPorts) {
    this.#mirrors = mirrors
    this.#ref = ref
    this.#core = core
    this.#ports = ports
  }

  /** A mirror is being asked. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Called at every look: what is missing, and how long no peer has given a block. */
  look(
    missing: ReadonlySet<number>,
    { idleMs, hasPeers }: { readonly idleMs: number; readonly hasPeers: boolean }
  ): void {
    const isEarly = idleMs < (hasPeers ? afterPeersMs : afterNobodyMs)
    if (this.#isBusy || this.#closed || missing.size === 0 || isEarly) return
    const mirror = this.#mirrors.pick(this.#ref)
    if (mirror === null) return
    this.#isBusy = true
    this.#run(mirror, missing)
      .catch(inBackground)
      .finally(() => (this.#isBusy = false))
  }

  close(): void {
    this.#closed = true
  }

  async #run(mirror: Mirror, missing: ReadonlySet<number>): Promise<void> {
    const mirrors = this.#mirrors
    try {
      this.#tree ??= await mirrors.treeOf(mirror, this.#ref)
      if (this.#tree === null || this.#closed) return
      const [first, last] = runOf(this.#tree, missing)
      let count = 0
      for await (const [index, block] of mirror.blocks(this.#tree, first, last)) {
        if (this.#closed) return
        count += 1
        if (!missing.has(index)) continue
        if (!(await this.#keep(this.#tree, index, block))) return
      }
      if (count === 0) mirrors.lacks(mirror, this.#ref)
    } catch (error) {
      if (!isOtaError(error)) throw error
      mirrors.drop(mirror, error)
      if (error.code === 'HASH_MISMATCH') {
        const what = 'gave bytes that are not of the signed core: not asked for now'
        const text = `mirror ${mirror.name} ${what}`
        this.#ports.onAlarm?.({ code: 'HASH_MISMATCH', peer: mirror.name, text })
      }
    }
  }

  /** Proves a block to hypercore and stores it; false if that cannot be done here. */
  async #keep(tree: CoreTree, index: number, block: Bytes): Promise<boolean> {
    try {
      if (this.#core.length < tree.core.blocks) await this.#core.core.verify(tree.upgrade())
      if (!(await this.#core.has(index))) await this.#core.core.verify(tree.proof(index, block))
      if (this.#closed) return false
      this.#ports.came(index, block)
      return true
    } catch (error) {
      // Every hash was judged before: what fails here is this side.
      if (!this.#closed) this.#ports.broken(translated(error, 'keep a block'))
      return false
    }
  }
}

/** The first missing block, and those behind it as far as one request goes; holes are small. */
function runOf(tree: CoreTree, missing: ReadonlySet<number>): readonly [number, number] {
  const sorted = [...missing].toSorted((a, b) => a - b)
  const first = sorted[0] ?? 0
  let last = first
  for (const index of sorted) {
    const { start, size } = tree.place(index)
    const end = tree.place(last)
    const isNear = start - (end.start + end.size) <= holeBytesMax
    if (!isNear || start + size - tree.place(first).start > runBytesMax) break
    last = index
  }
  return [first, last]
}

/** Bytes that are read in vain rather than asked around. */
const holeBytesMax = 16 * 1024
