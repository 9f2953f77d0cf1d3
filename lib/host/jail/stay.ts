import { spawn } from 'node:child_process'
import { assert, concat, OtaError, socketLineBytesMax, toText } from '../../base/index.ts'
import { isWithin } from '../../records/index.ts'
import { errnoOf } from '../failure.ts'
import type { Jail } from './jail.ts'
import type { StayingJob } from './job.ts'
import { ownerOf, stayingArgv, withScratch } from './make.ts'
import { giveOver } from './spawn.ts'

/** Of what the program prints, the end is kept. */
const outputKept = 64 * 1_024

/** How to speak with the program: lines on descriptor 4, each way. */
export interface Talk {
  /** It has begun; `send` gives it one line, without the end of the line. */
  readonly onBegin: (send: (line: string) => void) => void
  readonly onLine: (line: string) => void
}

export interface StayEnd {
  readonly exit: number | null
  /** The last of what it printed, both streams. */
  readonly output: string
}

/**
 * Keeps a program in a jail until it ends, or `signal` of the job is aborted: then everything in
 * there is killed and the end is told as ever. Only for a jail of kind `unshare`. `CANNOT_BUILD`
 * when the jail itself cannot be made.
 */
export async function stayInJail(jail: Jail, job: StayingJob, talk: Talk): Promise<StayEnd> {
  checkJob(job)
  job.signal?.throwIfAborted()
  return await withScratch(async (scratch) => {
    const isRoot = process.getuid?.() === 0
    try {
      if (isRoot) await giveAll(job, jail.path)
      const argv = stayingArgv({ job, scratch, system: jail.system, isRoot })
      return await converse(argv, { path: jail.path, job, talk })
    } catch (cause) {
      const errno = errnoOf(cause)
      if (errno === null || cause instanceof OtaError) throw cause
      throw noJail(errno, cause)
    }
  }, ownerOf(job))
}

async function giveAll(job: StayingJob, path: string): Promise<void> {
  for (const { path: folder } of job.writable) await giveOver(folder, path, ownerOf(job))
  for (const { upper } of job.overlays) await giveOver(upper, path, ownerOf(job))
}

interface Conversation {
  readonly path: string
  readonly job: StayingJob
  readonly talk: Talk
}

async function converse(
  [name = '', ...rest]: readonly string[],
  { path, job, talk }: Conversation
): Promise<StayEnd> {
  return await new Promise((resolve, reject) => {
    const child = spawn(name, rest, {
      detached: true,
      env: { PATH: path, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe']
    })
    const [, stdout, stderr, begun, channel] = child.stdio
    const output = tail([stdout, stderr])
    let started = false
    begun?.on('data', () => {
      if (started) return
      started = true
      talk.onBegin((line) => {
        if (channel !== null && channel !== undefined && 'write' in channel) {
          channel.write(`${line}\n`)
        }
      })
    })
    channel?.on('error', () => undefined)
    if (channel !== null && channel !== undefined && 'read' in channel) {
      eachLine(channel, talk.onLine)
    }
    const kill = (): void => void child.kill('SIGKILL')
    job.signal?.addEventListener('abort', kill, { once: true })
    if (job.signal?.aborted === true) kill()
    child.once('error', reject)
    child.once('close', (exit) => {
      job.signal?.removeEventListener('abort', kill)
      const isEnded = job.signal?.aborted === true
      if (started || isEnded) resolve({ exit, output: output() })
      else reject(noJail(output().trim().split('\n').at(-1) ?? ''))
    })
  })
}

/** The last bytes of some streams, in the order they came. */
function tail(streams: readonly (NodeJS.ReadableStream | null | undefined)[]): () => string {
  let kept: Uint8Array = new Uint8Array()
  for (const stream of streams) {
    stream?.on('data', (bytes: Uint8Array) => {
      kept = concat([kept, bytes]).slice(-outputKept)
    })
  }
  return () => toText(kept)
}

/** What is longer than a line may be is not one: it is dropped to its end. */
function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let [rest, skips] = ['', false]
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (skips) skips = false
      else onLine(line)
    }
    if (rest.length <= socketLineBytesMax) return
    rest = ''
    skips = true
  })
}

function noJail(why: string, cause?: unknown): OtaError {
  const reason = why === '' ? 'it ended before it began' : why.slice(0, 300)
  return new OtaError('CANNOT_BUILD', `the jail cannot be made: ${reason}`, {
    hint: 'a shadow needs Linux, util-linux, iproute2 and user namespaces',
    cause
  })
}

/** Our own invariants, as for a job that ends by itself. */
function checkJob({ cwd, readOnly, writable, links, overlays }: StayingJob): void {
  const places = [...readOnly, ...writable, ...links].flatMap(({ path, at }) => [path, at])
  const layers = overlays.flatMap(({ lower, upper, work }) => [lower, upper, work])
  for (const path of [cwd, ...places, ...layers, ...overlays.map(({ at }) => at)]) {
    assert(path.startsWith('/') && !/\p{Cc}/u.test(path), 'a path from the root, in one line')
  }
  for (const path of layers) assert(!/[,:\\]/.test(path), 'a path that options of a mount can name')
  const isHidden = (at: string): boolean => writable.some((one) => isWithin(at, one.at))
  assert(!readOnly.some(({ at }) => isHidden(at)), 'nothing read-only in what may be written')
}
