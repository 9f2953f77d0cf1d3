// A machine that never joined and has no network: a request file and a build are all it gets.
import test from 'brittle'
import { copyFileSync, cpSync, mkdirSync, readdirSync } from 'node:fs'
import { InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf } from './signers.ts'

stretchLess()

test('a signer behind an air gap reviews, rebuilds and signs with the request alone', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const labels = ['a', 'b', 'gap']
  await desk.found(labels, '--root', '2', '--release', '2', '--draw', 'file:gap.card')
  desk.layBuild('build', '1.0.0')
  await desk.propose('a', 'r1', '--draw', 'gap')

  // another machine with the same key: nothing of the network was ever here
  mkdirSync(desk.file('usb'))
  copyFileSync(desk.file('r1.req'), desk.file('usb/r1.req'))
  cpSync(desk.file('build'), desk.file('usb/build'), { recursive: true })
  await desk.must('gap', 'keys', 'export', '--label', 'gap', '-o', 'file:usb/gap.key')
  const far = desk.person('far')
  const imported = await far.run('keys', 'import', desk.file('usb/gap.key'))
  t.is(imported.exit, 0)
  t.ok(imported.stderr.includes('sign with it on one machine only'))
  Object.assign(far, { passphrase: 'pass phrase of gap' })

  const review = await desk.run('far', 'review', 'file:usb/r1.req', '--build', 'file:usb/build')
  t.is(review.exit, 0, errorOf(review))
  t.ok(/^digest of .*usb\/build \w{8} and core key \w{8} equal the release$/m.test(review.stdout))
  t.ok(review.stdout.includes('compared with nothing: no release before it is here'))
  t.ok(review.stdout.includes('attestations: the trust is not here to say how many'))
  t.ok(review.stdout.endsWith('trust unknown here: nobody can say whose signatures count\n'))

  const sign = [
    'sign',
    'file:usb/r1.req',
    '--build',
    'file:usb/build',
    '-y',
    '-o',
    'file:usb/r1.sig'
  ]
  const signed = await desk.run('far', ...sign)
  t.is(signed.exit, 0, errorOf(signed))
  t.ok(
    signed.stderr.includes('trust unknown here: whoever commits it sees whether this key counts')
  )
  t.absent(/signature \d of/.test(signed.stdout), 'it does not pretend to count')
  const verified = await desk.run('far', 'verify', 'file:usb/r1.req', 'file:usb/r1.sig')
  t.is(verified.exit, 12)
  t.ok(verified.stdout.includes('1 valid signature, trust unknown'))
  t.is(hintOf(verified), 'follow its network first: ota-publish join JOIN')
  t.alike(readdirSync(desk.file('home-far')).toSorted(), ['keys', 'packs'], 'no store, no network')

  const answers = ['file:usb/r1.sig', ...(await desk.sign('r1', 'a'))]
  const committed = await desk.run('a', 'commit', 'file:r1.req', ...answers, '--alone', '-y')
  t.is(committed.exit, 0, errorOf(committed))

  // the same machine learns who counts from the trusts it signs
  copyFileSync(desk.file('t1.req'), desk.file('usb/t1.req'))
  await desk.must('far', 'sign', 'file:usb/t1.req', '-o', 'file:usb/t1.sig')
  const now = await desk.run('far', 'verify', 'file:usb/r1.req', 'file:usb/r1.sig')
  t.is(now.exit, 10)
  t.ok(/1 of 2 signatures {2}gap$/m.test(now.stdout), now.stdout)
})

test('with several keys and no trust it has to be told which one signs', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'], '--open')
  desk.layBuild('build', '1.0.0')
  await desk.propose('a', 'r1')
  const far = desk.person('far')
  for (const label of ['x', 'y']) {
    await far.must('keys', 'new', '--label', label, '-o', desk.file(`${label}.card`))
  }
  const unnamed = await desk.run('far', 'sign', 'file:r1.req', '-y')
  t.is(unnamed.exit, 2)
  t.is(errorOf(unnamed), 'there are 2 keys here and the trust is not')
  const named = await desk.run('far', 'sign', 'file:r1.req', '-y', '--key', 'y', '-o', 'file:y.sig')
  t.is(named.exit, 0, errorOf(named))
})
