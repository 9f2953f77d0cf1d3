declare module 'sodium-native' {
  const sodium: {
    readonly crypto_generichash_STATEBYTES: number
    readonly crypto_pwhash_SALTBYTES: number
    readonly crypto_pwhash_ALG_ARGON2ID13: number
    readonly crypto_pwhash_OPSLIMIT_MODERATE: number
    readonly crypto_pwhash_MEMLIMIT_MODERATE: number
    readonly crypto_pwhash_OPSLIMIT_INTERACTIVE: number
    readonly crypto_pwhash_MEMLIMIT_INTERACTIVE: number
    readonly crypto_aead_xchacha20poly1305_ietf_NPUBBYTES: number
    readonly crypto_aead_xchacha20poly1305_ietf_ABYTES: number
    crypto_generichash(out: Uint8Array, input: Uint8Array, key?: Uint8Array): void
    crypto_generichash_batch(out: Uint8Array, parts: Uint8Array[], key?: Uint8Array): void
    crypto_generichash_init(state: Uint8Array, key: Uint8Array | undefined, size: number): void
    crypto_generichash_update(state: Uint8Array, bytes: Uint8Array): void
    crypto_generichash_final(state: Uint8Array, out: Uint8Array): void
    crypto_sign_seed_keypair(key: Uint8Array, secret: Uint8Array, seed: Uint8Array): void
    crypto_sign_detached(out: Uint8Array, message: Uint8Array, secret: Uint8Array): void
    crypto_sign_verify_detached(out: Uint8Array, message: Uint8Array, key: Uint8Array): boolean
    crypto_core_ed25519_is_valid_point(key: Uint8Array): boolean
    crypto_pwhash_async(
      out: Uint8Array,
      password: Uint8Array,
      salt: Uint8Array,
      ops: number,
      mem: number,
      alg: number
    ): Promise<void>
    crypto_pwhash(
      out: Uint8Array,
      password: Uint8Array,
      salt: Uint8Array,
      ops: number,
      mem: number,
      alg: number
    ): void
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      out: Uint8Array,
      message: Uint8Array,
      ad: Uint8Array | null,
      nsec: null,
      nonce: Uint8Array,
      key: Uint8Array
    ): number
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      out: Uint8Array,
      nsec: null,
      cipher: Uint8Array,
      ad: Uint8Array | null,
      nonce: Uint8Array,
      key: Uint8Array
    ): number
    sodium_memzero(bytes: Uint8Array): void
    sodium_malloc(size: number): Uint8Array
  }
  export default sodium
}

declare module 'z32' {
  const z32: { encode(bytes: Uint8Array): string; decode(text: string): Uint8Array }
  export default z32
}
