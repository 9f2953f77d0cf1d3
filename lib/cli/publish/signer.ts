import { MINUTE, OtaError, copy, toText, type Bytes } from '../../base/index.ts'
import {
  readDescriptor,
  readSshPublicKey,
  signWithAgent,
  signWithCommand,
  splitCommand
} from '../../host/index.ts'
import {
  keyElsewhere,
  unlockKey,
  type Desk,
  type Elsewhere,
  type KeyInfo,
  type SigningKey
} from '../../publish/index.ts'
import { fromName } from '../../trust/index.ts'
import type { Context, FlagTable } from '../frame/index.ts'

/** Flags of commands that sign: with a key file, or with a key that lies elsewhere. */
export const signerFlags: FlagTable = {
  'passphrase-fd': { type: 'text' },
  'sign-with': { type: 'text' }
}

/** A person may have to find a token, type a PIN and touch it. */
const SIGN_MS = 2 * MINUTE
const PASSPHRASES_BYTES_MAX = 16_384
const ENDS = [0x0a, 0x0d]

/**
 * Pass phrases for one command: asked on the terminal key by key, or the lines of `--passphrase-fd`
 * in the order in which keys are opened. One line alone is for all. `wipe` in a `finally`.
 */
export class Passphrases {
  readonly #context: Context
  #lines: Bytes[] | null = null
  #used = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** The pass phrase of that key, its own copy: the caller wipes it. */
  async of(label: string): Promise<Bytes> {
    const { flags, secret } = this.#context
    const fd = flags.count('passphrase-fd', 0, 1_023)
    if (fd === null) return await secret(`pass phrase of ${label}: `, 'passphrase-fd')
    this.#lines ??= linesOf(await readDescriptor(fd, PASSPHRASES_BYTES_MAX))
    const line = this.#lines.length === 1 ? this.#lines[0] : this.#lines[this.#used++]
    if (line !== undefined && line.byteLength > 0) return copy(line)
    throw new OtaError('USAGE', `descriptor ${fd} has no pass phrase for ${label}`, {
      hint: 'give one line for all keys, or one line per key in the order they are asked for'
    })
  }

  wipe(): void {
    for (const line of this.#lines ?? []) line.fill(0)
  }
}

/**
 * A key ready to sign: with `--sign-with` wherever it lies, else unlocked. Its file is opened when
 * its seed or its draw secret is needed, and only then a pass phrase is asked for. The caller wipes
 * it.
 */
export async function openKey(
  context: Context,
  desk: Desk,
  info: KeyInfo,
  how: { readonly passphrases: Passphrases; readonly draws: boolean }
): Promise<SigningKey> {
  const sign = elsewhereFor(context, info.key)
  if (sign === null && info.isElsewhere) {
    throw new OtaError('USAGE', `key "${info.label}" lies elsewhere: its file has no seed`, {
      hint: 'give --sign-with ssh-agent, or --sign-with "PROGRAM ARG..."'
    })
  }
  if (sign !== null && !how.draws) {
    return await keyElsewhere(desk, info.label, { sign, passphrase: null })
  }
  const passphrase = await how.passphrases.of(info.label)
  try {
    if (sign === null) return await unlockKey(desk, info.label, passphrase)
    return await keyElsewhere(desk, info.label, { sign, passphrase })
  } finally {
    passphrase.fill(0)
  }
}

/** Who signs with `key` by `--sign-with`; null without that flag. */
export function elsewhereFor({ flags, terminal, timeoutMs, signal }: Context, key: Bytes) {
  const word = flags.text('sign-with')
  if (word === null) return null
  const limits = { timeoutMs: timeoutMs ?? SIGN_MS, signal }
  if (word !== 'ssh-agent') {
    const argv = splitCommand(word)
    const byCommand: Elsewhere = (message) => signWithCommand({ argv, ...limits }, message)
    return byCommand
  }
  const socketPath = terminal.env['SSH_AUTH_SOCK'] ?? ''
  if (socketPath === '') {
    throw new OtaError('SIGNER_FAILED', 'there is no ssh-agent: SSH_AUTH_SOCK is not set', {
      hint: 'start one and add the key: eval "$(ssh-agent)" && ssh-add KEYFILE'
    })
  }
  const byAgent: Elsewhere = (message) => signWithAgent({ socketPath, ...limits }, key, message)
  return byAgent
}

/** `--public`: an OpenSSH public key file, or the key itself in z32. */
export async function readPublicKey(desk: Desk, word: string): Promise<Bytes> {
  const bytes = await desk.disk.read(word)
  if (bytes !== null) return readSshPublicKey(toText(bytes), word)
  if (/^[a-z0-9]{52}$/.test(word)) return fromName(word)
  throw new OtaError('USAGE', `--public: there is no file ${word}, and it is no key in z32`, {
    hint: 'give FILE.pub of ssh-keygen -t ed25519, or the 32 bytes as 52 letters of z-base-32'
  })
}

/** The lines of what a descriptor held, each its own copy; the whole is wiped. */
function linesOf(bytes: Bytes): Bytes[] {
  const lines: Bytes[] = []
  try {
    let start = 0
    for (let at = 0; at <= bytes.byteLength; at++) {
      if (at < bytes.byteLength && !ENDS.includes(bytes[at] ?? 0)) continue
      if (at > start) lines.push(copy(bytes.subarray(start, at)))
      start = at + 1
    }
    return lines
  } finally {
    bytes.fill(0)
  }
}
