// Three signers and a live release; then new people come, one at a time or all at once.
import test from 'brittle'
import { InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf } from './signers.ts'

stretchLess()

async function foundWithRelease(desk: InsideDesk): Promise<string> {
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2')
  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('a', 'r1')
  const answers = await desk.sign('r1', 'a', 'b')
  await desk.must('a', 'commit', 'file:r1.req', ...answers, '--alone')
  return release
}

test('a whole quorum is swapped without giving up the live release (S91)', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const release = await foundWithRelease(desk)
  const short = release.slice(0, 8)
  await desk.newKeys('d', 'e', 'f')
  const roles = ['root', 'release', 'brake']
  const pairs = [
    ['a', 'd'],
    ['b', 'e'],
    ['c', 'f']
  ]
  const moves = pairs.flatMap(([old, now]) =>
    roles.flatMap((role) => ['--drop', `${role}=${old}`, '--add', `${role}=file:${now}.card`])
  )
  const propose = ['trust', 'propose', ...moves, '--drop', 'enrol=a', '--add', 'enrol=file:d.card']
  await desk.must('a', ...propose, '-o', 'file:t2.req')
  const t2 = await desk.sign('t2', 'a', 'b', 'd', 'e')
  const commit = ['trust', 'commit', 'file:t2.req', ...t2, '--alone', '-y', '--json']

  const orphans = await desk.run('a', ...commit)
  t.is(orphans.exit, 10)
  t.is(orphans.lines.at(-1)?.code, 'ORPHANS_RELEASE')
  t.is(errorOf(orphans), `trust 2 leaves ${short} (stable) without quorum`)
  t.is(
    hintOf(orphans),
    `let 2 of d, e, f run: ota-publish sign ${short}; give their answers to this commit too, ` +
      `or give up with --drop ${short}`
  )
  t.is(orphans.lines.at(-1)?.data['ids'], release)

  // d follows no network: the request file is enough, and every home that holds it can write it
  await desk.must('a', 'show', short, '-o', 'file:live.req')
  const strange = await desk.run('d', 'sign', 'file:live.req', '-y', '-o', 'file:r1.d.sig')
  t.is(strange.exit, 0, errorOf(strange))
  t.ok(strange.stderr.includes('trust unknown here'))
  const one = await desk.run('a', ...commit.slice(0, 3), 'file:r1.d.sig', ...commit.slice(3))
  t.is(one.exit, 10)
  t.ok(hintOf(one).startsWith(`let e or f run: ota-publish sign ${short}`), 'one more is needed')

  await desk.must('e', 'sign', 'file:r1.req', '-o', 'file:r1.e.sig')
  const more = ['file:r1.d.sig', 'file:r1.e.sig']
  const dry = await desk.run('a', ...commit, ...more, '--dry-run')
  t.is(dry.exit, 0, 'nothing is written')
  const swapped = await desk.run('a', ...commit, ...more)
  t.is(swapped.exit, 0, errorOf(swapped))
  t.is(swapped.lines.at(-1)?.data['feeds'], 1)
  const log = await desk.run('a', 'log')
  t.ok(/release .* admitted {2}4 signatures/.test(log.stdout), log.stdout)
  const again = await desk.run('a', ...commit, ...more)
  t.is(again.exit, 0, 'the same once more, as after a crash half-way')
})

test('a key without a part signs a release, with a warning, and nothing else', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const release = await foundWithRelease(desk)
  await desk.newKeys('d')
  // d follows the network, so d's home can say that d does not count
  const { join } = await desk.must('a', 'join')
  await desk.must('d', 'join', String(join), '--bootstrap', 'none')
  await desk.must('a', 'keys', 'new', '--label', 'late', '-o', 'file:late.card')
  const late = ['sign', release.slice(0, 8), '--key', 'late', '-y', '-o', 'file:r1.late.sig']
  const signed = await desk.run('a', ...late, '--json')
  t.is(signed.exit, 0, errorOf(signed))
  t.is(signed.lines.find(({ tag }) => tag === 'sign')?.data['counts'], false)
  t.ok(signed.stderr.includes('"late" has no part under trust 1: it counts once a trust lists it'))
  const unnamed = await desk.must('a', 'sign', release.slice(0, 8), '-o', 'file:r1.a2.sig')
  t.alike(unnamed['files'], [desk.file('r1.a2.sig')], 'keys with a part come first')

  const early = await desk.run(
    'a',
    'commit',
    release.slice(0, 8),
    'file:r1.late.sig',
    '--alone',
    '-y'
  )
  t.is(early.exit, 0)
  t.ok(early.stderr.includes('1 signature of keys without a part in it left out'))
  t.ok(early.stderr.includes('give the answer to its commit'))

  const trust = await desk.run('a', 'sign', 'file:t1.req', '--key', 'late', '-y', '--json')
  t.is(trust.lines.at(-1)?.code, 'BAD_KEY', 'what is no release is not for strangers')
  await desk.must('a', 'pause', release.slice(0, 8), '-o', 'file:pause.req')
  const pause = await desk.run('a', 'sign', 'file:pause.req', '--key', 'late', '-y', '--json')
  t.is(pause.lines.at(-1)?.code, 'BAD_KEY')
})

test('trust rotate and trust revoke move a signer in every role at once', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await foundWithRelease(desk)
  await desk.newKeys('d')
  const rotate = ['trust', 'rotate', '--drop', 'a', '--add', 'file:d.card', '-o', 'file:t2.req']
  const rotated = await desk.run('a', ...rotate)
  t.is(rotated.exit, 0, errorOf(rotated))
  for (const role of ['root', 'release', 'brake', 'enrol']) {
    t.ok(new RegExp(`^ {2}\\+ ${role}=d \\w{8}$`, 'm').test(rotated.stdout), `d comes into ${role}`)
    t.ok(new RegExp(`^ {2}- ${role}=a \\w{8}$`, 'm').test(rotated.stdout), `a goes from ${role}`)
  }
  t.ok(/^ {2}\+ feed \w{8}$/m.test(rotated.stdout), 'there is room for the feed of d')
  const t2 = await desk.sign('t2', 'a', 'b', 'd')
  const live = await desk.run('d', 'sign', 'file:r1.req', '-y', '-o', 'file:r1.d.sig')
  t.is(live.exit, 0)
  const done = await desk.run(
    'a',
    'trust',
    'commit',
    'file:t2.req',
    ...t2,
    'file:r1.d.sig',
    '--alone',
    '-y'
  )
  t.is(done.exit, 0, errorOf(done))
  t.ok(done.stderr.includes('took along 1 release signed again'))

  const nobody = await desk.run('a', 'trust', 'revoke', 'a')
  t.is(errorOf(nobody), 'trust 2 lists no "a"')
  t.is(hintOf(nobody), 'it lists b, c, d')
  const revoked = await desk.run('a', 'trust', 'revoke', 'c', '-o', 'file:t3.req')
  t.is(revoked.exit, 0, errorOf(revoked))
  t.ok(/^ {2}~ release needs 2 of 2, was 2 of 3$/m.test(revoked.stdout), revoked.stdout)
  t.ok(revoked.stderr.includes('role release needs all 2 keys'))
  const lonely = await desk.run('a', 'trust', 'revoke', 'b', 'c')
  t.is(errorOf(lonely), 'role root needs 2 of 1 keys')
  t.is(hintOf(lonely), 'give --need root=K with K from 1 to 1')
  const twin = await desk.run('a', 'trust', 'propose', '--add', 'brake=file:a.card', '--json')
  t.is(twin.exit, 0, 'an old signer may come back')
  await desk.must('other', 'keys', 'new', '--label', 'b', '-o', 'file:b2.card')
  const twins = await desk.run('a', 'trust', 'propose', '--add', 'release=file:b2.card')
  t.is(errorOf(twins), 'two keys have the label "b"')
})

test('who signed a number drafts the next one; a higher one can be asked for', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b'], '--release', '2', '--root', '2')
  desk.layBuild('build', '1.0.0')
  const seqOf = async (who: string, ...more: string[]): Promise<unknown> => {
    await desk.must(who, 'pack', 'file:build', '-o', 'file:x.pack')
    const kind = ['--channel', 'stable', '--kind', 'code', '-o', 'file:x.req']
    return (await desk.must(who, 'propose', 'file:x.pack', ...kind, ...more))['seq']
  }
  t.is(await seqOf('a'), 1)
  t.is(await seqOf('a'), 1, 'nobody signed it')
  await desk.sign('x', 'a')
  t.is(await seqOf('a'), 2, 'a could not sign 1 again (S98)')
  t.is(await seqOf('a', '--seq', '7'), 7)
  const [answer = ''] = await desk.sign('x', 'a')
  await desk.must('a', 'commit', 'file:x.req', answer, ...(await desk.sign('x', 'b')), '--alone')
  const low = ['--channel', 'stable', '--kind', 'code', '--seq', '7']
  const refused = await desk.run('a', 'propose', 'file:x.pack', ...low)
  t.is(errorOf(refused), '--seq 7: stable has a release with seq 7 already')
  t.is(hintOf(refused), 'take 8, or leave --seq away')

  await desk.must('a', 'trust', 'propose', '--expires', '30d', '-o', 'file:t2.req')
  await desk.sign('t2', 'a')
  const third = await desk.must('a', 'trust', 'propose', '--expires', '20d', '-o', 'file:t3.req')
  t.is(third['version'], 3, 'a corrected draft takes the version above')
  const first = await desk.run('a', 'trust', 'propose', '--number', '1')
  t.is(errorOf(first), '--number 1: trust 1 is in force already')
})
