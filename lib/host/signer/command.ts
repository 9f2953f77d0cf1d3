import { spawn } from 'node:child_process'
import { OtaError, concat, type Bytes } from '../../base/index.ts'
import { errnoOf } from '../failure.ts'

/** A raw Ed25519 signature. */
const SIGNATURE_BYTES = 64
/** More than a signature, so that a program that prints text can be told so. */
const OUTPUT_BYTES_MAX = 4_096

export interface SignCommand {
  /** The program and its arguments; started as it is, without a shell. */
  readonly argv: readonly string[]
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Gives `message` to a program on its stdin and returns the 64 raw bytes of its stdout. What it
 * says on stderr goes to ours, so that it can ask for a PIN or a touch. `SIGNER_FAILED` when it
 * cannot be started, ends with another code than 0, or prints anything but 64 bytes; `TIMEOUT`.
 * Nobody has verified the signature yet.
 */
export async function signWithCommand(command: SignCommand, message: Bytes): Promise<Bytes> {
  const name = command.argv[0] ?? ''
  const { exit, output } = await run(command, message)
  if (exit !== '0') {
    throw new OtaError('SIGNER_FAILED', `the signing program ${name} ended with ${exit}`, {
      hint: 'nothing was signed; what it says is above'
    })
  }
  if (output.byteLength === SIGNATURE_BYTES) return output
  const many = output.byteLength > OUTPUT_BYTES_MAX ? 'more than 4096' : output.byteLength
  const have = `${many} ${many === 1 ? 'byte' : 'bytes'}`
  throw new OtaError('SIGNER_FAILED', `the signing program ${name} printed ${have}, need 64`, {
    hint: 'it must print the raw signature alone: no text, no line end'
  })
}

interface Ended {
  /** Exit code or signal, for people. */
  readonly exit: string
  readonly output: Bytes
}

function run({ argv, timeoutMs, signal }: SignCommand, message: Bytes): Promise<Ended> {
  const [name = '', ...rest] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(name, rest, { stdio: ['pipe', 'pipe', 'inherit'], shell: false })
    let output: Bytes = new Uint8Array(0)
    const settle = (deed: () => void): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      // what it started may hold its output open: nobody waits for that
      child.stdout.destroy()
      child.kill('SIGKILL')
      deed()
    }
    const onAbort = (): void => settle(() => reject(stopped(name)))
    const timer = setTimeout(() => settle(() => reject(late(name, timeoutMs))), timeoutMs)
    signal.addEventListener('abort', onAbort, { once: true })
    child.once('error', (cause) => settle(() => reject(unstarted(name, cause))))
    // a program that does not read all of it says by its exit code what it thinks of it
    child.stdin.on('error', () => undefined)
    child.stdin.end(message)
    child.stdout.on('data', (part: Bytes) => {
      if (output.byteLength <= OUTPUT_BYTES_MAX) output = concat([output, part])
    })
    child.once('close', (code, by) => settle(() => resolve({ exit: String(code ?? by), output })))
    if (signal.aborted) onAbort()
  })
}

function unstarted(name: string, cause: unknown): OtaError {
  const why = errnoOf(cause) ?? 'no reason given'
  return new OtaError('SIGNER_FAILED', `the signing program ${name} cannot be started: ${why}`, {
    hint: 'name it with its whole path; no shell looks at the words',
    cause
  })
}

function late(name: string, timeoutMs: number): OtaError {
  const text = `the signing program ${name} gave no signature in ${timeoutMs / 1_000} s`
  return new OtaError('TIMEOUT', text, { hint: 'give it longer with --timeout' })
}

function stopped(name: string): OtaError {
  return new OtaError('SIGNER_FAILED', `stopped while ${name} was signing`)
}
