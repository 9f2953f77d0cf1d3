// Commands by which one key acts alone: brake, attest, revoke. What they do, what they refuse, and
// what a resume then lists. Nobody is online here.
import test from 'brittle'
import { existsSync, writeFileSync } from 'node:fs'
import { errorOf, hintOf, Signers, type Ended } from './signers.ts'

const secret = ['--passphrase-fd', '3', '-y', '--json'] as const

function last({ lines }: Ended) {
  return lines.at(-1)
}

/** One person with a network of their own and one release that has its quorum. */
async function released(folder: string): Promise<{ desk: Signers; release: string }> {
  const desk = new Signers(folder)
  await desk.foundAlone('a')
  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('r1.req')
  await desk.sign('a', 'r1.req', 'r1.sig')
  await desk.must('a', 'commit', 'r1.req', 'r1.sig', '--alone')
  return { desk, release }
}

test('one key brakes at once, once, and a resume lifts it', { timeout: 120_000 }, async (t) => {
  const { desk, release } = await released(await t.tmp())
  const short = release.slice(0, 8)
  const brake = (...more: readonly string[]) => desk.run('a', 'brake', short, '--alone', ...more)

  for (const [args, sentence] of [
    [[], '--reason is missing'],
    [['--reason', ' '], '--reason says nothing'],
    [['--reason', 'x'.repeat(97)], '--reason has 97 bytes, at most 96'],
    [['--reason', 'x', '--for', '25h'], 'a brake lasts 1m to 24h, not 90000 s'],
    [['--reason', 'x', '--for', '5s'], 'a brake lasts 1m to 24h, not 5 s'],
    [['--reason', 'x', '--key', 'b'], 'there is no key "b"'],
    [['--reason', 'x', '--reach', '2'], '--alone and --reach exclude each other']
  ] as const) {
    const ended = await brake(...args, ...secret)
    t.is(ended.exit, 2, sentence)
    t.is(errorOf(ended), sentence)
  }
  const unknown = await desk.run('a', 'brake', 'yyyyyyyy', '--reason', 'x', ...secret)
  t.is(unknown.exit, 2)
  t.is(errorOf(unknown), 'no release "yyyyyyyy" is known')
  const unasked = await brake('--reason', 'x', '--passphrase-fd', '3')
  t.is(hintOf(unasked), 'read what it says, then give --yes')
  const dry = await brake('--reason', 'x', '--dry-run', '--json')
  t.is(dry.exit, 0, 'a rehearsal needs no pass phrase')
  t.is((await desk.run('a', 'resume', short, '--dry-run')).stderr.includes('brake'), false)

  const reason = 'security: keys\u202e in the log'
  const done = await brake('--reason', reason, '--for', '6h', ...secret)
  t.is(done.exit, 0, errorOf(done))
  const { data } = last(done)!
  t.alike(
    [data['reason'], data['need'], data['peers'], data['forMs'], data['release']],
    ['security', 1, 0, 21_600_000, release]
  )
  const twice = await brake('--reason', 'again', ...secret)
  t.is(twice.exit, 3)
  t.is(last(twice)?.code, 'CONTROL_OUT_OF_BOUNDS')
  t.is(errorOf(twice), `this key brakes release ${short} already, for 6 h more`)

  const log = await desk.run('a', 'log')
  t.ok(/brake .* live {2,}by \w+ +release \w{8} {2}security: "keys\\u\{202e\} in/.test(log.stdout))
  const shown = await desk.run('a', 'show', String(data['brake']).slice(0, 8), '--json')
  t.alike([shown.lines[0]?.tag, shown.lines[0]?.data['standing']], ['act', 'live'])

  const listed = await desk.run('a', 'resume', short, '-o', 'resume.req')
  t.is(listed.exit, 2, 'without a terminal it asks for nothing')
  t.ok(/in force: \w{8} {2}brake by \w+ {2}"security: keys\\u\{202e\}/.test(listed.stderr))
  const strange = await desk.run('a', 'resume', short, '--lift', 'yyyyyyyy')
  t.is(errorOf(strange), 'no refusal in force "yyyyyyyy" is known')
  const lift = ['--lift', String(data['brake']).slice(0, 8), '-o', 'resume.req']
  const resumed = await desk.must('a', 'resume', short, ...lift)
  t.alike([resumed['number'], resumed['lifts']], [1, [data['brake']]])
  await desk.sign('a', 'resume.req', 'resume.sig')
  await desk.must('a', 'commit', 'resume.req', 'resume.sig', '--alone')
  t.ok(/brake .* lifted/.test((await desk.run('a', 'log')).stdout))
  const after = await desk.must('a', 'resume', short, '-o', 'again.req')
  t.alike([after['number'], after['lifts']], [2, []], 'the number only rises, the brake is gone')
})

test(
  'a key without the role, a wrong pass phrase and a draft are refused',
  { timeout: 120_000 },
  async (t) => {
    const { desk, release } = await released(await t.tmp())
    const short = release.slice(0, 8)
    await desk.must('a', 'keys', 'new', '--label', 'stranger', '--passphrase-fd', '3')
    const said = ['--reason', 'x', '--alone', ...secret]
    const alien = await desk.run('a', 'brake', short, '--key', 'stranger', ...said)
    t.is(alien.exit, 11)
    t.is(last(alien)?.code, 'BAD_KEY')
    t.is(errorOf(alien), 'key "stranger" may not brake')
    t.ok(hintOf(alien).startsWith('role brake of trust 1 is '))
    const builder = await desk.run('a', 'attest', short, '--build', 'build', '--alone', ...secret)
    t.is(last(builder)?.code, 'BAD_KEY')
    t.is(hintOf(builder), 'trust 1 has no role build')
    const beacon = await desk.run('a', 'beacon', 'run', '--key', 'stranger', ...secret)
    t.is(errorOf(beacon), 'key "stranger" may not be a beacon')
    t.is(errorOf(await desk.run('a', 'beacon', 'run', ...secret)), '--key is missing')

    const draft = await desk.propose('r2.req', '--label', '1.0.1')
    const early = await desk.run('a', 'brake', draft.slice(0, 8), ...said)
    t.is(errorOf(early), `no release "${draft.slice(0, 8)}" is known`, 'nobody runs a draft')

    const wrong = await desk.runAs('a', 'z', 'brake', short, ...said)
    t.is(wrong.exit, 30, 'another pass phrase of the same length')
    t.is(errorOf(wrong), 'wrong pass phrase for key "me"')
    t.absent((await desk.run('a', 'log')).stdout.includes('brake'))

    const widened = await desk.run('a', 'widen', short, '--to', '2', '--json')
    t.is(widened.exit, 3)
    t.is(last(widened)?.code, 'CONTROL_OUT_OF_BOUNDS')
    t.ok(errorOf(widened).startsWith(`release ${short} goes node by node`))
    t.is(errorOf(await desk.run('a', 'widen', short)), '--to is missing')
    t.is(
      errorOf(await desk.run('a', 'widen', short, '--to', 'all')),
      '--to is the number of a stage, got "all"'
    )
    t.absent(existsSync(desk.file(`widen-${short}.req`)))
  }
)

test('a builder attests the same tree, and disputes another', { timeout: 120_000 }, async (t) => {
  const desk = new Signers(await t.tmp())
  await Promise.all(['a', 'b'].map(async (who) => await desk.newKey(who)))
  const roles = [
    '--card',
    'a.card',
    '--enroller',
    'a.card',
    '--builder',
    'acme=b.card',
    '--attest',
    '1'
  ]
  await desk.must('a', 'init', '--name', 'demo', ...roles, '-o', 't1.req')
  for (const who of ['a', 'b']) await desk.sign(who, 't1.req', `t1.${who}.sig`)
  await desk.must('a', 'commit', 't1.req', 't1.a.sig', 't1.b.sig', '--alone')
  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('r1.req')
  await desk.sign('a', 'r1.req', 'r1.a.sig')
  await desk.must('a', 'commit', 'r1.req', 'r1.a.sig', '--alone')
  const short = release.slice(0, 8)
  // nobody is online: the builder works at the desk of a
  await desk.must('b', 'keys', 'export', '--label', 'b', '-o', 'b.key')
  await desk.must('a', 'keys', 'import', 'b.key')
  const attest = (...more: readonly string[]) =>
    desk.runAs('a', 'b', 'attest', short, '--alone', '--build', ...more, ...secret)

  desk.layBuild('mine', '1.0.0')
  desk.layBuild('other', '1.0.0')
  writeFileSync(desk.file('other/main.js'), 'process.exit(1)\n')
  const differs = await attest('other')
  t.is(differs.exit, 15)
  t.is(last(differs)?.code, 'BUILD_MISMATCH')
  t.ok(/^digest of other is \w{52}, the release has \w{52}$/.test(errorOf(differs)), 'both, whole')
  t.is((await desk.run('a', 'log')).stdout.includes('attest'), false, 'nothing was said')
  const idle = await attest('mine', '--dispute')
  t.is(errorOf(idle), 'the digest of mine is that of the release')
  t.is(errorOf(await attest('nowhere')).length > 0, true)
  const windows = await attest('mine', '--platform', 'win32-x64')
  t.is(errorOf(windows), `release ${short} has nothing for win32-x64`)
  const wrong = await desk.run('a', 'attest', short, '--build', 'mine', '--key', 'b', ...secret)
  t.is(wrong.exit, 30)
  t.is(errorOf(wrong), 'wrong pass phrase for key "b"')

  const equal = await attest('mine')
  t.is(equal.exit, 0, errorOf(equal))
  t.alike([last(equal)?.data['equal'], last(equal)?.data['organisation']], [true, 'acme'])
  const disputed = await attest('other', '--dispute')
  t.is(disputed.exit, 0, errorOf(disputed))
  const id = String(last(disputed)?.data['attest'])
  t.ok(/attest .* DISPUTE/.test((await desk.run('a', 'log')).stdout))
  const resumed = await desk.must('a', 'resume', short, '--lift', id.slice(0, 8), '-o', 'up.req')
  t.alike(resumed['lifts'], [id], 'a resume names the dispute')
})

test('an invite ends, whole or slot by slot', { timeout: 120_000 }, async (t) => {
  const desk = new Signers(await t.tmp())
  await desk.foundAlone('a')
  await desk.must('a', 'invite', '--slots', '3', '--passphrase-fd', '3', '-o', 'demo.invite')
  const revoke = (...words: readonly string[]) => desk.run('a', 'revoke', ...words, ...secret)
  for (const [words, sentence] of [
    [['demo.invite:3', '--alone'], 'slot 3 is outside the invite, which has 3'],
    [['demo.invite:70000', '--alone'], 'there is no slot 70000'],
    [['gone.invite', '--alone'], 'there is no file gone.invite'],
    [['yyyyyyyy', '--alone'], 'no invite made here "yyyyyyyy" is known'],
    [['demo.invite', '--alone', '--seeds', '1'], '--alone and --seeds exclude each other']
  ] as const) {
    const ended = await revoke(...words)
    t.is(ended.exit, 2, words[0])
    t.is(errorOf(ended), sentence)
  }
  t.is((await revoke('demo.invite:1', '--dry-run')).exit, 0)
  t.is((await desk.run('a', 'log')).stdout.includes('revoke'), false)
  const slot = await revoke('demo.invite:2', 'demo.invite:1', '--alone')
  t.is(slot.exit, 0, errorOf(slot))
  t.ok(/revoke .* admitted/.test((await desk.run('a', 'log')).stdout))
  const again = await revoke('demo.invite:1', '--alone')
  t.is(again.exit, 4)
  t.is(last(again)?.code, 'NOTHING_TO_DO')
  const [first] = (last(slot)?.data['revoked'] ?? []) as readonly { invite: string }[]
  const invite = String(first?.invite)
  const whole = await revoke(invite.slice(0, 6), '--alone')
  t.is(whole.exit, 0, 'by the beginning of its key, the file is not needed')
  t.is((await revoke('demo.invite:0', '--alone')).exit, 4, 'all of it is over')
  const mixed = await revoke('a.card', '--alone')
  t.is(mixed.exit, 2)
})
