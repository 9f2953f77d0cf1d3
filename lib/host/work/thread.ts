import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { assert, copy, isOtaError, type Bytes } from '../../base/index.ts'
import { packTree, unpackPatch, unpackTree, type Pack } from '../../artifact/index.ts'
import { realDisk } from '../disk.ts'
import type { Ask, Fault, Job, OwnerWord, ThreadWord } from './words.ts'

/**
 * The thread that does one piece of work on a tree: it hashes, unpacks and applies while the loop
 * of the process stays free, behind whatever else the machine does.
 */
const port = parentPort
assert(port !== null, 'this is a thread')
const aborted = new AbortController()
/** What was asked and not answered yet, by number. */
const asked = new Map<number, { give: (bytes: Bytes) => void; fail: (error: unknown) => void }>()
let count = 0
let blocks: AsyncIterator<Bytes> | null = null

/** The owner knows why. */
class Refused extends Error {}

function say(word: ThreadWord, bytes: Bytes | null = null): void {
  port?.postMessage(word, bytes === null ? [] : [bytes.buffer as ArrayBuffer])
}

async function ask(what: Ask): Promise<Bytes> {
  count += 1
  const number = count
  return await new Promise<Bytes>((resolve, reject) => {
    asked.set(number, { give: resolve, fail: reject })
    say({ tag: 'ask', number, ask: what })
  })
}

function hear(word: OwnerWord): void {
  if (word.tag === 'abort') aborted.abort(new Refused('the owner ended it'))
  else if (word.tag === 'next') giveNext().catch((error: unknown) => fail(error))
  else {
    const waiting = asked.get(word.number)
    asked.delete(word.number)
    if (word.tag === 'refusal') waiting?.fail(new Refused('the owner has none'))
    else waiting?.give(word.bytes ?? new Uint8Array(0))
  }
}

async function work(job: Job): Promise<void> {
  const disk = realDisk()
  const { signal } = aborted
  if (job.do === 'tree') {
    await unpackTree(disk, {
      ...job,
      signal,
      readBlock: async (index) => await ask({ tag: 'block', index }),
      onNeed: async (needed) => {
        await ask({ tag: 'need', blocks: [...needed] })
      }
    })
  } else if (job.do === 'patch') {
    const read = async (offset: number, size: number): Promise<Bytes> =>
      await ask({ tag: 'patch', offset, size })
    await unpackPatch(disk, { ...job, signal, patch: { size: job.size, read } })
  } else {
    showPack(await packTree(disk, job.folder, job.platform))
    return
  }
  say({ tag: 'done' })
}

function showPack(pack: Pack): void {
  const { manifest, treeDigest, entries, bytes, core, head, blockSizes } = pack
  blocks = pack.blocks()[Symbol.asyncIterator]()
  const found = { manifest, treeDigest, entries, bytes, core, head, blockSizes }
  say({ tag: 'packed', pack: found })
}

async function giveNext(): Promise<void> {
  assert(blocks !== null, 'blocks are asked for after the pack')
  const next = await blocks.next()
  if (next.done === true) say({ tag: 'block', bytes: null })
  else {
    // a view into a larger buffer would travel with all of it
    const bytes = copy(next.value)
    say({ tag: 'block', bytes }, bytes)
  }
}

function fail(error: unknown): void {
  say({ tag: 'failed', fault: faultOf(error) })
}

function faultOf(error: unknown): Fault {
  if (error instanceof Refused || aborted.signal.aborted) return { tag: 'yours' }
  if (isOtaError(error)) {
    const { code, message, hint, facts } = error
    return { tag: 'ours', code, message, hint, facts }
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { tag: 'broken', text }
}

// Linux counts the priority of a thread; elsewhere this would be the whole process.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW)
port.on('message', hear)
// Cast: whoever starts this thread gives it a job.
work(workerData as Job).catch(fail)
