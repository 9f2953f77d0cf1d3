// What a signer reads before signing: all of it comes from the bytes that are signed.
import test from 'brittle'
import { chmodSync, cpSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf } from './signers.ts'

stretchLess()

async function release(desk: InsideDesk, name: string, ...more: string[]): Promise<string> {
  const id = await desk.propose('a', name, ...more)
  const answers = await desk.sign(name, 'a', 'b')
  await desk.must('a', 'commit', `file:${name}.req`, ...answers, '--alone')
  return id
}

test('review shows what changed since the last release: files, hooks, policy', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2')
  desk.layBuild('build', '1.0.0')
  writeFileSync(desk.file('build/old.txt'), 'gone next time')
  writeFileSync(desk.file('build/run.sh'), '#!/bin/sh\n')
  const r1 = await release(desk, 'r1')
  desk.layBuild('build', '2.0.0', {
    network: { expect: ['tcp:db.example.org:5432'] },
    state: { class: 'snapshot', schema: 2, from: [1, 2], kinds: { rows: { is: 'durable' } } },
    migrate: { run: ['node', 'up.js'] },
    check: { run: ['node', 'check.js'] },
    env: { MODE: 'new' }
  })
  rmSync(desk.file('build/old.txt'))
  chmodSync(desk.file('build/run.sh'), 0o755)
  symlinkSync('main.js', desk.file('build/link.js'))
  const notes = '\u001b[2Jall \u202egood'
  writeFileSync(desk.file('NOTES'), notes.replaceAll('\u001b', ''))
  await desk.propose('a', 'r2', '--plan', 'urgent', '--nodes', '3000', '--notes', 'file:NOTES')
  const { stdout, exit, stderr } = await desk.run('a', 'review', 'file:r2.req')
  t.is(exit, 0, stderr)
  const lines = stdout.split('\n')
  const has = (line: string | RegExp): void => {
    const found = lines.some((one) => (typeof line === 'string' ? one === line : line.test(one)))
    t.ok(found, String(line))
  }
  has(`compared with release ${r1.slice(0, 8)}  epoch 1 seq 1  label "1.0.0"`)
  has('files +1 -1 ~3')
  has('  + link.js  link to main.js  0 B')
  has('  - old.txt  14 B')
  has('  ~ main.js  21 B, was 21 B')
  has('  ~ run.sh  may be run  10 B, was 10 B, was a plain file')
  has(/^ {2}~ ota\.json {2}\d+ B, was \d+ B$/)
  has(/^hooks migrate: node up\.js, check: node check\.js {2}state snapshot, schema 2, from 1 2/)
  has(/egress tcp:db\.example\.org:5432$/)
  has(/^ota\.json \d+ values changed$/)
  has('  network.expect: tcp:db.example.org:5432, was none')
  has('  state.class: snapshot, was none')
  has('environment MODE=new')
  has(/^policy against the last release: \d+ values changed$/)
  has('attestations none needed')
  has('order can be steered by the drafter: no drawer is named')
  has('notes "[2Jall \\u{202e}good"')
  t.absent(stdout.includes('\u202e'), 'foreign text is escaped (S87)')
  const machine = await desk.must('a', 'review', 'file:r2.req')
  t.is(machine['attest'], 0)
  t.is(String(machine['last']), r1)
})

test('review says that no node can go on from the last release, and why (S50)', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2')
  const check = { run: ['node', 'check.js'] }
  const kinds = { rows: { is: 'durable' }, cache: { is: 'ephemeral' } }
  desk.layBuild('build', '1.0.0', { state: { class: 'snapshot', schema: 1, kinds }, check })
  await release(desk, 'r1')
  desk.layBuild('build', '2.0.0', { state: { class: 'snapshot', schema: 2 }, check })
  await desk.propose('a', 'r2')
  const { stdout } = await desk.run('a', 'review', 'file:r2.req')
  const from = 'no node goes on from the last release'
  const lines = stdout.split('\n').filter((line) => line.startsWith(from))
  t.alike(lines, [
    `${from}: state schema 1 is not among those it goes on from (none)`,
    `${from}: kind "rows" of the state is neither kept nor retired`
  ])
})

test('each platform is rebuilt by itself; one that was not is named', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2')
  desk.layBuild('linux', '1.0.0')
  desk.layBuild('mac', '1.0.0')
  writeFileSync(desk.file('mac/only-mac'), 'x')
  for (const [name, platform] of [
    ['linux', 'linux-arm64'],
    ['mac', 'darwin-arm64']
  ] as const) {
    await desk.must('a', 'pack', `file:${name}`, '--platform', platform, '-o', `file:${name}.pack`)
  }
  const kind = ['--channel', 'stable', '--kind', 'code', '-o', 'file:r1.req']
  await desk.must('a', 'propose', 'file:linux.pack', 'file:mac.pack', ...kind)
  for (const name of ['linux', 'mac']) {
    cpSync(desk.file(name), desk.file(`my-${name}`), { recursive: true })
  }
  const review = ['review', 'file:r1.req']
  const unnamed = await desk.run('b', ...review, '--build', 'file:my-linux')
  t.is(unnamed.exit, 2)
  t.ok(errorOf(unnamed).startsWith('the release has nothing for '))
  t.ok(hintOf(unnamed).includes('it has linux-arm64, darwin-arm64'))

  const one = await desk.run('b', ...review, '--build', 'file:my-mac', '--platform', 'darwin-arm64')
  t.is(one.exit, 0, errorOf(one))
  t.ok(one.stdout.includes("linux-arm64 was not built here: its files are the drafter's"))
  t.ok(one.stdout.includes('  + only-mac  1 B'))
  const both = ['--build', 'linux-arm64=file:my-linux', '--build', 'darwin-arm64=file:my-mac']
  const all = await desk.run('b', 'sign', 'file:r1.req', ...both, '-y', '-o', 'file:r1.b.sig')
  t.is(all.exit, 0, errorOf(all))
  t.is(all.stdout.match(/equal the release/g)?.length, 2)
  t.absent(all.stdout.includes('was not built here'))

  const crossed = ['--build', 'linux-arm64=file:my-mac', '--build', 'darwin-arm64=file:my-linux']
  const wrong = await desk.run('b', 'sign', 'file:r1.req', ...crossed, '-y', '--json')
  t.is(wrong.exit, 15)
  t.is(wrong.lines.at(-1)?.code, 'BUILD_MISMATCH')
  const twice = ['--build', 'linux-arm64=file:my-linux', '--build', 'linux-arm64=file:my-linux']
  const doubled = await desk.run('b', ...review, ...twice)
  t.is(errorOf(doubled), '--build is given twice for linux-arm64')
})

test('a build that differs anywhere is refused before anything is asked', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2')
  desk.layBuild('build', '1.0.0')
  await desk.propose('a', 'r1')
  const changes: readonly [string, () => void][] = [
    ['one byte more', () => writeFileSync(desk.file('mine/main.js'), "console.log('1.0.0') \n")],
    ['one file more', () => writeFileSync(desk.file('mine/more'), '')],
    ['one file less', () => rmSync(desk.file('mine/main.js'))],
    ['a program out of a file', () => chmodSync(desk.file('mine/main.js'), 0o755)]
  ]
  for (const [name, change] of changes) {
    rmSync(desk.file('mine'), { recursive: true, force: true })
    cpSync(desk.file('build'), desk.file('mine'), { recursive: true })
    change()
    const ended = await desk.run('b', 'sign', 'file:r1.req', '--build', 'file:mine', '-y', '--json')
    t.is(ended.lines.at(-1)?.code, 'BUILD_MISMATCH', name)
    t.absent(ended.lines.some(({ tag }) => tag === 'sign'))
  }
})

test('review of a trust says who comes, who goes, and every other change', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const beacon = ['--beacon', 'file:n.card', '--builder', 'acme=file:n.card', '--attest', '1']
  await desk.newKeys('n', 'd')
  const cards = ['a', 'b', 'c'].flatMap((label) => ['--card', `file:${label}.card`])
  await desk.newKeys('a', 'b', 'c')
  const init = ['init', '--name', 'demo', ...cards, ...beacon, '--enroller', 'file:a.card']
  const said = await desk.run('a', ...init, '-o', 'file:t1.req')
  t.ok(
    said.stdout.includes('1 of 1 organisation must attest; fresh by 1 of 1 beacon;'),
    said.stdout
  )
  const t1 = await desk.sign('t1', 'a', 'b', 'c', 'n')
  await desk.must('a', 'commit', 'file:t1.req', ...t1)
  const propose = ['trust', 'propose', '--drop', 'release=c', '--add', 'release=file:d.card']
  const more = ['--add', 'build=other=file:d.card', '--need', 'build=2', '--raise-epoch']
  await desk.must('a', ...propose, ...more, '--expires', '90d', '-o', 'file:t2.req')
  const review = await desk.run('a', 'trust', 'review', 'file:t2.req')
  t.is(review.exit, 0, errorOf(review))
  for (const line of [
    /^against trust 1:$/m,
    /^ {2}\+ release=d \w{8}$/m,
    /^ {2}- release=c \w{8}$/m,
    /^ {2}\+ build=d \w{8} for other$/m,
    /^ {2}~ build needs 2 of 2, was 1 of 1$/m,
    /^ {2}~ epoch 2, was 1$/m,
    /^ {4}releases of epoch 1 and below count no more; seq begins anew$/m,
    /^ {2}~ expires .*, was .*$/m,
    /^build {4}2 of 2 {2}d \w{8} for other, n \w{8} for acme$/m
  ]) {
    t.ok(line.test(review.stdout), String(line))
  }
  desk.layBuild('build', '1.0.0')
  await desk.propose('a', 'r1')
  const release1 = await desk.run('a', 'review', 'file:r1.req')
  t.ok(release1.stdout.includes('attestations of 1 organisation before any node installs it'))
})

test('review of a control shows what it is about and every bound it sets', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2')
  desk.layBuild('build', '1.0.0')
  const r1 = (await release(desk, 'r1')).slice(0, 8)
  desk.layBuild('build', '2.0.0')
  const r2 = (await release(desk, 'r2', '--plan', 'short', '--nodes', '3000')).slice(0, 8)
  const abort = ['abort', r2, '--floor', r1, '--reason', 'loses\u200b data', '-o', 'file:abort.req']
  await desk.must('a', ...abort)
  const shown = await desk.run('a', 'review', 'file:abort.req')
  const named = `release ${r2}  stable epoch 1 seq 2 "2.0.0"`
  t.ok(shown.stdout.startsWith(`abort of ${named}\n  it ends for good`), shown.stdout)
  t.ok(shown.stdout.includes(`  floor: no node goes below release ${r1}  stable epoch 1 seq 1`))
  t.ok(shown.stdout.includes('  reason "loses\\u{200b} data"'))
  const answers = await desk.sign('abort', 'a', 'b')
  const done = await desk.must('a', 'commit', 'file:abort.req', ...answers, '--alone')
  const id = String(done['id'])
  await desk.must('a', 'resume', r2, '--lift', id, '-o', 'file:resume.req')
  const resume = await desk.run('a', 'review', 'file:resume.req')
  t.ok(resume.stdout.includes('  resume number 1, a new one'))
  t.ok(resume.stdout.includes(`  lifts abort ${id.slice(0, 8)} "loses\\u{200b} data"`))
  await desk.must('a', 'widen', r2, '--to', '2', '-o', 'file:widen.req')
  const widen = await desk.run('a', 'review', 'file:widen.req')
  t.ok(/^ {2}to stage 2 of \d: 10\.0 % of the fleet$/m.test(widen.stdout), widen.stdout)

  // one signer, one resume number, one statement
  await desk.sign('resume', 'a')
  const again = ['resume', r2, '--lift', id, '--reason', 'again']
  const next = await desk.must('a', ...again, '-o', 'file:next.req')
  t.is(next['number'], 2, 'who signed 1 drafts 2')
  rmSync(desk.file('home-a/keys/a.journal'))
  await desk.must('a', ...again, '-o', 'file:other.req')
  await desk.sign('resume', 'a')
  const other = await desk.run('a', 'sign', 'file:other.req', '-y', '--json')
  t.is(other.lines.at(-1)?.code, 'EQUIVOCATION', errorOf(other))
})
