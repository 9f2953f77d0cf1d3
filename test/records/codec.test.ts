import test from 'brittle'
import * as fc from 'fast-check'
import { concat, fromHex, isOtaError, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  blob,
  bool,
  decodeWhole,
  encodeWhole,
  i16,
  i8,
  inOrder,
  list,
  name,
  note,
  oneOf,
  opt,
  ppm,
  Reader,
  text,
  times,
  u16,
  u32,
  u8,
  uint,
  Writer,
  type Codec
} from '../../lib/records/index.ts'

const whole = { what: 'value', bytesMax: 100_000 }
const hexOf = <T>(codec: Codec<T>, value: T): string => toHex(encodeWhole(codec, value, 'value'))
const read = <T>(codec: Codec<T>, hex: string): T => decodeWhole(codec, fromHex(hex), whole)

/** The code with which `run` is refused, or null. */
const codeOf = (run: () => unknown): string | null => {
  try {
    run()
    return null
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

test('an integer has one form, the shortest', (t) => {
  const forms: [number, string][] = [
    [0, '00'],
    [0xfc, 'fc'],
    [0xfd, 'fdfd00'],
    [0xffff, 'fdffff'],
    [0x10000, 'fe00000100'],
    [0xffffffff, 'feffffffff'],
    [0x100000000, 'ff0000000001000000'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffffff1f00']
  ]
  for (const [value, hex] of forms) {
    t.is(hexOf(uint, value), hex)
    t.is(read(uint, hex), value)
  }
  for (const longer of ['fd0000', 'fdfc00', 'feffff0000', 'ffffffffff00000000']) {
    t.is(
      codeOf(() => read(uint, longer)),
      'NOT_CANONICAL',
      longer
    )
  }
})

test('a number above 2^53 - 1, a fraction or a negative one has no form at all (S24)', (t) => {
  for (const hex of ['ff0000000000002000', 'ffffffffffffffffff']) {
    t.is(
      codeOf(() => read(uint, hex)),
      'NOT_CANONICAL',
      hex
    )
  }
  for (const value of [2 ** 53, -1, 0.5, Number.NaN, Infinity]) {
    t.is(
      codeOf(() => hexOf(uint, value)),
      'NOT_CANONICAL',
      `${value}`
    )
  }
  const ranges: [Codec<number>, number, number][] = [
    [u8, 0, 0xff],
    [u16, 0, 0xffff],
    [u32, 0, 0xffffffff],
    [i8, -0x80, 0x7f],
    [i16, -0x8000, 0x7fff],
    [ppm, 0, 1_000_000]
  ]
  for (const [codec, min, max] of ranges) {
    for (const value of [min, max, 0]) t.is(read(codec, hexOf(codec, value)), value)
    for (const value of [min - 1, max + 1, 0.5]) {
      t.is(
        codeOf(() => hexOf(codec, value)),
        'NOT_CANONICAL',
        `${value}`
      )
    }
  }
})

test('texts are UTF-8 in NFC without control characters, names are plain', (t) => {
  t.is(read(text(8), '03c3a921'), 'é!')
  t.is(read(note(8), '03610a62'), 'a\nb')
  for (const wrong of ['a\nb', 'a\u0000', 'e\u0301', '\ud800', 'a\u0085']) {
    t.is(
      codeOf(() => hexOf(text(8), wrong)),
      'NOT_CANONICAL',
      JSON.stringify(wrong)
    )
  }
  t.is(
    codeOf(() => hexOf(text(8), 'x'.repeat(9))),
    'OVER_LIMIT'
  )
  for (const good of ['a', '0', 'linux-x64', 'a.b-c', 'x'.repeat(32)]) {
    t.is(read(name, hexOf(name, good)), good)
  }
  for (const wrong of ['', '-a', '.a', 'A', 'a_b', 'a b', 'ä', 'a\n']) {
    t.is(
      codeOf(() => hexOf(name, wrong)),
      'NOT_CANONICAL',
      JSON.stringify(wrong)
    )
  }
  t.is(
    codeOf(() => hexOf(name, 'x'.repeat(33))),
    'OVER_LIMIT'
  )
})

test('a list is sorted by its bytes when written and refused unsorted when read', (t) => {
  const numbers = list(4, uint)
  t.is(hexOf(numbers, [300, 2, 253]), '0302fd2c01fdfd00', 'by bytes, not by number')
  t.alike(read(numbers, '0302fd2c01fdfd00'), [2, 300, 253])
  t.is(
    codeOf(() => read(numbers, '020201')),
    'NOT_CANONICAL'
  )
  t.is(
    codeOf(() => read(numbers, '020101')),
    'NOT_CANONICAL'
  )
  t.is(
    codeOf(() => hexOf(numbers, [1, 1])),
    'NOT_CANONICAL'
  )
  t.is(
    codeOf(() => hexOf(list(4, uint, 'BAD_TRUST'), [1, 1])),
    'BAD_TRUST'
  )
  t.alike(read(inOrder(4, uint), '020201'), [2, 1], 'in order keeps the order')
})

test('a count above its limit is refused before anything is read for it', (t) => {
  for (const codec of [list(4, uint), inOrder(4, uint)]) {
    t.is(
      codeOf(() => read(codec, 'ffffffffffffff1f00')),
      'OVER_LIMIT'
    )
    t.is(
      codeOf(() => hexOf(codec, [1, 2, 3, 4, 5])),
      'OVER_LIMIT'
    )
  }
  t.is(
    codeOf(() => read(blob(4), 'ffffffffffffff1f00')),
    'OVER_LIMIT'
  )
  t.is(
    codeOf(() => read(blob(4), '0401')),
    'NOT_CANONICAL'
  )
  t.is(
    codeOf(() => decodeWhole(uint, fromHex('00'.repeat(9)), { what: 'value', bytesMax: 8 })),
    'OVER_LIMIT'
  )
  t.is(
    codeOf(() => hexOf(times(2, u8), [1])),
    'NOT_CANONICAL'
  )
})

test('flags and choices take listed values only', (t) => {
  const action = oneOf(['pause', 'resume'], 'UNSUPPORTED', 1)
  t.is(hexOf(action, 'resume'), '02')
  t.is(read(action, '01'), 'pause')
  for (const hex of ['00', '03', 'ff']) {
    t.is(
      codeOf(() => read(action, hex)),
      'UNSUPPORTED',
      hex
    )
  }
  t.is(
    codeOf(() => read(bool, '02')),
    'UNSUPPORTED'
  )
  t.is(read(opt(u8), '00'), null)
  t.is(read(opt(u8), '0107'), 7)
  t.is(
    codeOf(() => read(opt(u8), '0207')),
    'NOT_CANONICAL'
  )
})

test('an error names the record, the field and the offset', (t) => {
  const reader = new Reader(fromHex('0501'), 'letter')
  try {
    reader.field('head', () => reader.field('size', () => reader.raw(9)))
    t.fail('read past the end')
  } catch (error) {
    if (!isOtaError(error)) throw error
    t.is(error.message, 'letter: head.size: ends early, need 9 bytes, have 2')
    t.alike(error.facts, { record: 'letter', field: 'head.size', offset: 0 })
  }
})

test('what is kept is a copy: a change of the buffer does not reach it', (t) => {
  const buffer = fromHex('0102030405')
  const reader = new Reader(buffer, 'value')
  const kept: Bytes = reader.raw(3)
  buffer.fill(0)
  t.is(toHex(kept), '010203')
  t.is(toHex(reader.rest()), '0000')
})

test('a writer grows to what is written', (t) => {
  const writer = new Writer('value')
  const part = fromHex('ab'.repeat(200))
  for (let n = 0; n < 50; n++) writer.raw(part)
  t.is(writer.finish().byteLength, 10_000)
  t.is(toHex(writer.finish()), 'ab'.repeat(10_000))
})

test('any value of each form comes back as it was', (t) => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uint8Array({ maxLength: 64 }), (n, bytes) => {
      return (
        read(uint, hexOf(uint, n)) === n &&
        toHex(read(blob(64), hexOf(blob(64), bytes))) === toHex(bytes)
      )
    }),
    { numRuns: 300 }
  )
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (value) => {
      const refused = /\p{Cc}/u.test(value) || value.normalize('NFC') !== value
      if (refused) return codeOf(() => hexOf(text(400), value)) === 'NOT_CANONICAL'
      return read(text(400), hexOf(text(400), value)) === value
    }),
    { numRuns: 300 }
  )
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(70_000), { maxLength: 30 }), (values) => {
      const numbers = list(30, uint)
      const back = read(numbers, hexOf(numbers, values))
      return back.length === values.length && values.every((one) => back.includes(one))
    }),
    { numRuns: 200 }
  )
  t.pass('800 values')
})

test('bytes that a whole form accepts are the bytes it writes', (t) => {
  const forms: readonly Codec<unknown>[] = [uint, text(9), list(9, u8), opt(u16), bool, name].map(
    (codec) => codec as Codec<unknown> // Cast: each is only given back what it gave.
  )
  fc.assert(
    fc.property(fc.nat(forms.length - 1), fc.uint8Array({ maxLength: 12 }), (index, bytes) => {
      const codec = forms[index]!
      let value: unknown
      const code = codeOf(() => (value = decodeWhole(codec, bytes, whole)))
      return code !== null || hexOf(codec, value) === toHex(bytes)
    }),
    { numRuns: 500 }
  )
  t.is(toHex(concat([fromHex('00')])), '00')
})
