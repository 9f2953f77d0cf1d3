import test from 'brittle'
import sodium from 'sodium-native'
import { concat, equal, isZero, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  buildAnchor,
  hash,
  keyPairFromSeed,
  openSecret,
  proofAt,
  sealSecret,
  sign,
  verify,
  wipe
} from '../../lib/trust/index.ts'
import { keyOf } from '../tools/people.ts'

const cost = { ops: 1, memory: 8_192 }
const options = {
  salt: hash([Uint8Array.of(1)]).subarray(0, 16),
  nonce: hash([Uint8Array.of(2)]).subarray(0, 24),
  cost,
  beside: Uint8Array.of(7)
}
const secret = hash([Uint8Array.of(3)])
const passphrase = Uint8Array.of(104, 101, 108, 108, 111)

/** What is overwritten while `work` runs, as it was before. */
async function wipedBy(work: () => unknown): Promise<readonly Bytes[]> {
  const seen: Bytes[] = []
  const writable: { sodium_memzero: (bytes: Uint8Array) => void } = sodium
  const real = writable.sodium_memzero
  writable.sodium_memzero = (bytes) => {
    seen.push(bytes.slice())
    real(bytes)
  }
  try {
    await work()
  } finally {
    writable.sodium_memzero = real
  }
  return seen
}

function contains(whole: Bytes, part: Bytes): boolean {
  return toHex(whole).includes(toHex(part))
}

test('a wiped buffer is zeros', (t) => {
  const pair = keyPairFromSeed(secret)
  const signature = sign(Uint8Array.of(1), pair)
  wipe(pair.secret)
  t.ok(isZero(pair.secret))
  t.ok(verify(Uint8Array.of(1), signature, pair.key), 'what it signed stands')
})

test('the key of a box is gone when it is shut, opened, or refuses to open', async (t) => {
  let box: Bytes = new Uint8Array(0)
  const sealing = await wipedBy(async () => {
    box = await sealSecret(secret, passphrase, options)
  })
  t.is(sealing.length, 1)
  t.is(sealing[0]!.byteLength, 32)
  const opening = await wipedBy(async () => {
    t.alike(await openSecret(box, passphrase, options), secret)
  })
  t.alike(opening, sealing, 'the same key, wiped again')
  const refused = await wipedBy(async () => {
    t.is(await openSecret(box, Uint8Array.of(1), options), null)
  })
  t.is(refused.length, 2, 'the key, and the place the secret would have had')
  const failed = await wipedBy(async () => {
    const broken = { ...options, nonce: Uint8Array.of(1) }
    const tried = await Promise.allSettled([sealSecret(secret, passphrase, broken)])
    t.is(tried[0].status, 'rejected')
  })
  t.is(failed.length, 1, 'a seal that fails leaves no key either')
})

test('of an anchor neither the secret nor an unspoken value stays in our buffers', async (t) => {
  const own = secret.slice()
  let anchor = buildAnchor(keyOf(1), own)
  const { root } = anchor
  const seen = await wipedBy(() => {
    anchor = buildAnchor(keyOf(1), own)
  })
  t.alike(anchor.root, root)
  const value = proofAt(anchor, 7).subarray(0, 32)
  t.is(seen.filter((bytes) => contains(bytes, secret)).length, 4_096, 'each place it was laid out')
  t.is(seen.filter((bytes) => equal(bytes, value)).length, 1, 'the value itself')
  t.is(seen.filter((bytes) => contains(bytes, value)).length, 2, 'and where it was hashed')
  const proving = await wipedBy(() => proofAt(anchor, 9))
  t.ok(proving.some((bytes) => contains(bytes, secret)))
  wipe(own)
  t.ok(isZero(anchor.secret), 'the anchor holds no copy')
  t.absent(contains(concat(anchor.levels.flat()), secret))
})
