// What people type and what is shown to them: durations, shares, sizes, ids, foreign text.
import test from 'brittle'
import { isOtaError, type Bytes } from '../../lib/base/index.ts'
import {
  amount,
  escapeText,
  findByName,
  formatDuration,
  formatShare,
  formatSize,
  parseCount,
  parseDuration,
  parseShare,
  parseSize,
  table
} from '../../lib/cli/frame/index.ts'
import { suggest } from '../../lib/cli/frame/suggest.ts'
import { toName } from '../../lib/trust/index.ts'

function usage(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    if (isOtaError(error, 'USAGE')) return error.message
    throw error
  }
  return ''
}

test('durations have a unit, always', (t) => {
  const good: readonly [string, number][] = [
    ['90s', 90_000],
    ['10m', 600_000],
    ['6h', 21_600_000],
    ['14d', 1_209_600_000],
    ['250ms', 250],
    ['1.5s', 1_500]
  ]
  for (const [text, ms] of good) t.is(parseDuration(text, '--for'), ms)
  for (const text of ['', '5', 's', '-1s', '1w', '1 s', '1e3s', '99999999999999999d']) {
    t.is(
      usage(() => parseDuration(text, '--for')),
      `--for is a duration, got "${text}"`
    )
  }
})

test('0.1 where 10 % was meant is refused, and so is 150 (S57)', (t) => {
  t.is(parseShare('5', 'share'), 50_000)
  t.is(parseShare('0.1%', 'share'), 1_000)
  t.is(parseShare('100', 'share'), 1_000_000)
  t.is(parseShare('0', 'share'), 0)
  t.is(parseShare('1', 'share'), 10_000)
  t.ok(usage(() => parseShare('0.1', 'share')).includes('between 0 and 1 is refused'))
  for (const text of ['150', 'NaN', '', '-1', '5%%', '1e1']) {
    t.ok(usage(() => parseShare(text, 'share')).includes('is a share from 0 to 100'), text)
  }
})

test('sizes and counts are read strictly', (t) => {
  t.is(parseSize('512', 'x'), 512)
  t.is(parseSize('64KiB', 'x'), 65_536)
  t.is(parseSize('2MB', 'x'), 2_000_000)
  for (const text of ['', '-1', '1 MB', '1TB', 'MB']) t.ok(usage(() => parseSize(text, 'x')))
  t.is(parseCount('7', '--port', { min: 0, max: 9 }), 7)
  for (const text of ['', '-1', '10', '1.5', 'x']) {
    t.ok(usage(() => parseCount(text, '--port', { min: 0, max: 9 })).includes('from 0 to 9'))
  }
})

test('numbers are shown in the largest fitting unit', (t) => {
  t.is(formatSize(3_300_000), '3.3 MB')
  t.is(formatSize(12), '12 B')
  t.is(formatDuration(41 * 60_000), '41 min')
  t.is(formatDuration(3_600_000), '1 h')
  t.is(formatDuration(250), '250 ms')
  t.is(formatShare(372_000), '37.2 %')
  t.is(amount(1, 'file'), '1 file')
  t.is(amount(2, 'file'), '2 files')
  t.alike(
    table([
      ['a', 'bb'],
      ['ccc', 'd']
    ]),
    ['a    bb', 'ccc  d']
  )
})

test('foreign text cannot move the cursor, hide, or run on', (t) => {
  t.is(escapeText('a\u001b[2Jb'), 'a\\u{1b}[2Jb')
  t.is(escapeText('one\ntwo\\n'), 'one\\ntwo\\\\n')
  t.is(escapeText('\u202egnp.exe'), '\\u{202e}gnp.exe')
  t.is(escapeText('größe ✓'), 'größe ✓')
  const long = escapeText('x'.repeat(5_000))
  t.ok(long.length < 4_200)
  t.ok(long.endsWith('… (5000 bytes)'))
})

test('an id may be cut to six characters as long as it names one thing', (t) => {
  const ids: Bytes[] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
  const name = toName(ids[1]!)
  t.is(findByName(name, ids, 'release'), ids[1])
  t.is(findByName(name.slice(0, 8), ids, 'release'), ids[1])
  t.is(
    usage(() => findByName('abc', ids, 'release')),
    '"abc" is too short for the id of a release'
  )
  t.is(
    usage(() => findByName('zzzzzz', ids, 'release')),
    'no release "zzzzzz" is known'
  )
  const twin = new Uint8Array(ids[1]!)
  twin[31] = 9
  t.ok(usage(() => findByName(name.slice(0, 8), [...ids, twin], 'release')).includes('names 2'))
})

test('a suggestion is at most two edits away', (t) => {
  t.is(suggest('comit', ['commit', 'committed']), 'commit')
  t.is(suggest('pakc', ['pack']), 'pack')
  t.is(suggest('abcdef', ['pack']), null)
})
