import { createHash } from 'node:crypto'
import { alloc, copy, type Bytes } from '../../lib/base/index.ts'
import { decodeEntry, encodeEntry, type Entry, type Statement } from '../../lib/records/index.ts'
import { nodePair, person } from './people.ts'

/** L, the order of the main subgroup. */
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n

/** S + L: the same point equation holds, and a strict verifier must refuse it. */
export function plusOrder(entry: Entry): Entry {
  const { key, signature } = decodeEntry(entry)!
  return encodeEntry({ key, signature: otherOrder(signature), proof: null })
}

/** The same of a bare signature. */
export function otherOrder(signature: Bytes): Bytes {
  const own = copy(signature)
  let sum = groupOrder
  for (let index = 0; index < 32; index++) sum += BigInt(own[32 + index]!) << BigInt(8 * index)
  for (let index = 0; index < 32; index++)
    own[32 + index] = Number((sum >> BigInt(8 * index)) & 255n)
  return own
}

/** R from another key pair, whose scalar is the nonce; S = r + H(R, A, M) a mod L. */
export function otherSignature(statement: Statement, n: number): Entry {
  const { key, secret } = person(n)
  const nonce = nodePair(4_000 + n)
  const digest = sha512(nonce.key, key, statement.canonical)
  const scalar = (scalarOf(nonce.secret) + little(digest) * scalarOf(secret)) % groupOrder
  const signature = alloc(64)
  signature.set(nonce.key)
  for (let index = 0; index < 32; index++) {
    signature[32 + index] = Number((scalar >> BigInt(8 * index)) & 255n)
  }
  return encodeEntry({ key, signature, proof: null })
}

/** The clamped scalar of a key pair; its seed is the first half of the secret. */
function scalarOf(secret: Bytes): bigint {
  const bytes = sha512(secret.subarray(0, 32)).subarray(0, 32)
  bytes[0]! &= 248
  bytes[31] = (bytes[31]! & 127) | 64
  return little(bytes)
}

function sha512(...parts: readonly Bytes[]): Bytes {
  const hasher = createHash('sha512')
  for (const part of parts) hasher.update(part)
  return Uint8Array.from(hasher.digest())
}

function little(bytes: Bytes): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}
