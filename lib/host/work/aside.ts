import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { assert, copy, MIB, OtaError, type Bytes, type Disk } from '../../base/index.ts'
import { workHere, type Pack, type TreeWork } from '../../artifact/index.ts'
import type { Ask, Fault, Job, OwnerWord, PackFound, ThreadWord } from './words.ts'

/** Trees up to here are done before a thread has started. */
const smallBytes = 4 * MIB
/** Of JavaScript's own memory; contents lie outside of it, in buffers of bounded size. */
const heap = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 8 }

export interface AsideOptions {
  /** Trees up to so many bytes are done in the loop; 4 MiB unless told. */
  readonly smallBytes?: number
}

/**
 * Work on trees in a thread of its own, one for each piece of work, at the lowest priority: its
 * memory is gone when it is over. What is asked back, as blocks, comes from this loop.
 */
export function workAside(disk: Disk, options: AsideOptions = {}): TreeWork {
  const here = workHere(disk)
  const isSmall = (bytes: number): boolean => bytes <= (options.smallBytes ?? smallBytes)
  return {
    unpackTree: async (order) => {
      const { artifact, into, reuse, readBlock, onNeed, signal } = order
      if (isSmall(artifact.bytes)) return await here.unpackTree(order)
      const answer = async (ask: Ask): Promise<Bytes | null> => {
        if (ask.tag === 'block') return await readBlock(ask.index)
        if (ask.tag === 'need') await onNeed?.(ask.blocks)
        return null
      }
      const thread = new Thread({ do: 'tree', artifact, into, reuse }, answer)
      await thread.over(signal)
    },
    unpackPatch: async (order) => {
      const { artifact, into, from, patch, signal } = order
      if (isSmall(artifact.bytes)) return await here.unpackPatch(order)
      const answer = async (ask: Ask): Promise<Bytes | null> =>
        ask.tag === 'patch' ? await patch.read(ask.offset, ask.size) : null
      const thread = new Thread({ do: 'patch', artifact, into, from, size: patch.size }, answer)
      await thread.over(signal)
    },
    packed: async (tree, use) => {
      if (isSmall(tree.bytes)) return await here.packed(tree, use)
      const { folder, platform } = tree
      const thread = new Thread({ do: 'pack', folder, platform }, () => Promise.resolve(null))
      try {
        const found = await thread.packed()
        return await use({ ...found, blocks: () => thread.blocks() } satisfies Pack)
      } finally {
        await thread.close()
      }
    }
  }
}

type Answer = (ask: Ask) => Promise<Bytes | null>

interface Waiting {
  readonly tag: ThreadWord['tag']
  readonly give: (word: ThreadWord) => void
  readonly fail: (error: unknown) => void
}

class Thread {
  readonly #worker: Worker
  readonly #answer: Answer
  readonly #ended: Promise<void>
  #waiting: Waiting | null = null
  #early: ThreadWord | null = null
  #failed: { readonly error: unknown } | null = null
  /** What this side threw when it was asked. */
  #own: { readonly error: unknown } | null = null

  constructor(job: Job, answer: Answer) {
    this.#answer = answer
    this.#worker = new Worker(join(import.meta.dirname, 'thread.js'), {
      workerData: job,
      resourceLimits: heap,
      stdin: false
    })
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.on('message', (word: ThreadWord) => this.#hear(word))
    this.#worker.once('error', (cause) => this.#fail(broken('the work on a tree broke', cause)))
    this.#worker.once('exit', () => this.#fail(broken('the work on a tree ended early')))
  }

  /** Waits until the work is done; what it threw, or the reason of the signal. */
  async over(signal: AbortSignal | undefined): Promise<void> {
    const abort = (): void => {
      this.#own ??= { error: signal?.reason }
      this.#say({ tag: 'abort' })
    }
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await this.#next('done')
    } finally {
      signal?.removeEventListener('abort', abort)
      await this.close()
    }
  }

  async packed(): Promise<PackFound> {
    const word = await this.#next('packed')
    assert(word.tag === 'packed', 'a thread that packs says so')
    return word.pack
  }

  /** Made once, in order. */
  async *blocks(): AsyncGenerator<Bytes> {
    for (;;) {
      this.#say({ tag: 'next' })
      const word = await this.#next('block')
      assert(word.tag === 'block', 'a block was asked for')
      if (word.bytes === null) return
      yield word.bytes
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
    await this.#ended
  }

  async #next(tag: ThreadWord['tag']): Promise<ThreadWord> {
    if (this.#failed !== null) throw this.#failed.error
    const early = this.#early
    this.#early = null
    if (early !== null) return early
    return await new Promise<ThreadWord>((resolve, reject) => {
      this.#waiting = { tag, give: resolve, fail: reject }
    })
  }

  #hear(word: ThreadWord): void {
    if (word.tag === 'ask') this.#reply(word.number, word.ask)
    else if (word.tag === 'failed') this.#fail(this.#errorOf(word.fault))
    else if (this.#waiting === null) this.#early = word
    else {
      const { give } = this.#waiting
      this.#waiting = null
      give(word)
    }
  }

  #reply(number: number, ask: Ask): void {
    this.#answer(ask)
      .then((bytes) => {
        // a view into a larger buffer would travel with all of it
        this.#say({ tag: 'answer', number, bytes: bytes === null ? null : copy(bytes) })
      })
      .catch((error: unknown) => {
        this.#own ??= { error }
        this.#say({ tag: 'refusal', number })
      })
  }

  #say(word: OwnerWord): void {
    const bytes = word.tag === 'answer' ? word.bytes : null
    this.#worker.postMessage(word, bytes === null ? [] : [bytes.buffer as ArrayBuffer])
  }

  #fail(error: unknown): void {
    this.#failed ??= { error }
    this.#waiting?.fail(this.#failed.error)
    this.#waiting = null
  }

  #errorOf(fault: Fault): unknown {
    if (fault.tag === 'broken') return new Error(fault.text)
    if (fault.tag === 'yours') return this.#own?.error ?? broken('the work on a tree was ended')
    const { code, message, hint, facts } = fault
    return new OtaError(code, message, { ...(hint !== null && { hint }), facts })
  }
}

function broken(text: string, cause?: unknown): OtaError {
  const hint = 'it may have got no memory: it is tried again'
  return new OtaError('INTERNAL', text, { hint, cause })
}
