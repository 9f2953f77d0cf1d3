import { fork, type ChildProcess } from 'node:child_process'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { EXIT, MIB, OtaError, type Code } from '../../base/index.ts'
import { bytesOf, type PackStep } from '../../artifact/index.ts'
import type { MadePatches, MakerWord, PatchOrder } from './order.ts'
import { workOff } from './work.ts'

/** Old and new trees together that take less than a second. */
const SMALL_BYTES = MIB
/** What the process takes before it makes anything (measured: 73 to 86 MiB). */
const BASE_BYTES = 88 * MIB
/** The smallest window takes so much beside that. */
const LEAST_BYTES = 28 * MIB
/**
 * What is freed goes back to the system (glibc; others pass over it), so that a bound of memory is
 * one. Garbage is collected before each window.
 */
const THRIFTY = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' }
/** Behind whatever else the machine does. */
const NICENESS = 10

export interface MakerOptions {
  readonly signal: AbortSignal
  readonly onStep: (step: PackStep) => void
}

/** Throws `USAGE` for a bound below which no patch can be made. */
export function checkPatchMemory(memoryBytes: number): void {
  const least = BASE_BYTES + LEAST_BYTES
  if (memoryBytes >= least) return
  throw new OtaError('USAGE', `patches need ${least / MIB} MiB of memory or more`)
}

/**
 * Makes patches in a process of its own, so that this one answers and can be stopped: when `signal`
 * comes the process is killed, and the signal's reason thrown. Small trees are done before such a
 * process has started. Errors of `packPatches`; `INTERNAL` when the process ends without an answer,
 * as one does that gets no memory.
 */
export async function makePatches(order: PatchOrder, options: MakerOptions): Promise<MadePatches> {
  options.signal.throwIfAborted()
  const bytes = order.bases.reduce((sum, { manifest }) => sum + bytesOf(manifest), 0)
  if (bytes + order.to.pack.bytes <= SMALL_BYTES) {
    return await workOff({ ...order, memoryBytes: leftOf(order.memoryBytes) }, options.onStep)
  }
  return await inChild(order, options)
}

async function inChild(order: PatchOrder, options: MakerOptions): Promise<MadePatches> {
  const { signal, onStep } = options
  const child = fork(join(import.meta.dirname, 'child.js'), [], {
    serialization: 'advanced',
    execArgv: ['--expose-gc'],
    env: { ...process.env, ...THRIFTY },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  beNice(child)
  return await new Promise<MadePatches>((resolve, reject) => {
    let settle: (() => void) | null = null
    // What it was writing is left alone only when it is gone.
    const end = (deed: () => void): void => {
      settle ??= deed
      child.kill('SIGKILL')
    }
    const onAbort = (): void => end(() => reject(stopped(signal)))
    signal.addEventListener('abort', onAbort, { once: true })
    child.on('message', (word: MakerWord) => {
      if (word.tag === 'ready') child.send({ ...order, memoryBytes: leftOf(order.memoryBytes) })
      else if (word.tag === 'step') onStep(word.step)
      else if (word.tag === 'made') end(() => resolve(word.made))
      else end(() => reject(failure(word)))
    })
    child.once('error', (cause) => reject(ended('could not be started', cause)))
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', onAbort)
      if (settle === null) reject(ended(`ended with ${by ?? code}`))
      else settle()
    })
  })
}

/** What is left for windows. */
function leftOf(memoryBytes: number | null): number | null {
  return memoryBytes === null ? null : memoryBytes - BASE_BYTES
}

function beNice({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    setPriority(pid, NICENESS)
  } catch {
    // it is over already, or the system does not grant it: it works as well without
    return
  }
}

function stopped(signal: AbortSignal): Error {
  const { reason }: { reason: unknown } = signal
  return reason instanceof Error ? reason : new Error(String(reason))
}

function failure({ code, message }: Extract<MakerWord, { tag: 'failed' }>): OtaError {
  return new OtaError(isCode(code) ? code : 'INTERNAL', message)
}

function isCode(text: string): text is Code {
  return Object.hasOwn(EXIT, text)
}

function ended(how: string, cause?: unknown): OtaError {
  return new OtaError('INTERNAL', `the process that makes patches ${how}`, {
    hint: 'it may have run out of memory: try again with a smaller --patch-memory',
    cause
  })
}
