import test from 'brittle'
import * as fc from 'fast-check'
import { isSendable } from '../../lib/host/launcher/channel.ts'
import { heard, silence, understand, type Word } from '../../lib/host/launcher/said.ts'
import {
  ControlLines,
  lineBytesMax,
  linesPerSecondMax,
  metricsPerSecondMax,
  parseLine
} from '../../lib/host/launcher/stream.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function all(text: string, nowMs = 0): readonly string[] {
  return new ControlLines().push(bytes(text), nowMs).map(({ key, value }) => `${key}=${value}`)
}

function after(...lines: readonly string[]): Word {
  let word = silence
  for (const line of lines) {
    const parsed = parseLine(bytes(line))
    const said = parsed === null ? null : understand(parsed)
    if (said !== null) word = heard(word, said)
  }
  return word
}

test('lines are read as they come in, however they are cut', (t) => {
  t.alike(all('READY=1\nSTATUS=hello world=2\n'), ['READY=1', 'STATUS=hello world=2'])
  t.alike(all('READY=1'), [], 'half a line says nothing yet')
  const lines = new ControlLines()
  t.alike(lines.push(bytes('REA'), 0), [])
  t.alike(lines.push(bytes('DY=1\nX'), 0), [{ key: 'READY', value: '1' }])
  const text = 'READY=1\nSTATUS=grün ☂\n\nOTA_STATE=primary\nOTA_METRIC=a:1\n'
  const whole = all(text)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 })), (cuts) => {
      const parts = new ControlLines()
      const found: string[] = []
      const raw = bytes(text)
      let from = 0
      for (const cut of [...cuts, raw.byteLength]) {
        for (const { key, value } of parts.push(raw.subarray(from, from + cut), 0)) {
          found.push(`${key}=${value}`)
        }
        from += cut
      }
      return from < raw.byteLength || JSON.stringify(found) === JSON.stringify(whole)
    })
  )
})

test('what is no line is dropped and counted, and what comes after it is read', (t) => {
  const lines = new ControlLines()
  const broken = ['=1', 'ready=1', 'READY', 'A B=1', ' READY=1', 'RÉADY=1']
  const found = lines.push(bytes([...broken, 'READY=1', ''].join('\n')), 0)
  t.alike(found, [{ key: 'READY', value: '1' }])
  t.is(lines.dropped, broken.length)
  t.is(parseLine(Uint8Array.of(0x41, 0x3d, 0xff, 0xfe)), null, 'no UTF-8')
  t.is(
    parseLine(bytes('STATUS=a\u0007b\u001b[31mc\rd'))?.value,
    'ab[31mcd',
    'no control characters'
  )
})

test('a line of a megabyte costs its own sender, not us', (t) => {
  const lines = new ControlLines()
  const part = bytes('STATUS=' + 'x'.repeat(65_529))
  for (let count = 0; count < 16; count++) t.alike(lines.push(part, 0), [])
  t.alike(lines.push(bytes('\nREADY=1\n'), 0), [{ key: 'READY', value: '1' }])
  t.is(lines.dropped, 1)
  const edge = 'S=' + 'x'.repeat(lineBytesMax - 2)
  t.is(new ControlLines().push(bytes(edge + '\n'), 0).length, 1, 'exactly as long as it may be')
  t.is(new ControlLines().push(bytes(edge + 'x\n'), 0).length, 0)
})

test('a flood is cut to its limit each second, metrics to theirs', (t) => {
  const lines = new ControlLines()
  const flood = bytes('STATUS=x\n'.repeat(5_000))
  t.is(lines.push(flood, 0).length, linesPerSecondMax)
  t.is(lines.push(flood, 999).length, 0)
  t.is(lines.push(flood, 1_000).length, linesPerSecondMax)
  t.is(lines.dropped, 3 * 5_000 - 2 * linesPerSecondMax)
  const metrics = new ControlLines()
  t.is(metrics.push(bytes('OTA_METRIC=a:1\n'.repeat(100)), 0).length, metricsPerSecondMax)
  t.is(metrics.push(bytes('READY=1\n'), 1).length, 1, 'other lines have room beside metrics')
})

test('any bytes at all are taken, within the limits (fuzz)', (t) => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('READY=1', 'OTA_STATE=primary', 'OTA_METRIC=a:1e3', 'OTA_SUPPORTS=a,b'),
    fc.string().map((text) => `OTA_HEALTH=${text}`),
    fc.string().map((text) => `OTA_METRIC=${text}`)
  )
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(line, { maxLength: 20 }).map((some) => bytes(some.join('\n') + '\n'))
  )
  let read = 0
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 20 }), fc.nat(), (chunks, stepMs) => {
      const lines = new ControlLines()
      let word = silence
      for (const [index, part] of chunks.entries()) {
        for (const one of lines.push(part, index * (stepMs % 2_000))) {
          read++
          if (!/^[A-Z0-9_]+$/.test(one.key) || /\p{Cc}/u.test(one.value)) return false
          const said = understand(one)
          if (said !== null) word = heard(word, said)
        }
      }
      const { priority, metrics, status } = word
      const inRange = priority === null || (priority >= 0 && priority <= 100)
      return inRange && Object.values(metrics).every(Number.isFinite) && status.length <= 256
    }),
    { numRuns: 400 }
  )
  t.comment(`${read} lines read`)
  t.ok(read > 100)
})

test('words are understood by their exact form, and unknown is never well', (t) => {
  t.alike(after('READY=1', 'READY=0', 'OTA_STATE=primary', 'OTA_STATE=boss').state, 'primary')
  t.ok(after('READY=1').ready)
  t.absent(after('READY=yes').ready)
  t.is(after('OTA_HEALTH=bad:disk').bad, 'disk')
  t.is(after('OTA_HEALTH=bad').bad, '')
  t.is(after('OTA_HEALTH=bad:x', 'OTA_HEALTH=fine').bad, 'x', 'no verdict at all')
  t.is(after('OTA_HEALTH=bad:x', 'OTA_HEALTH=ok').bad, null)
  t.alike(after('OTA_METRIC=a:1.5', 'OTA_METRIC=b:-2e3', 'OTA_METRIC=c:NaN').metrics, {
    a: 1.5,
    b: -2_000
  })
  t.alike(after('OTA_COUNTER=height:12', 'OTA_COUNTER=height:-1').counters, { height: 12 })
  t.is(after('OTA_COUNTER=h:9007199254740993').counters['h'], undefined, 'not exact')
  t.is(after('OTA_PRIORITY=100').priority, 100)
  t.is(after('OTA_PRIORITY=101').priority, null)
  t.alike(after('OTA_SUPPORTS=mesh-2,mesh-3,mesh-2').supports, ['mesh-2', 'mesh-3'])
  t.alike(after('OTA_SUPPORTS=a b').supports, [])
  t.alike(after('OTA_PARAMS=bad:range').params, { bad: 'range' })
  t.alike(after('MAINPID=1', 'OTHER=2'), silence)
})

test('however many names an app makes up, few are kept', (t) => {
  const lines = Array.from({ length: 500 }, (_, index) => `OTA_METRIC=m${index}:1`)
  t.is(Object.keys(after(...lines).metrics).length, 64)
  t.alike(after('OTA_METRIC=__proto__:1').metrics, {})
})

test('only verbs of ours are sent to an app, one line each', (t) => {
  for (const line of ['OTA=release', 'OTA=params:/home/x/params', 'OTA=era-active:mesh-2']) {
    t.ok(isSendable(line), line)
  }
  const odd = [
    'READY=1',
    'OTA=a\nOTA=b',
    'OTA=',
    'OTA=X',
    'OTA=a:\u0000',
    `OTA=a:${'x'.repeat(5e3)}`
  ]
  for (const line of odd) t.absent(isSendable(line))
})
