import sodium from 'sodium-native'
import { alloc, isZero, type Bytes } from '../base/index.ts'

/** An Ed25519 key pair; `secret` is sodium's 64-byte form (seed and public key). */
export interface KeyPair {
  readonly key: Bytes
  readonly secret: Bytes
}

/** The key pair of a 32-byte seed; the seed comes from `Dice` or from a key file. */
export function keyPairFromSeed(seed: Bytes): KeyPair {
  const key = alloc(32)
  const secret = alloc(64)
  sodium.crypto_sign_seed_keypair(key, secret, seed)
  return { key, secret }
}

/** Signs the canonical bytes themselves, never a hash of them. */
export function sign(message: Bytes, pair: KeyPair): Bytes {
  const signature = alloc(64)
  sodium.crypto_sign_detached(signature, message, pair.secret)
  return signature
}

/**
 * False for anything but a valid Ed25519 signature; sodium refuses S ≥ L and small-order keys
 * (S12).
 */
export function verify(message: Bytes, signature: Bytes, key: Bytes): boolean {
  if (signature.byteLength !== 64 || key.byteLength !== 32) return false
  return sodium.crypto_sign_verify_detached(signature, message, key)
}

/** Whether `key` is a canonical point of the main subgroup; all zeros is not (S12). */
export function isKey(key: Bytes): boolean {
  return key.byteLength === 32 && !isZero(key) && sodium.crypto_core_ed25519_is_valid_point(key)
}
