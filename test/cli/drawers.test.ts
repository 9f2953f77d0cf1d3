// Two signers, one of whom draws the order of a release with a one-time value.
import test from 'brittle'
import { decodeAnswer, decodeEntry } from '../../lib/records/index.ts'
import { readLineFile } from '../../lib/publish/papers/line.ts'
import { realDisk } from '../../lib/host/index.ts'
import { InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf } from './signers.ts'

stretchLess()

async function proofOf(path: string): Promise<number> {
  const { entry } = decodeAnswer(await readLineFile(realDisk(), path))
  return decodeEntry(entry)?.proof?.byteLength ?? 0
}

test('a release waits for the value of the drawer it names, then goes out', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2', '--draw', 'file:c.card')
  desk.layBuild('build', '1.0.0')
  const unknown = await desk.run(
    'a',
    'propose',
    'file:none.pack',
    '--channel',
    'stable',
    '--kind',
    'code'
  )
  t.is(unknown.exit, 2)
  await desk.propose('a', 'r1', '--draw', 'c')
  const review = await desk.run('b', 'review', 'file:r1.req')
  t.ok(review.stdout.includes('order drawn by c: draw 0\n'), 'drawers have names here')
  const answers = await desk.sign('r1', 'a', 'b')
  t.is(await proofOf(answers[0]!), 0)
  const short = await desk.run('a', 'commit', 'file:r1.req', ...answers, '--alone', '-y', '--json')
  t.is(short.exit, 10, 'S101: k signatures are there, her value is not')
  t.is(short.lines.at(-1)?.code, 'DRAW_INCOMPLETE')
  t.ok(/^release \w{8} lacks the draw value of c$/.test(errorOf(short)))
  t.is(hintOf(short), `ask c to run: ota-publish sign ${desk.file('r1.req')}`)

  const [value = ''] = await desk.sign('r1', 'c')
  t.is(await proofOf(value), 416, 'a value and twelve hashes')
  const whole = await desk.run('a', 'commit', 'file:r1.req', ...answers, value, '--alone', '-y')
  t.is(whole.exit, 0, errorOf(whole))

  desk.layBuild('build', '1.1.0')
  await desk.propose('a', 'r2', '--draw', 'c')
  const next = await desk.run('c', 'review', 'file:r2.req')
  t.ok(next.stdout.includes('draw 1\n'), 'draw numbers are never used twice')
  const nobody = await desk.run(
    'a',
    'propose',
    'file:r2.pack',
    '--channel',
    'stable',
    '--kind',
    'code',
    '--draw',
    'b'
  )
  t.is(errorOf(nobody), 'the trust lists no drawer "b"')
})

test('a drawer comes with a trust and gives her value under it', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'], '--open')
  await desk.newKeys('d')
  await desk.must('a', 'trust', 'propose', '--add', 'draw=file:d.card', '-o', 'file:t2.req')
  const t2 = await desk.sign('t2', 'a')
  await desk.must('a', 'commit', 'file:t2.req', ...t2, '--alone')
  desk.layBuild('build', '1.0.0')
  await desk.propose('a', 'r1', '--draw', 'd')
  // d never joined: her home has no trust, her anchor is the one on her card
  const answers = await desk.sign('r1', 'a', 'd')
  const whole = await desk.run('a', 'commit', 'file:r1.req', ...answers, '--alone', '-y')
  t.is(whole.exit, 0, errorOf(whole))
  const shown = await desk.run('a', 'trust', 'show')
  t.ok(/draw {5}1 of 1 {2}d \w{8} anchor \w{8}/.test(shown.stdout), shown.stdout)
})
