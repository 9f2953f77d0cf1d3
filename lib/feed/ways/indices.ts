import { equal, isOtaError, SECOND, type Bytes, type Log } from '../../base/index.ts'
import { chainMax, decodeIndex, type IndexItem, type Step } from '../../artifact/index.ts'
import type { Artifact, CoreRef } from '../../records/index.ts'
import type { Fetch } from '../fetch.ts'

/** An index that nobody shows in this time is done without: chunks need none. */
const withinMs = 10 * SECOND

/** What may be wrong with an index, or with who has it; none of it ends a fetch. */
const passed = ['PATCH_FAILED', 'BAD_TREE', 'LENGTH_EXCEEDED', 'NO_PEERS', 'TIMEOUT'] as const

interface IndexPorts {
  readonly log: Log
  readonly open: (ref: CoreRef) => Promise<Fetch>
}

interface Known {
  readonly bases: readonly { readonly treeDigest: Bytes }[]
  readonly others: readonly Artifact[]
  readonly signal: AbortSignal | undefined
}

/** The indices of patch cores: which ways they offer, one block each. */
export class Indices {
  readonly #ports: IndexPorts
  readonly #known: Known

  constructor(ports: IndexPorts, known: Known) {
    this.#ports = ports
    this.#known = known
  }

  /** Nothing where there is no patch core, or nobody shows it. */
  async of({ patch }: Artifact): Promise<readonly IndexItem[]> {
    if (patch === null) return []
    try {
      const fetch = await this.#ports.open(patch)
      return decodeIndex(await fetch.block(0, withinMs), patch.blocks)
    } catch (error) {
      this.#known.signal?.throwIfAborted()
      if (!isOtaError(error) || !passed.some((code) => isOtaError(error, code))) throw error
      this.#ports.log('index-failed', { code: error.code, message: error.message })
      return []
    }
  }

  /** The releases through which a chain leads here; none are looked up if a patch does. */
  async leadingTo(items: readonly IndexItem[]): Promise<readonly Step[]> {
    const steps: Step[] = []
    let ends = items
    for (let length = 1; length < chainMax; length += 1) {
      const from = ends.flatMap((item) => (item.kind === 'patch' ? [item.from] : []))
      if (from.some((digest) => this.#isHere(digest))) break
      const next = this.#known.others.filter(
        (one) => isIn(from, one) && !steps.some((step) => isSame(step.artifact, one))
      )
      const found = await Promise.all(
        next.map(async (artifact) => ({ artifact, items: await this.of(artifact) }))
      )
      steps.push(...found)
      ends = found.flatMap((step) => step.items)
    }
    return steps
  }

  #isHere(digest: Bytes): boolean {
    return this.#known.bases.some(({ treeDigest }) => equal(treeDigest, digest))
  }
}

function isIn(digests: readonly Bytes[], { treeDigest }: Artifact): boolean {
  return digests.some((digest) => equal(digest, treeDigest))
}

function isSame(a: Artifact, b: Artifact): boolean {
  return equal(a.treeDigest, b.treeDigest)
}
