// Keys that lie in no key file of ours: behind a program, or in an ssh-agent.
import test from 'brittle'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { toName } from '../../lib/trust/index.ts'
import { InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf } from './signers.ts'

stretchLess()

interface Token {
  /** `--sign-with` of a program that signs as it should. */
  readonly command: string
  /** The public key in z32. */
  readonly key: string
}

/** A program that holds a key: it signs its stdin, unless the second word tells it otherwise. */
const program = `
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
const [file, how = 'well'] = process.argv.slice(2)
const message = readFileSync(0)
const key = createPrivateKey({ key: readFileSync(file), format: 'der', type: 'pkcs8' })
const signature = sign(null, message, key)
if (how === 'refuse') { process.stderr.write('token: wrong PIN\\n'); process.exit(7) }
if (how === 'hex') process.stdout.write(signature.toString('hex'))
else if (how === 'hang') setInterval(() => {}, 1000)
else if (how === 'other') process.stdout.write(sign(null, Buffer.from('other'), key))
else if (how === 'keep') { writeFileSync(file + '.seen', message); process.stdout.write(signature) }
else process.stdout.write(signature)
`

function newToken(desk: InsideDesk, name: string): Token {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const script = desk.file('my token.mjs')
  writeFileSync(script, program)
  writeFileSync(desk.file(name), privateKey.export({ format: 'der', type: 'pkcs8' }))
  return {
    command: `${process.execPath} '${script}' ${desk.file(name)}`,
    key: toName(rawOf(publicKey))
  }
}

function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-32))
}

test('a program signs exactly the bytes of the request, and has the only seed', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const token = newToken(desk, 'token')
  const made = ['keys', 'new', '--label', 'h', '--sign-with', token.command, '--public', token.key]
  const info = await desk.must('h', ...made, '-o', 'file:h.card')
  t.is(info['elsewhere'], true)
  t.is(info['key'], token.key)
  const file = desk.file('home-h/keys/h.key')
  t.is(statSync(file).mode & 0o777, 0o600)
  const listed = await desk.run('h', 'keys', 'list')
  t.ok(/^h {2}key \w{8} {2}feed \w{8} {2}signs elsewhere\n$/.test(listed.stdout))

  await desk.newKeys('a')
  const cards = ['--card', 'file:a.card', '--card', 'file:h.card', '--draw', 'file:h.card']
  const init = ['init', '--name', 'demo', ...cards, '--open', '-o', 'file:t1.req']
  await desk.must('a', ...init)
  const plain = await desk.run('h', 'sign', 'file:t1.req', '-y')
  t.is(plain.exit, 2)
  t.is(errorOf(plain), 'key "h" lies elsewhere: its file has no seed')
  t.ok(hintOf(plain).includes('--sign-with'))

  const keeping = ['--sign-with', `${token.command} keep`]
  await desk.must('h', 'sign', 'file:t1.req', ...keeping, '-o', 'file:t1.h.sig')
  const seen = readFileSync(desk.file('token.seen'))
  t.is(
    seen.subarray(0, 19).toString(),
    'upswell/statement/1',
    'the statement itself, no hash of it'
  )
  const answers = ['file:t1.h.sig', ...(await desk.sign('t1', 'a'))]
  const committed = await desk.run('a', 'commit', 'file:t1.req', ...answers, '-y')
  t.is(committed.exit, 0, errorOf(committed))

  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('a', 'r1', '--draw', 'h')
  const signed = await desk.run('h', 'sign', 'file:r1.req', ...keeping, '-y', '-o', 'file:r1.h.sig')
  t.is(signed.exit, 0, errorOf(signed))
  const verified = await desk.run(
    'a',
    'verify',
    'file:r1.req',
    'file:r1.h.sig',
    ...(await desk.sign('r1', 'a'))
  )
  t.is(verified.exit, 0, 'a drawer whose key lies elsewhere gives her value too')

  const r1 = ['file:r1.req', 'file:r1.h.sig', 'file:r1.a.sig']
  await desk.must('a', 'commit', ...r1, '--alone')
  // h follows the network by committing the same files, and acts with the same key
  await desk.must('h', 'commit', 'file:t1.req', ...answers)
  await desk.must('h', 'pack', 'file:build', '-o', 'file:h.pack')
  await desk.must('h', 'commit', ...r1, '--alone')
  const brake = ['brake', release.slice(0, 8), '--reason', 'look', '--alone', '-y']
  const braked = await desk.run('h', ...brake, '--sign-with', token.command)
  t.is(braked.exit, 0, errorOf(braked))
})

test('a program that fails, babbles, hangs or signs something else is refused', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.newKeys('a')
  const token = newToken(desk, 'token')
  const made = ['keys', 'new', '--label', 'h', '--public', token.key, '--sign-with']
  const card = ['-o', 'file:h.card']
  const cases: readonly [string, string, number, string][] = [
    ['refuse', 'SIGNER_FAILED', 1, `the signing program ${process.execPath} ended with 7`],
    [
      'hex',
      'SIGNER_FAILED',
      1,
      `the signing program ${process.execPath} printed 128 bytes, need 64`
    ],
    ['other', 'BAD_SIGNATURE', 11, 'what signs for "h" gave no signature of that key']
  ]
  for (const [how, code, exit, sentence] of cases) {
    const ended = await desk.run('h', ...made, `${token.command} ${how}`, ...card, '--json')
    t.is(ended.exit, exit, how)
    t.is(ended.lines.at(-1)?.code, code)
    t.is(errorOf(ended), sentence)
    t.absent(existsSync(desk.file('home-h/keys/h.key')), 'nothing is half made')
    t.absent(existsSync(desk.file('h.card')))
  }
  const hang = await desk.run('h', ...made, `${token.command} hang`, ...card, '--timeout', '1s')
  t.is(hang.exit, 75)
  t.ok(errorOf(hang).endsWith('gave no signature in 1 s'))
  const none = await desk.run('h', ...made, '/no/such/program', ...card)
  t.is(none.exit, 1)
  t.is(errorOf(none), 'the signing program /no/such/program cannot be started: ENOENT')
  const quote = await desk.run('h', ...made, "x 'y", ...card)
  t.is(quote.exit, 2)
  t.is(errorOf(quote), "--sign-with: a quote ' is not closed")
  const lone = await desk.run('h', 'keys', 'new', '--label', 'h', '--public', token.key)
  t.is(errorOf(lone), '--sign-with and --public go together')
})

test('the journal binds a key that lies elsewhere too, also when its program failed', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const token = newToken(desk, 'token')
  const made = ['keys', 'new', '--label', 'h', '--sign-with', token.command, '--public', token.key]
  await desk.must('h', ...made, '-o', 'file:h.card')
  const init = ['init', '--name', 'demo', '--card', 'file:h.card', '--open', '-o', 'file:t1.req']
  await desk.must('h', ...init)
  const well = ['--sign-with', token.command]
  await desk.must('h', 'sign', 'file:t1.req', ...well, '-o', 'file:t1.h.sig')
  await desk.must('h', 'commit', 'file:t1.req', 'file:t1.h.sig')
  desk.layBuild('build', '1.0.0')
  await desk.propose('h', 'r1')
  await desk.propose('h', 'other', '--label', '1.0.1')
  // the number is written down, then the program fails: as a crash between the two would leave it
  const failed = await desk.run(
    'h',
    'sign',
    'file:r1.req',
    '--sign-with',
    `${token.command} refuse`,
    '-y'
  )
  t.is(failed.exit, 1)
  t.absent(existsSync(desk.file('r1.h.sig')))
  const other = await desk.run('h', 'sign', 'file:other.req', ...well, '-y', '--json')
  t.is(other.lines.at(-1)?.code, 'EQUIVOCATION', 'S98')
  const again = await desk.run('h', 'sign', 'file:r1.req', ...well, '-y')
  t.is(again.exit, 0, 'the same statement is signed after all')
})

interface AgentProcess {
  readonly socketPath: string
  readonly add: (file: string) => void
}

/** OpenSSH's own agent; null where it is not installed. */
async function sshAgent(
  folder: string,
  ended: (fn: () => void) => void
): Promise<AgentProcess | null> {
  if (spawnSync('ssh-add', ['-L']).error !== undefined) return null
  const socketPath = join(folder, 'agent')
  const agent: ChildProcess = spawn('ssh-agent', ['-D', '-a', socketPath], { stdio: 'ignore' })
  ended(() => agent.kill())
  const failed = new Promise<never>((_, reject) => agent.once('error', reject))
  const add = (file: string): void => {
    spawnSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socketPath } })
  }
  const listening = async (): Promise<void> => {
    while (!existsSync(socketPath)) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await Promise.race([listening(), failed])
  return { socketPath, add }
}

function sshKey(file: string, kind = 'ed25519'): string {
  spawnSync('ssh-keygen', ['-q', '-t', kind, '-N', '', '-C', 'a comment', '-f', file])
  return file
}

test('an Ed25519 key in ssh-agent signs, and gets a card from its public half', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const agent = await sshAgent(desk.folder, (fn) => t.teardown(fn))
  if (agent === null) {
    t.comment('skipped: there is no ssh-agent and ssh-add on this machine')
    t.pass('skipped')
    return
  }
  const key = sshKey(desk.file('id'))
  desk.person('s', { SSH_AUTH_SOCK: agent.socketPath })
  const made = ['keys', 'new', '--label', 's', '--sign-with', 'ssh-agent', '-o', 'file:s.card']
  const early = await desk.run('s', ...made, '--public', `${key}.pub`)
  t.is(early.exit, 1)
  t.is(errorOf(early), 'ssh-agent does not hold this key; it holds no Ed25519 key')
  agent.add(sshKey(desk.file('rsa'), 'rsa'))
  agent.add(sshKey(desk.file('another')))
  const another = await desk.run('s', ...made, '--public', `${key}.pub`)
  t.is(errorOf(another), 'ssh-agent does not hold this key; it holds 1 other Ed25519 key')
  const rsa = await desk.run('s', ...made, '--public', desk.file('rsa.pub'), '--json')
  t.is(rsa.lines.at(-1)?.code, 'BAD_KEY')
  t.ok(errorOf(rsa).endsWith('holds a key of kind ssh-rsa, need ssh-ed25519'))
  agent.add(key)
  await desk.must('s', ...made, '--public', `${key}.pub`)
  const init = ['init', '--name', 'demo', '--card', 'file:s.card', '--open', '-o', 'file:t1.req']
  await desk.must('s', ...init)
  await desk.must('s', 'sign', 'file:t1.req', '--sign-with', 'ssh-agent', '-o', 'file:t1.s.sig')
  const committed = await desk.run('s', 'commit', 'file:t1.req', 'file:t1.s.sig', '-y')
  t.is(committed.exit, 0, errorOf(committed))
})

test('what is no agent, or an agent that is gone, is named', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const token = newToken(desk, 'token')
  const made = ['keys', 'new', '--label', 's', '--sign-with', 'ssh-agent', '--public', token.key]
  const unset = await desk.run('s', ...made)
  t.is(errorOf(unset), 'there is no ssh-agent: SSH_AUTH_SOCK is not set')
  desk.person('gone', { SSH_AUTH_SOCK: desk.file('gone') })
  const gone = await desk.run('gone', ...made)
  t.is(gone.exit, 1)
  t.is(errorOf(gone), `no ssh-agent answers at ${desk.file('gone')}: ENOENT`)

  const answers: readonly [string, string, string][] = [
    [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      '2m',
      'what answers at SSH_AUTH_SOCK does not speak as an agent'
    ],
    ['\0\0\0\x01\x05', '2m', 'what answers at SSH_AUTH_SOCK does not speak as an agent'],
    [
      '\0\0\0\x05\x0c\xff\xff\xff\xff',
      '2m',
      'what answers at SSH_AUTH_SOCK does not speak as an agent'
    ],
    ['\0\0\0\x05', '1s', 'ssh-agent gave no signature in 1 s']
  ]
  for (const [index, [answer, timeout, sentence]] of answers.entries()) {
    const path = desk.file(`strange-${index}`)
    const server = createServer((socket) => socket.write(Buffer.from(answer, 'latin1')))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    t.teardown(() => server.close())
    desk.person(`strange-${index}`, { SSH_AUTH_SOCK: path })
    const ended = await desk.run(`strange-${index}`, ...made, '--timeout', timeout)
    t.is(errorOf(ended), sentence)
  }
})
