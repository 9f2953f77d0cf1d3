import sodium from 'sodium-native'
import { alloc, type Bytes } from '../base/index.ts'

/** BLAKE2b-256 over the parts as if joined; with `key` (16 to 64 bytes) the keyed form. */
export function hash(parts: readonly Bytes[], key?: Bytes, out = alloc(32)): Bytes {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) sodium.crypto_generichash(out, only, key)
  else sodium.crypto_generichash_batch(out, parts as Bytes[], key)
  return out
}

/** BLAKE2b-128, for tickets and short ids; into `out` where very many are drawn. */
export function hash128(parts: readonly Bytes[], key: Bytes, out = alloc(16)): Bytes {
  sodium.crypto_generichash_batch(out, parts as Bytes[], key)
  return out
}

/** A running BLAKE2b-256, for files that do not fit in memory. */
export class Hasher {
  readonly #state = alloc(sodium.crypto_generichash_STATEBYTES)

  constructor() {
    sodium.crypto_generichash_init(this.#state, undefined, 32)
  }

  update(bytes: Bytes): this {
    sodium.crypto_generichash_update(this.#state, bytes)
    return this
  }

  final(): Bytes {
    const out = alloc(32)
    sodium.crypto_generichash_final(this.#state, out)
    return out
  }
}
