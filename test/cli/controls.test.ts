// One person with every role, and a release of theirs that is stopped, let go on, and taken back.
import test from 'brittle'
import { Signers } from './signers.ts'

test('a quorum pauses, resumes and aborts what it released', { timeout: 120_000 }, async (t) => {
  const desk = new Signers(await t.tmp())
  await desk.foundAlone('a')
  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('r1.req')
  await desk.sign('a', 'r1.req', 'r1.sig')
  await desk.must('a', 'commit', 'r1.req', 'r1.sig', '--alone')

  const short = release.slice(0, 8)
  const { control } = await desk.must('a', 'pause', short, '--reason', 'looking', '-o', 'p.req')
  await desk.sign('a', 'p.req', 'p.sig')
  await desk.must('a', 'commit', 'p.req', 'p.sig', '--alone')
  t.ok((await desk.run('a', 'log')).stdout.includes('  paused  '))
  const resumed = await desk.must('a', 'resume', short, '-o', 'resume.req')
  t.alike(resumed['lifts'], [control], 'with -y all that is in force is lifted')
  const { exit, stderr } = await desk.run('a', 'resume', short, '-o', 'resume.req')
  t.is(exit, 2)
  t.ok(stderr.includes('in force: '))
  await desk.must(
    'a',
    'abort',
    short,
    '--floor',
    'self',
    '--reason',
    'loses data',
    '-o',
    'abort.req'
  )
  await desk.sign('a', 'abort.req', 'abort.sig')
  await desk.must('a', 'commit', 'abort.req', 'abort.sig', '--alone')
  t.ok((await desk.run('a', 'log')).stdout.includes('  aborted  '))
})
