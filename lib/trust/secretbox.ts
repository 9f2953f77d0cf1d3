import sodium from 'sodium-native'
import { alloc, type Bytes } from '../base/index.ts'

/** Bytes of salt and nonce a box needs; both come from `Dice` and are public. */
export const boxSaltBytes = 16
export const boxNonceBytes = 24

/** argon2id, "moderate": 256 MiB and about a second, so that a stolen key file is dear to try. */
export const boxCost: BoxCost = {
  ops: sodium.crypto_pwhash_OPSLIMIT_MODERATE,
  memory: sodium.crypto_pwhash_MEMLIMIT_MODERATE
}

/** The most a foreign key file may ask of this machine: 1 GiB and four passes. */
export const boxCostMax: BoxCost = { ops: 4, memory: 1024 * 1024 * 1024 }

export interface BoxCost {
  readonly ops: number
  /** Bytes. */
  readonly memory: number
}

export interface BoxOptions {
  readonly salt: Bytes
  readonly nonce: Bytes
  readonly cost: BoxCost
  /** Public bytes that must not be exchanged: label and key of the file. */
  readonly beside: Bytes
}

/** `secret` under a pass phrase: argon2id, then xchacha20poly1305 over it, bound to `beside`. */
export async function sealSecret(
  secret: Bytes,
  passphrase: Bytes,
  options: BoxOptions
): Promise<Bytes> {
  const key = await stretch(passphrase, options)
  try {
    const box = alloc(secret.byteLength + sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES)
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
      box,
      secret,
      options.beside,
      null,
      options.nonce,
      key
    )
    return box
  } finally {
    wipe(key)
  }
}

/** What was sealed; null for a wrong pass phrase or a changed box. The caller wipes the result. */
export async function openSecret(
  box: Bytes,
  passphrase: Bytes,
  options: BoxOptions
): Promise<Bytes | null> {
  const size = box.byteLength - sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES
  if (size < 0) return null
  const key = await stretch(passphrase, options)
  const secret = alloc(size)
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      secret,
      null,
      box,
      options.beside,
      options.nonce,
      key
    )
    return secret
  } catch (error) {
    wipe(secret)
    if (isRefusal(error)) return null
    throw error
  } finally {
    wipe(key)
  }
}

/** Overwrites a secret in place, in a way no compiler removes. */
export function wipe(bytes: Bytes): void {
  sodium.sodium_memzero(bytes)
}

/** sodium says a wrong tag with a plain Error of this text. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /could not verify data/i.test(error.message)
}

async function stretch(passphrase: Bytes, { salt, cost }: BoxOptions): Promise<Bytes> {
  const key = alloc(32)
  const { ops, memory } = cost
  const algorithm = sodium.crypto_pwhash_ALG_ARGON2ID13
  try {
    await sodium.crypto_pwhash_async(key, passphrase, salt, ops, memory, algorithm)
    return key
  } catch (error) {
    wipe(key)
    throw error
  }
}
