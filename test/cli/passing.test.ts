// What a single key said without a network: the publisher who seeds passes it on, and who heard it
// keeps it.
import test from 'brittle'
import { errorOf, Signers } from './signers.ts'

test(
  'a brake made offline is passed on by seed and kept by who heard it',
  {
    timeout: 120_000
  },
  async (t) => {
    const desk = new Signers(await t.tmp())
    const join = await desk.foundAlone('a')
    desk.layBuild('build', '1.0.0')
    const release = await desk.propose('r1.req')
    await desk.sign('a', 'r1.req', 'r1.sig')
    await desk.must('a', 'commit', 'r1.req', 'r1.sig', '--alone')
    const short = release.slice(0, 8)
    const brake = ['brake', short, '--reason', 'data-loss: rows vanish', '--passphrase-fd', '3']
    const lonely = ['--bootstrap', 'none', '--timeout', '1s']
    const unheard = await desk.run('a', ...brake, ...lonely, '-y', '--json')
    t.is(unheard.exit, 75)
    t.is(unheard.lines.at(-1)?.code, 'NO_PEERS', 'it is signed and kept, and nobody has it')
    t.ok(/^brake \w{8} is signed and kept here, but nobody answers$/.test(errorOf(unheard)))

    const alone = ['--bootstrap', 'none', '--host', '127.0.0.1']
    const seeding = await desk.start('a', 'seed', 'seed', ...alone)
    try {
      const to = ['--peers', String(seeding.line.data['address']), ...alone, '--timeout', '8s']
      await desk.must('b', 'join', join, ...to)
      const seen = await desk.must('b', 'watch', '--once', ...to)
      const rows = seen['rollouts'] as readonly { braked: boolean; brakes: { note: string }[] }[]
      t.alike(
        rows.map(({ braked, brakes }) => [braked, brakes[0]?.note]),
        [[true, 'rows vanish']]
      )
    } finally {
      t.is(await seeding.stop(), 143)
    }
    const log = await desk.run('b', 'log')
    t.ok(/brake .* live .*data-loss: "rows vanish"/.test(log.stdout), 'offline again')
  }
)
