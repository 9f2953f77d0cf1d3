// Three signers and a committed release; then one of them leaves, another comes, and the release
// must still have its quorum.
import test from 'brittle'
import { errorOf, hintOf, Signers } from './signers.ts'

test(
  'a trust that drops a signer keeps running releases, or is refused',
  { timeout: 120_000 },
  async (t) => {
    const desk = new Signers(await t.tmp())
    await desk.found()
    desk.layBuild('build', '1.0.0')
    const release = await desk.propose('r1.req')
    const short = release.slice(0, 8)
    await Promise.all(
      ['a', 'b'].map(async (who) => await desk.sign(who, 'r1.req', `r1.${who}.sig`))
    )
    await desk.must('a', 'commit', 'r1.req', 'r1.a.sig', 'r1.b.sig', '--alone')
    await desk.newKey('d')

    const roles = ['root', 'release', 'brake']
    const moves = roles.flatMap((role) => ['--drop', `${role}=b`, '--add', `${role}=d.card`])
    const proposed = await desk.run('a', 'trust', 'propose', ...moves, '-o', 't2.req')
    t.is(proposed.exit, 0)
    t.ok(/^ {2}\+ release=d \w{8}$/m.test(proposed.stdout))
    t.ok(/^ {2}- release=b \w{8}$/m.test(proposed.stdout))
    await Promise.all(
      ['a', 'c'].map(async (who) => await desk.sign(who, 't2.req', `t2.${who}.sig`))
    )

    const t2 = ['commit', 't2.req', 't2.a.sig', 't2.c.sig', '--alone', '-y', '--json']
    const orphans = await desk.run('a', ...t2)
    t.is(orphans.exit, 10)
    t.is(orphans.lines.at(-1)?.code, 'ORPHANS_RELEASE', 'S91')
    t.is(errorOf(orphans), `trust 2 leaves ${short} (stable) without quorum`)
    t.ok(hintOf(orphans).includes(`ota-publish sign ${short}`))

    await desk.must('a', 'sign', short, '--key', 'a', '--passphrase-fd', '3', '-o', 'again.sig')
    await desk.sign('c', 'r1.req', 'r1.c.sig')
    await desk.must('a', 'commit', short, 'r1.c.sig', '--alone')
    const second = await desk.run('a', ...t2)
    t.is(second.exit, 0, errorOf(second))
    t.ok(/@2:\w{52}$/.test(String(second.lines.at(-1)?.data['join'])), 'the checkpoint moves along')
    const trust = await desk.run('a', 'trust', 'show')
    t.ok(/release {2}2 of 3 {2}a \w+, c \w+, d \w+/.test(trust.stdout))
    t.ok(/issued .*, expires /.test(trust.stdout))
    const log = await desk.run('a', 'log')
    t.ok(
      /release .* admitted {2}3 signatures/.test(log.stdout),
      'the same statement, one more signature'
    )

    const bad = await desk.run('a', 'trust', 'propose', '--drop', 'release=nobody')
    t.is(errorOf(bad), 'role release has no "nobody"')
    const split = await desk.run('a', 'trust', 'propose', '--need', 'release=1', '--json')
    t.is(split.lines.at(-1)?.code, 'SPLIT_QUORUM')
  }
)
