// Three signers, and what they must not be led to sign or commit: each refusal has its exit code
// and its own sentence.
import test from 'brittle'
import { cpSync, writeFileSync } from 'node:fs'
import { errorOf, hintOf, Signers } from './signers.ts'

test(
  'a wrong build, a second number, a mixed-up file and a stranger are refused',
  { timeout: 120_000 },
  async (t) => {
    const desk = new Signers(await t.tmp())
    await desk.found()
    desk.layBuild('build', '1.0.0')
    await desk.propose('r1.req')
    await desk.sign('b', 'r1.req', 'r1.b.sig')

    cpSync(desk.file('build'), desk.file('other'), { recursive: true })
    writeFileSync(desk.file('other/main.js'), 'process.exit(1)\n')
    const args = ['--passphrase-fd', '3', '-y', '--json']
    const build = await desk.run('c', 'sign', 'r1.req', '--build', 'other', ...args)
    t.is(build.exit, 15)
    t.is(build.lines.at(-1)?.code, 'BUILD_MISMATCH')
    t.ok(/^digest of other is \w{8}, the release has \w{8}$/.test(errorOf(build)))

    await desk.propose('r1-again.req', '--label', '1.0.1')
    const twice = await desk.run('b', 'sign', 'r1-again.req', ...args)
    t.is(twice.exit, 12, 'one signer, one number, one statement (S98)')
    t.is(twice.lines.at(-1)?.code, 'EQUIVOCATION')
    t.is(errorOf(twice), '"b" already signed another stable epoch 1 seq 1')
    const same = await desk.run('b', 'sign', 'r1.req', ...args)
    t.is(same.exit, 0, 'the same statement again is fine')

    const crossed = await desk.run('a', 'commit', 'r1-again.req', 'r1.b.sig', '--json')
    t.is(crossed.lines.at(-1)?.code, 'BAD_SIGNATURE', 'an answer to another request (S7)')
    t.is(crossed.exit, 11)
    const mixed = await desk.run('a', 'commit', 'r1.req', 't1.req', '--json')
    t.is(mixed.lines.at(-1)?.code, 'WRONG_TYPE')
    const silent = await desk.run('c', 'sign', 'r1.req', '-y')
    t.is(silent.exit, 2)
    t.is(errorOf(silent), 'a pass phrase is needed and there is no terminal')
    t.ok(hintOf(silent).includes('--passphrase-fd'))
    const unasked = await desk.run('c', 'sign', 'r1.req', '--passphrase-fd', '3')
    t.is(unasked.exit, 2)
    t.is(hintOf(unasked), 'read what it says, then give --yes')

    await desk.newKey('d')
    const stranger = await desk.run('d', 'sign', 't1.req', ...args)
    t.is(stranger.lines.at(-1)?.code, 'BAD_KEY')
    t.ok(errorOf(stranger).startsWith('no key here has a part in trust 1'))
    const elsewhere = 'y'.repeat(51) + 'o'
    const other = await desk.run('a', 'join', elsewhere, '--bootstrap', 'none')
    t.is(other.exit, 2)
    t.ok(errorOf(other).includes('follows network'))
  }
)
