// Three signers at one desk, each with keys and a home of their own: the ceremony as it is typed.
import test from 'brittle'
import { cpSync } from 'node:fs'
import { errorOf, hintOf, Signers } from './signers.ts'

test(
  'two of three signers bring a release from nothing to a feed',
  { timeout: 120_000 },
  async (t) => {
    const desk = new Signers(await t.tmp())
    const join = await desk.found()
    const network = join.split('@')[0]
    t.is(join, `${network}@1:${network}`, 'the id of trust 1 is the network id')
    t.is((await desk.run('a', 'join')).stdout, `${join}\n`)

    desk.layBuild('build', '1.0.0')
    const pack = await desk.run('a', 'pack', 'build', '-o', 'app.pack')
    t.ok(/^tree \w{8} {2}linux-x64|darwin-\w+ {2}2 files {2}\d+ B {2}core \w{8}/.test(pack.stdout))
    const release = await desk.propose('r1.req')

    cpSync(desk.file('build'), desk.file('my-build'), { recursive: true })
    const review = await desk.run('b', 'review', 'r1.req', '--build', 'my-build')
    t.is(review.exit, 0)
    t.ok(/^digest of my-build \w{8} and core key \w{8} equal the release\n/.test(review.stdout))
    t.ok(/^ {2}\+ main\.js {2}21 B\n {2}\+ ota\.json {2}\d+ B$/m.test(review.stdout), 'every file')
    t.ok(review.stdout.includes('hooks none  state none  egress none'))
    t.ok(review.stdout.endsWith('order can be steered by the drafter: no drawer is named\n'))

    await desk.sign('b', 'r1.req', 'r1.b.sig', '--build', 'my-build')
    const short = await desk.run('a', 'commit', 'r1.req', 'r1.b.sig', '--json')
    t.is(short.exit, 10)
    t.alike(short.lines[0], {
      tag: 'verify',
      data: { release, have: 1, need: 2, signers: ['b'] }
    })
    const final = short.lines.at(-1)!
    t.alike(
      [final.tag, final.ok, final.code, final.exit],
      ['final', false, 'THRESHOLD_NOT_MET', 10]
    )
    t.alike(final.data, { have: 1, need: 2 })
    t.is(errorOf(short), `release ${release.slice(0, 8)} has 1 of 2 signatures (b)`)
    t.is(hintOf(short), 'ask a or c to run: ota-publish sign r1.req')

    await desk.sign('a', 'r1.req', 'r1.a.sig')
    const whole = await desk.run('c', 'verify', 'r1.req', 'r1.a.sig', 'r1.b.sig')
    t.is(whole.exit, 0, 'c signed trust 1, so c can count under it before having joined')
    const committed = await desk.run(
      'a',
      'commit',
      'r1.req',
      'r1.a.sig',
      'r1.b.sig',
      '--alone',
      '-y'
    )
    t.is(committed.exit, 0)
    t.ok(committed.stdout.startsWith('appended to 1 feed, live; 0 full copies elsewhere: keep'))
    const log = await desk.run('a', 'log')
    t.ok(/release .* admitted {2}2 signatures {2}stable epoch 1 seq 1 "1\.0\.0"/.test(log.stdout))

    desk.layBuild('build', '1.1.0')
    const next = await desk.propose('r2.req')
    const wait = await desk.run('a', 'review', 'r2.req')
    t.ok(wait.stdout.includes('files +0 -0 ~2'), 'files are compared with the release before')
    t.not(next, release)
  }
)
