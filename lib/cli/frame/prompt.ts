import { OtaError, alloc, concat, type Bytes } from '../../base/index.ts'
import type { Sink } from './output.ts'

/** The keyboard, as far as prompts need it. */
export interface Keyboard {
  readonly isTTY?: boolean | undefined
  setRawMode?(on: boolean): unknown
  on(event: 'data', fn: (chunk: Uint8Array) => void): unknown
  off(event: 'data', fn: (chunk: Uint8Array) => void): unknown
  on(event: 'end', fn: () => void): unknown
  off(event: 'end', fn: () => void): unknown
  resume(): unknown
  pause(): unknown
}

const ENTER = [0x0a, 0x0d]
const END_OF_INPUT = 0x04
const INTERRUPT = 0x03
const RUBOUT = [0x08, 0x7f]

/** Asks a yes or no question; only "y" or "yes" is a yes. Without a terminal it is `USAGE`. */
export async function askYes(keys: Keyboard, err: Sink, question: string): Promise<boolean> {
  if (keys.isTTY !== true) {
    throw new OtaError('USAGE', 'this asks for a confirmation and there is no terminal', {
      hint: 'read what it says, then give --yes'
    })
  }
  err.write(`${question} [y/N] `)
  const answer = String.fromCharCode(...(await readLine(keys, null)))
  return /^y(es)?$/i.test(answer.trim())
}

/** Asks for a secret without showing it. The caller wipes what it gets. */
export async function askSecret(keys: Keyboard, err: Sink, question: string): Promise<Bytes> {
  err.write(question)
  try {
    return await readLine(keys, () => err.write(''))
  } finally {
    err.write('\n')
  }
}

/** One line from the keyboard; `hidden` switches the echo off. */
function readLine(keys: Keyboard, hidden: (() => void) | null): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    let line = alloc(0)
    if (hidden !== null) keys.setRawMode?.(true)
    const end = (error: Error | null): void => {
      keys.off('data', onData)
      keys.off('end', onEnd)
      if (hidden !== null) keys.setRawMode?.(false)
      keys.pause()
      if (error === null) return resolve(line)
      line.fill(0)
      reject(error)
    }
    const onEnd = (): void => end(stopped())
    const onData = (chunk: Uint8Array): void => {
      take(chunk)
      // what was typed must not lie in a buffer until somebody needs that
      if (hidden !== null) chunk.fill(0)
    }
    const take = (chunk: Uint8Array): void => {
      for (const byte of chunk) {
        if (ENTER.includes(byte)) return end(null)
        if (byte === INTERRUPT || (byte === END_OF_INPUT && hidden !== null)) return end(stopped())
        const kept = RUBOUT.includes(byte)
          ? line.slice(0, -1)
          : concat([line, new Uint8Array([byte])])
        line.fill(0)
        line = kept
      }
    }
    keys.on('data', onData)
    keys.on('end', onEnd)
    keys.resume()
  })
}

function stopped(): Error {
  return new OtaError('USAGE', 'the prompt was left without an answer')
}

/** The first line of what a descriptor held, without its line end. */
export function firstLine(bytes: Bytes): Bytes {
  const end = bytes.findIndex((byte) => ENTER.includes(byte))
  const line = end < 0 ? bytes : bytes.subarray(0, end)
  if (line.byteLength === 0) throw new OtaError('USAGE', 'the pass phrase is empty')
  return line
}
