import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import test from 'brittle'
import { isOtaError, MIB, toText } from '../../lib/base/index.ts'
import { findJail, runJailed, type Jail, type JailEnd, type JailJob } from '../../lib/host/index.ts'

const limits = {
  timeMs: 20_000,
  memoryBytes: 1_024 * MIB,
  tmpBytes: 8 * MIB,
  fileBytes: 8 * MIB,
  outputBytes: 64 * 1_024,
  processes: 64
}

const found = [
  await findJail({ kinds: ['bwrap'] }),
  await findJail({ kinds: ['unshare'] })
].flatMap((one) => (one.tag === 'jail' ? [one.jail] : []))
/** Containers and hardened kernels permit no namespaces: there is nothing to try then. */
const skip = found.length === 0

async function inJail(jail: Jail, job: Partial<JailJob>): Promise<JailEnd> {
  const base = { cwd: '/tmp', readOnly: [], writable: [], env: new Map(), limits, argv: [] }
  return await runJailed(jail, { ...base, ...job })
}

async function shell(jail: Jail, script: string, more: Partial<JailJob> = {}): Promise<string> {
  const end = await inJail(jail, { argv: ['sh', '-c', script], ...more })
  return toText(end.output)
}

test('a jail shows a read-only system, its own folders and nothing else', { skip }, async (t) => {
  for (const jail of found) {
    const folder = await t.tmp()
    for (const name of ['shown', 'work']) mkdirSync(join(folder, name))
    writeFileSync(join(folder, 'shown/a b'), 'read me')
    writeFileSync(join(folder, 'secret'), 'key', { mode: 0o644 })
    const readOnly = [{ path: join(folder, 'shown'), at: '/shown' }]
    const writable = [{ path: join(folder, 'work'), at: '/work' }]
    const places = { readOnly, writable, cwd: '/work' }
    const listed = await shell(jail, 'ls /; pwd; cat "/shown/a b"; echo done > made', places)
    t.alike(
      listed.split('\n').filter((name) => ['home', 'root', 'var', 'sys', 'run'].includes(name)),
      [],
      jail.kind
    )
    t.is(listed.slice(-13), '/work\nread me')
    t.is(readFileSync(join(folder, 'work/made'), 'utf8'), 'done\n')
    const tried = [
      'echo x > /shown/b',
      'echo x > /x',
      'echo x > /usr/x',
      'echo x > /etc/passwd',
      `cat ${folder}/secret`,
      'cat /etc/shadow',
      'grep -q OTA_TEST /proc/*/environ',
      'cat /root/.ssh/id_ed25519 ~/.config/upswell/keys/*',
      'mount -o remount,bind,rw /shown && echo x > /shown/b',
      'mount -t tmpfs x /usr'
    ]
    process.env['OTA_TEST_SECRET'] = 'secret'
    for (const script of tried) {
      const { exit } = await inJail(jail, { argv: ['sh', '-c', script], ...places })
      t.ok(exit !== 0, `${jail.kind}: ${script}`)
    }
    delete process.env['OTA_TEST_SECRET']
    t.alike(readdirSync(join(folder, 'shown')), ['a b'])
    t.absent(existsSync('/usr/x'))
  }
})

test(
  'a jail has no network, not even loopback, and none of our environment',
  { skip },
  async (t) => {
    const server = createServer((socket) => socket.end('in'))
    const port = await listening(server)
    process.env['OTA_TEST_SECRET'] = 'secret'
    try {
      for (const jail of found) {
        const connect = `require('net').connect(${port}, '127.0.0.1')
        .on('connect', () => console.log('in')).on('error', (e) => console.log(e.code))
      require('dns').lookup('example.org', (e) => console.log(e?.code ?? 'found'))`
        const said = await inJail(jail, { argv: ['node', '-e', connect] })
        t.absent(/\bin\b|found/.test(toText(said.output)))
        const env = await shell(jail, 'env', { env: new Map([['GIVEN', 'a=b c']]) })
        const names = env.split('\n').map((line) => line.split('=')[0])
        const given = ['', 'GIVEN', 'PATH', 'PWD']
        t.alike(new Set(names), new Set(given), 'the shell adds PWD')
        t.ok(env.includes('GIVEN=a=b c'))
        const who = await shell(
          jail,
          'id -u; ls -1 /proc | grep -c "^[0-9]"; ls /proc/self/fd | wc -l'
        )
        const [uid, processes, files] = who.split('\n').map(Number)
        t.is(uid, 65_534)
        t.ok((processes ?? 99) < 10, `${processes} processes are seen`)
        t.ok((files ?? 99) <= 5, `${files} files are open`)
      }
    } finally {
      delete process.env['OTA_TEST_SECRET']
      server.close()
    }
  }
)

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('a program ends as it ended, and what it started ends with it', { skip }, async (t) => {
  for (const jail of found) {
    const seven = await inJail(jail, { argv: ['sh', '-c', 'echo out; echo err >&2; exit 7'] })
    t.alike([seven.exit, seven.signal, toText(seven.stdout)], [7, null, 'out\n'])
    t.ok(toText(seven.output).includes('err\n'))
    const shot = await inJail(jail, { argv: ['sh', '-c', 'kill -9 $$'] })
    t.alike([shot.exit, shot.signal], [null, 'SIGKILL'])
    t.is((await inJail(jail, { argv: ['no-such-program'] })).exit, 127)
    const left = await inJail(jail, {
      argv: ['sh', '-c', 'sleep 1000 & setsid sleep 1000 & exit 0']
    })
    t.is(left.exit, 0, 'does not wait for what was left running')
  }
})

test('a program that hangs, forks for ever or fills anything is stopped', { skip }, async (t) => {
  for (const jail of found) {
    const hung = await inJail(jail, {
      argv: ['sh', '-c', 'trap "" TERM INT; setsid sleep 1000 & sleep 1000'],
      limits: { ...limits, timeMs: 500 }
    })
    t.alike([hung.timedOut, hung.exit, hung.signal], [true, null, 'SIGKILL'])
    const forked = await inJail(jail, {
      argv: ['sh', '-c', 'f() { f | f & }; f; sleep 1000'],
      limits: { ...limits, timeMs: 1_500, processes: 32 }
    })
    t.ok(forked.exit !== 0 && toText(forked.output).toLowerCase().includes('fork'), 'no more forks')
    const loud = await inJail(jail, {
      argv: ['head', '-c', '1000000000', '/dev/zero'],
      limits: { ...limits, outputBytes: 100_000 }
    })
    t.alike([loud.overflowed, loud.output.byteLength, loud.exit], [true, 100_000, null])
    const greedy = ['node', '-e', 'Buffer.alloc(900e6, 1); console.log("got it")']
    const eaten = await inJail(jail, {
      argv: greedy,
      limits: { ...limits, memoryBytes: 512 * MIB }
    })
    t.ok(eaten.exit !== 0 && !toText(eaten.output).includes('got it'), 'memory')
    const disk = await inJail(jail, { argv: ['sh', '-c', 'head -c 20000000 /dev/zero > /tmp/x'] })
    t.ok(disk.exit !== 0, 'tmp and files are bounded')
    const work = await t.tmp()
    const big = await inJail(jail, {
      argv: ['sh', '-c', 'head -c 20000000 /dev/zero > big'],
      writable: [{ path: work, at: '/work' }],
      cwd: '/work'
    })
    t.ok(big.exit !== 0, 'one file is bounded')
  }
})

test('a jail dies with whoever started it', { skip }, async (t) => {
  for (const { kind } of found) {
    const work = await t.tmp()
    const index = new URL('../../lib/host/index.js', import.meta.url).href
    const code = `import { findJail, runJailed } from '${index}'
      const { jail } = await findJail({ kinds: ['${kind}'] })
      const script = 'echo up > /work/up; while :; do date +%N > /work/beat; sleep 0.02; done'
      await runJailed(jail, { argv: ['sh', '-c', script], cwd: '/work', readOnly: [],
        writable: [{ path: '${work}', at: '/work' }], env: new Map(),
        limits: ${JSON.stringify(limits)} })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' })
    while (!existsSync(join(work, 'up'))) await pause(20)
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    // the signal travels from process to process; then nothing beats any more
    let before = ''
    for (let same = 0, look = 0; same < 10 && look < 200; look++) {
      await pause(30)
      const beat = readFileSync(join(work, 'beat'), 'utf8')
      same = beat === before ? same + 1 : 0
      before = beat
      if (look === 199) t.fail(`${kind}: it lives on`)
    }
    t.pass(kind)
  }
})

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

test('a jail that cannot be made is said, and nothing runs outside of one', async (t) => {
  const none = await findJail({ path: '/nonexistent' })
  t.is(none.tag, 'none')
  t.ok(none.tag === 'none' && none.why.includes('unshare is not installed'))
  // programs of these names that are no jail: they run what they are given, or fail
  const folder = await t.tmp()
  const log = join(folder, 'ran')
  writeFileSync(join(folder, 'unshare'), `#!/bin/sh\ntouch ${log}\nexit 1\n`, { mode: 0o755 })
  writeFileSync(join(folder, 'setpriv'), '#!/bin/sh\nshift 2\nexec "$@"\n', { mode: 0o755 })
  const refused = await findJail({ path: `${folder}:/usr/bin:/bin`, kinds: ['unshare'] })
  t.is(refused.tag, 'none', 'found by trying it')
  t.ok(existsSync(log))
  writeFileSync(
    join(folder, 'unshare'),
    '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n',
    { mode: 0o755 }
  )
  const fooled = await findJail({ path: `${folder}:/usr/bin:/bin`, kinds: ['unshare'] })
  t.is(fooled.tag === 'none' && fooled.why, 'unshare: what runs in it is not kept apart')
  const [jail] = found
  if (jail === undefined) return
  try {
    await inJail(jail, { argv: ['true'], readOnly: [{ path: join(folder, 'no'), at: '/no' }] })
    t.fail('a jail without what it shall show')
  } catch (error) {
    t.ok(isOtaError(error, 'CANNOT_BUILD'))
  }
})
