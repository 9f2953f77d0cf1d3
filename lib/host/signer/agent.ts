import { createConnection, type Socket } from 'node:net'
import {
  KIB,
  OtaError,
  concat,
  copy,
  equal,
  fromText,
  toText,
  type Bytes
} from '../../base/index.ts'
import { errnoOf } from '../failure.ts'

/**
 * The part of the OpenSSH agent protocol (draft-miller-ssh-agent) that signing needs: list the
 * keys, sign with one. Ed25519 only; the agent signs the bytes themselves, which is what we need.
 */
const REQUEST_IDENTITIES = 11
const IDENTITIES_ANSWER = 12
const SIGN_REQUEST = 13
const SIGN_RESPONSE = 14
const FAILURE = 5
const ED25519 = 'ssh-ed25519'
const MESSAGE_BYTES_MAX = 256 * KIB
const IDENTITIES_MAX = 2_048

export interface Agent {
  /** Path of its socket: `SSH_AUTH_SOCK`. */
  readonly socketPath: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Lets the agent sign `message` with the key of that public key. `SIGNER_FAILED` when there is no
 * agent, it does not hold the key, or refuses; `TIMEOUT`. Nobody has verified the signature yet.
 */
export async function signWithAgent(agent: Agent, key: Bytes, message: Bytes): Promise<Bytes> {
  return await withAgent(agent, async (ask) => {
    const held = identities(await ask(new Uint8Array([REQUEST_IDENTITIES])))
    if (!held.some((one) => equal(one, key))) throw absent(held.length)
    const blob = concat([text(ED25519), string(key)])
    const flags = new Uint8Array(4)
    const request = [new Uint8Array([SIGN_REQUEST]), string(blob), string(message), flags]
    return signatureOf(await ask(concat(request)))
  })
}

/** Ed25519 keys of an agent's answer; other kinds are passed over. */
function identities(answer: Bytes): readonly Bytes[] {
  const reader = new Answer(answer, IDENTITIES_ANSWER)
  const count = reader.u32()
  if (count > IDENTITIES_MAX) throw garbled()
  const keys: Bytes[] = []
  for (let index = 0; index < count; index++) {
    const key = ed25519Key(reader.string())
    reader.string()
    if (key !== null) keys.push(key)
  }
  return keys
}

/** The 32 bytes in an OpenSSH public key blob; null for any other kind of key. */
export function ed25519Key(blob: Bytes): Bytes | null {
  const head = text(ED25519)
  const isOurs = blob.byteLength === head.byteLength + 36 && equal(blob.subarray(0, 15), head)
  return isOurs ? blob.slice(head.byteLength + 4) : null
}

function signatureOf(answer: Bytes): Bytes {
  if (answer[0] === FAILURE) {
    throw new OtaError('SIGNER_FAILED', 'ssh-agent refuses to sign with this key', {
      hint: 'a key added with ssh-add -c asks on its own screen; see: ssh-add -l'
    })
  }
  const signature = new Answer(new Answer(answer, SIGN_RESPONSE).string(), null)
  const kind = toText(signature.string())
  const bytes = signature.string()
  if (kind === ED25519 && bytes.byteLength === 64) return copy(bytes)
  throw new OtaError('SIGNER_FAILED', 'ssh-agent gave a signature of another kind than Ed25519')
}

type Ask = (request: Bytes) => Promise<Bytes>

/** One connection, one question after the other; it is closed whatever happens. */
async function withAgent<T>(agent: Agent, deed: (ask: Ask) => Promise<T>): Promise<T> {
  const socket = createConnection(agent.socketPath)
  const reader = new Frames(socket)
  const stop = (error: OtaError): void => reader.fail(error)
  const timer = setTimeout(() => stop(late(agent.timeoutMs)), agent.timeoutMs)
  const onAbort = (): void => stop(new OtaError('SIGNER_FAILED', 'stopped while ssh-agent signed'))
  agent.signal.addEventListener('abort', onAbort, { once: true })
  socket.on('error', (cause) => stop(unreachable(agent.socketPath, cause)))
  socket.on('close', () => stop(garbled()))
  try {
    return await deed(async (request) => {
      socket.write(string(request))
      return await reader.next()
    })
  } finally {
    clearTimeout(timer)
    agent.signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}

/** Frames of a length and so many bytes, one awaited at a time. */
class Frames {
  #held: Bytes = new Uint8Array(0)
  #error: OtaError | null = null
  #waiting: (() => void) | null = null

  constructor(socket: Socket) {
    socket.on('data', (part) => {
      this.#held = concat([this.#held, part])
      this.#waiting?.()
    })
  }

  /** Ends the wait; the first reason counts. */
  fail(error: OtaError): void {
    this.#error ??= error
    this.#waiting?.()
  }

  async next(): Promise<Bytes> {
    for (;;) {
      if (this.#held.byteLength >= 4) {
        const size = sizeAt(this.#held, 0)
        if (size === 0 || size > MESSAGE_BYTES_MAX) throw garbled()
        if (this.#held.byteLength >= 4 + size) {
          const frame = this.#held.slice(4, 4 + size)
          this.#held = this.#held.slice(4 + size)
          return frame
        }
      }
      if (this.#error !== null) throw this.#error
      await new Promise<void>((resolve) => (this.#waiting = resolve))
    }
  }
}

/** Fields of an answer, in order; a short one is no agent's. */
class Answer {
  readonly #bytes: Bytes
  #at = 0

  constructor(bytes: Bytes, kind: number | null) {
    this.#bytes = bytes
    if (kind === null) return
    if (bytes[0] !== kind) throw garbled()
    this.#at = 1
  }

  u32(): number {
    if (this.#at + 4 > this.#bytes.byteLength) throw garbled()
    const value = sizeAt(this.#bytes, this.#at)
    this.#at += 4
    return value
  }

  string(): Bytes {
    const size = this.u32()
    if (this.#at + size > this.#bytes.byteLength) throw garbled()
    const part = this.#bytes.subarray(this.#at, this.#at + size)
    this.#at += size
    return part
  }
}

function sizeAt(bytes: Bytes, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, false)
}

/** A length in four bytes, high one first, and the bytes. */
function string(bytes: Bytes): Bytes {
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, bytes.byteLength, false)
  return concat([size, bytes])
}

function text(word: string): Bytes {
  return string(fromText(word))
}

function absent(held: number): OtaError {
  const have =
    held === 0 ? 'no Ed25519 key' : `${held} other Ed25519 ${held === 1 ? 'key' : 'keys'}`
  return new OtaError('SIGNER_FAILED', `ssh-agent does not hold this key; it holds ${have}`, {
    hint: 'add it: ssh-add KEYFILE'
  })
}

function unreachable(path: string, cause: unknown): OtaError {
  const why = errnoOf(cause) ?? 'no answer'
  return new OtaError('SIGNER_FAILED', `no ssh-agent answers at ${path}: ${why}`, {
    hint: 'start one and add the key: eval "$(ssh-agent)" && ssh-add KEYFILE',
    cause
  })
}

function garbled(): OtaError {
  return new OtaError('SIGNER_FAILED', 'what answers at SSH_AUTH_SOCK does not speak as an agent')
}

function late(timeoutMs: number): OtaError {
  return new OtaError('TIMEOUT', `ssh-agent gave no signature in ${timeoutMs / 1_000} s`, {
    hint: 'it may wait for a confirmation; give it longer with --timeout'
  })
}
