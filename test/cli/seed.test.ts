// A founder seeds on loopback, without any DHT; a colleague follows by address, and counts copies.
import test from 'brittle'
import { errorOf, Signers } from './signers.ts'

test('what is seeded reaches a follower and counts as a copy', { timeout: 120_000 }, async (t) => {
  const desk = new Signers(await t.tmp())
  const join = await desk.foundAlone('a')
  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('r1.req')
  await desk.sign('a', 'r1.req', 'r1.sig')
  await desk.must('a', 'commit', 'r1.req', 'r1.sig', '--alone')

  const local = ['--bootstrap', 'none', '--host', '127.0.0.1']
  const seed = await desk.start('a', 'seed', 'seed', ...local)
  t.is(seed.line.data['cores'], 1)
  const peers = ['--peers', String(seed.line.data['address']), ...local]

  const busy = await desk.run('a', 'seed', ...local)
  t.is(busy.exit, 30, 'one store, one process')
  const joined = await desk.must('b', 'join', join, ...peers, '--timeout', '30s')
  t.is(joined['trust'], 1)
  const once = await desk.run('b', 'rollout', 'status', ...peers, '--timeout', '5s')
  t.is(once.exit, 0)
  t.ok(once.stdout.startsWith(`stable  ${release.slice(0, 8)}  "1.0.0"`), once.stdout)

  const again = ['commit', 'r1.req', 'r1.sig', '-y', ...peers]
  const absent = await desk.run('b', ...again, '--json')
  t.is(absent.exit, 15)
  t.is(absent.lines.at(-1)?.code, 'INCOMPLETE')
  t.ok(errorOf(absent).endsWith('is not on this machine'))
  await desk.must('b', 'pack', 'build', '-o', 'b.pack')
  const held = await desk.must('b', ...again, '--seeds', '1', '--timeout', '30s')
  t.is(held['copies'], 1)
  const short = await desk.run('b', ...again, '--timeout', '2s', '--json')
  t.is(short.exit, 75)
  t.is(short.lines.at(-1)?.code, 'NOT_SEEDED')
  t.is(
    errorOf(short),
    `release ${release.slice(0, 8)} is committed, but has 1 of 2 full copies elsewhere`
  )
  t.is(await seed.stop(), 143)
})
