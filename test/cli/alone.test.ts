// Commands by which one key acts alone: brake, attest, revoke. What they do, what they refuse, and
// what a resume then lists. Nobody is online here.
import test from 'brittle'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { Inside, InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf, type Ended } from './signers.ts'

stretchLess()

const sure = ['-y', '--json'] as const

function last({ lines }: Ended) {
  return lines.at(-1)
}

/** A network of `a` with one release that has its quorum; `more` are flags of `init`. */
async function released(
  folder: string,
  ...more: readonly string[]
): Promise<{ desk: InsideDesk; release: string }> {
  const desk = new InsideDesk(folder)
  await desk.found(['a'], ...more)
  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('a', 'r1')
  await commit(desk, 'r1')
  return { desk, release }
}

/** Signed and committed by `a`. */
async function commit(desk: InsideDesk, name: string): Promise<void> {
  const answers = await desk.sign(name, 'a')
  await desk.must('a', 'commit', `file:${name}.req`, ...answers, '--alone')
}

test('one key brakes at once, once, and a resume lifts it', { timeout: 60_000 }, async (t) => {
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
    const ended = await brake(...args, ...sure)
    t.is(ended.exit, 2, sentence)
    t.is(errorOf(ended), sentence)
  }
  const unknown = await desk.run('a', 'brake', 'yyyyyyyy', '--reason', 'x', ...sure)
  t.is(unknown.exit, 2)
  t.is(errorOf(unknown), 'no release "yyyyyyyy" is known')
  const unasked = await brake('--reason', 'x')
  t.is(unasked.exit, 2)
  t.ok(unasked.stderr.includes('error: nothing was signed'), 'only a yes is a yes')
  const dry = await brake('--reason', 'x', '--dry-run', '--json')
  t.is(dry.exit, 0, 'a rehearsal needs no pass phrase')
  t.is((await desk.run('a', 'resume', short, '--dry-run')).stderr.includes('brake'), false)

  const reason = 'security: keys\u202e in the log'
  const done = await brake('--reason', reason, '--for', '6h', ...sure)
  t.is(done.exit, 0, errorOf(done))
  const { data } = last(done)!
  t.alike(
    [data['reason'], data['need'], data['peers'], data['forMs'], data['release']],
    ['security', 1, 0, 21_600_000, release]
  )
  const twice = await brake('--reason', 'again', ...sure)
  t.is(twice.exit, 3)
  t.is(last(twice)?.code, 'CONTROL_OUT_OF_BOUNDS')
  t.is(errorOf(twice), `this key brakes release ${short} already, for 6 h more`)

  const log = await desk.run('a', 'log')
  t.ok(/brake .* live {2,}by a +release \w{8} {2}security: "keys\\u\{202e\} in/.test(log.stdout))
  const shown = await desk.run('a', 'show', String(data['brake']).slice(0, 8), '--json')
  t.alike([shown.lines[0]?.tag, shown.lines[0]?.data['standing']], ['act', 'live'])

  const listed = await desk.run('a', 'resume', short, '-o', 'file:resume.req')
  t.is(listed.exit, 2)
  t.ok(listed.stderr.includes('error: nothing is lifted'), 'each is asked for')
  t.ok(/in force: \w{8} {2}brake by a {2}"security: keys\\u\{202e\}/.test(listed.stderr))
  const strange = await desk.run('a', 'resume', short, '--lift', 'yyyyyyyy')
  t.is(errorOf(strange), 'no refusal in force "yyyyyyyy" is known')
  const lift = ['--lift', String(data['brake']).slice(0, 8), '-o', 'file:resume.req']
  const resumed = await desk.must('a', 'resume', short, ...lift)
  t.alike([resumed['number'], resumed['lifts']], [1, [data['brake']]])
  await commit(desk, 'resume')
  t.ok(/brake .* lifted/.test((await desk.run('a', 'log')).stdout))
  const after = await desk.must('a', 'resume', short, '-o', 'file:again.req')
  t.alike([after['number'], after['lifts']], [2, []], 'the number only rises, the brake is gone')
})

test(
  'a key without the role, a wrong pass phrase and a draft are refused',
  { timeout: 60_000 },
  async (t) => {
    const { desk, release } = await released(await t.tmp())
    const short = release.slice(0, 8)
    await desk.must('a', 'keys', 'new', '--label', 'stranger', '-o', 'file:stranger.card')
    const said = ['--reason', 'x', '--alone', ...sure]
    const alien = await desk.run('a', 'brake', short, '--key', 'stranger', ...said)
    t.is(alien.exit, 11)
    t.is(last(alien)?.code, 'BAD_KEY')
    t.is(errorOf(alien), 'key "stranger" may not brake')
    t.ok(hintOf(alien).startsWith('role brake of trust 1 is '))
    const builder = await desk.run(
      'a',
      'attest',
      short,
      '--build',
      'file:build',
      '--alone',
      ...sure
    )
    t.is(last(builder)?.code, 'BAD_KEY')
    t.is(hintOf(builder), 'trust 1 has no role build')
    const beacon = await desk.run('a', 'beacon', 'run', '--key', 'stranger', ...sure)
    t.is(errorOf(beacon), 'key "stranger" may not be a beacon')
    t.is(errorOf(await desk.run('a', 'beacon', 'run', ...sure)), '--key is missing')

    const draft = await desk.propose('a', 'r2', '--label', '1.0.1')
    const early = await desk.run('a', 'brake', draft.slice(0, 8), ...said)
    t.is(errorOf(early), `no release "${draft.slice(0, 8)}" is known`, 'nobody runs a draft')

    const thief = new Inside(desk.person('a').home, 'pass phrase of z')
    const wrong = await thief.run('brake', short, '--key', 'a', ...said)
    t.is(wrong.exit, 30, 'another pass phrase of the same length')
    t.is(errorOf(wrong), 'wrong pass phrase for key "a"')
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
    t.absent(existsSync(`widen-${short}.req`))
  }
)

test('a builder attests the same tree, and disputes another', { timeout: 60_000 }, async (t) => {
  const folder = await t.tmp()
  const builder = ['--builder', 'acme=file:a.card', '--attest', '1']
  const { desk, release } = await released(folder, ...builder)
  const short = release.slice(0, 8)
  const attest = (build: string, ...more: readonly string[]) =>
    desk.run('a', 'attest', short, '--alone', '--build', build, ...more, ...sure)

  desk.layBuild('mine', '1.0.0')
  desk.layBuild('other', '1.0.0')
  writeFileSync(desk.file('other/main.js'), 'process.exit(1)\n')
  const differs = await attest('file:other')
  t.is(differs.exit, 15)
  t.is(last(differs)?.code, 'BUILD_MISMATCH')
  t.ok(/^digest of \S+ is \w{52}, the release has \w{52}$/.test(errorOf(differs)), 'both, whole')
  t.is((await desk.run('a', 'log')).stdout.includes('attest'), false, 'nothing was said')
  const idle = await attest('file:mine', '--dispute')
  t.is(errorOf(idle), `the digest of ${desk.file('mine')} is that of the release`)
  t.is((await attest('file:nowhere')).exit, 15)
  const windows = await attest('file:mine', '--platform', 'win32-x64')
  t.is(errorOf(windows), `release ${short} has nothing for win32-x64`)
  const nothing = await desk.run('a', 'attest', short, ...sure)
  t.is(errorOf(nothing), '--build is missing')

  const equal = await attest('file:mine')
  t.is(equal.exit, 0, errorOf(equal))
  const { data } = last(equal)!
  t.alike([data['equal'], data['organisation'], data['feeds']], [true, 'acme', 1])
  t.ok(/attest .* equal/.test((await desk.run('a', 'log')).stdout))
  // what was kept is lost: the feed has it, and whoever follows the feed offers it to the evidence
  rmSync(`${desk.person('a').home}/evidence`)
  t.absent((await desk.run('a', 'log')).stdout.includes('attest'))
  const look = ['watch', '--once', '--bootstrap', 'none', '--timeout', '1s', '--json']
  const seen = await desk.run('a', ...look)
  const row = seen.lines.find(({ tag }) => tag === 'rollout')
  t.alike(row?.data['attested'], { need: 1, organisations: ['acme'], disputes: [] })
  t.ok((await desk.run('a', 'log')).stdout.includes('attest'))

  const disputed = await attest('file:other', '--dispute')
  t.is(disputed.exit, 0, errorOf(disputed))
  const id = String(last(disputed)?.data['attest'])
  t.ok(/attest .* DISPUTE/.test((await desk.run('a', 'log')).stdout))
  const watched = await desk.run('a', ...look.slice(0, -1))
  t.ok(watched.stdout.includes(`DISPUTE ${id.slice(0, 8)} of acme (a)`), watched.stdout)
  t.ok(watched.stdout.includes('freshness none: no beacon, trust expires in 364 days'))
  const lift = ['--lift', id.slice(0, 8), '-o', 'file:up.req']
  t.alike((await desk.must('a', 'resume', short, ...lift))['lifts'], [id], 'a resume names it')
})

test('an invite ends, whole or slot by slot', { timeout: 60_000 }, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  await desk.must('a', 'invite', '--slots', '3', '-o', 'file:demo.invite')
  const revoke = (...words: readonly string[]) => desk.run('a', 'revoke', ...words, ...sure)
  for (const [words, sentence] of [
    [['file:demo.invite:3', '--alone'], 'slot 3 is outside the invite, which has 3'],
    [['file:demo.invite:70000', '--alone'], 'there is no slot 70000'],
    [['file:gone.invite', '--alone'], `there is no file ${desk.file('gone.invite')}`],
    [['yyyyyyyy', '--alone'], 'no invite made here "yyyyyyyy" is known'],
    [['file:demo.invite', '--alone', '--seeds', '1'], '--alone and --seeds exclude each other']
  ] as const) {
    const ended = await revoke(...words)
    t.is(ended.exit, 2, words[0])
    t.is(errorOf(ended), sentence)
  }
  t.is((await revoke('file:demo.invite:1', '--dry-run')).exit, 0)
  t.is((await desk.run('a', 'log')).stdout.includes('revoke'), false)
  const slot = await revoke('file:demo.invite:2', 'file:demo.invite:1', '--alone')
  t.is(slot.exit, 0, errorOf(slot))
  t.ok(/revoke .* admitted/.test((await desk.run('a', 'log')).stdout))
  const again = await revoke('file:demo.invite:1', '--alone')
  t.is(again.exit, 4)
  t.is(last(again)?.code, 'NOTHING_TO_DO')
  const [first] = (last(slot)?.data['revoked'] ?? []) as readonly { invite: string }[]
  const invite = String(first?.invite)
  const whole = await revoke(invite.slice(0, 6), '--alone')
  t.is(whole.exit, 0, 'by the beginning of its key, the file is not needed')
  t.is((await revoke('file:demo.invite:0', '--alone')).exit, 4, 'all of it is over')
  const mixed = await revoke('file:a.card', '--alone')
  t.is(last(mixed)?.code, 'WRONG_TYPE', 'a card is no invite')
})
