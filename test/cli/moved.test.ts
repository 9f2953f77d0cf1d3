// A publisher's store is no cache: a copy of it would fork the feeds it writes.
import test from 'brittle'
import { cpSync, rmSync } from 'node:fs'
import { Inside, InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf } from './signers.ts'

stretchLess()

test('a copied store is refused by name, and the original goes on', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'], '--open')
  desk.layBuild('build', '1.0.0')
  const home = desk.person('a').home
  cpSync(home, desk.file('copy'), { recursive: true })
  const copy = new Inside(desk.file('copy'), 'pass phrase of a')
  await desk.propose('a', 'r1')
  const answers = await desk.sign('r1', 'a')
  const commit = ['commit', desk.file('r1.req'), ...answers, '--alone', '-y']
  await copy.must('pack', desk.file('build'), '-o', desk.file('copy.pack'))
  const refused = await copy.run(...commit, '--json')
  t.is(refused.exit, 30)
  t.is(refused.lines.at(-1)?.code, 'STORE_MOVED')
  t.is(
    errorOf(refused),
    'open the core store: it was copied or moved, and a copy would fork its feeds'
  )
  t.ok(hintOf(refused).startsWith('go on where it was made'))
  t.is((await desk.run('a', ...commit)).exit, 0, 'the original is not touched')

  // what the hint says: without its cores it must first hear from peers how long its feed is
  rmSync(desk.file('copy/store/cores'), { recursive: true })
  const behind = await copy.run(...commit, '--json')
  t.is(behind.lines.at(-1)?.code, 'EQUIVOCATION', errorOf(behind))
  t.ok(errorOf(behind).includes('an append would fork it'))
})
