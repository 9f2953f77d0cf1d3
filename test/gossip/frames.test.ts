import { assert, nat, property, uint8Array } from 'fast-check'
import test from 'brittle'
import { isOtaError, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  decodeAuthIds,
  decodeAuthWant,
  decodeExchange,
  decodePush,
  decodeSums,
  decodeWant,
  fromSetKey,
  setKey
} from '../../lib/records/index.ts'

import { samples, set } from './samples.ts'

test('every frame has the bytes it was given and is read back whole', (t) => {
  for (const { name, bytes, again, golden } of samples) {
    t.is(toHex(bytes), golden, `${name} as laid down`)
    t.is(toHex(again(bytes)), golden, `${name} read and written again`)
  }
})

test('no frame is read from a part of itself, nor with a byte more', (t) => {
  for (const { name, bytes, again } of samples) {
    let refused = 0
    for (let size = 0; size < bytes.byteLength; size++) {
      if (refuses(() => again(bytes.subarray(0, size)))) refused++
    }
    t.is(refused, bytes.byteLength, `${name}: every prefix refused`)
    t.ok(
      refuses(() => again(new Uint8Array([...bytes, 0]))),
      `${name}: one byte more refused`
    )
  }
})

test('a flipped bit is another frame or a coded refusal, never a crash', (t) => {
  for (const { name, bytes, again } of samples) {
    let looked = 0
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const bent = bytes.slice()
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      if (!refuses(() => again(bent)) && toHex(again(bent)) !== toHex(bent)) t.fail(name)
      looked++
    }
    t.is(looked, bytes.byteLength * 8, `${name}: every bit flipped`)
  }
})

test('any bytes are a frame with one encoding or a coded refusal', (t) => {
  assert(
    property(uint8Array({ maxLength: 300 }), nat(samples.length - 1), (bytes, index) => {
      const { again } = samples[index]!
      return refuses(() => again(bytes)) || toHex(again(bytes)) === toHex(bytes)
    }),
    { numRuns: 500 }
  )
  t.pass('500 runs')
})

test('a count above its limit is refused before anything is read', (t) => {
  const over = (decode: (bytes: Bytes) => unknown, ...bytes: number[]): void =>
    t.ok(
      refuses(() => decode(Uint8Array.from(bytes)), 'OVER_LIMIT'),
      decode.name
    )
  over(decodePush, 65)
  over(decodeWant, 0xfd, 1, 1)
  over(decodeSums, 25)
  over(decodeExchange, 17)
  over(decodeAuthWant, 17)
  over(decodeAuthIds, 0xfd, 1, 1)
})

test('the key of a set names the set', (t) => {
  t.alike(fromSetKey(setKey(set)), set)
})

/** True for a refusal with a code (the one given); anything else it lets through. */
function refuses(read: () => unknown, code?: 'OVER_LIMIT'): boolean {
  try {
    read()
    return false
  } catch (error) {
    if (isOtaError(error, code)) return true
    throw error
  }
}
