// Secrets in the memory of a command: whatever way it ends, none is left in a buffer.
import test from 'brittle'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sodium from 'sodium-native'
import { toHex } from '../../lib/base/index.ts'
import { Inside, InsideDesk, stretchLess } from './inside.ts'
import { errorOf, type Ended } from './signers.ts'

interface Secret {
  readonly what: string
  readonly bytes: Uint8Array
}

/** Every buffer in which a secret was seen on its way through sodium since the last look. */
const seen: Secret[] = []
stretchLess()
watchSodium()

function watchSodium(): void {
  const makePair = sodium.crypto_sign_seed_keypair.bind(sodium)
  const stretch = sodium.crypto_pwhash_async.bind(sodium)
  const seal = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt.bind(sodium)
  const open = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt.bind(sodium)
  sodium.crypto_sign_seed_keypair = (key, secret, seed) => {
    seen.push({ what: 'secret key', bytes: secret }, { what: 'seed', bytes: seed })
    makePair(key, secret, seed)
  }
  sodium.crypto_pwhash_async = async (key, passphrase, ...more) => {
    seen.push({ what: 'stretched key', bytes: key }, { what: 'pass phrase', bytes: passphrase })
    await stretch(key, passphrase, ...more)
  }
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt = (out, message, ...more) => {
    seen.push({ what: 'sealed secret', bytes: message })
    return seal(out, message, ...more)
  }
  sodium.crypto_aead_xchacha20poly1305_ietf_decrypt = (out, ...more) => {
    seen.push({ what: 'opened secret', bytes: out })
    return open(out, ...more)
  }
}

/** What was seen and is not zero; how much was looked at; and forgets all of it. */
function look(): { readonly left: readonly string[]; readonly looked: number } {
  const all = seen.splice(0)
  const left = all.filter(({ bytes }) => bytes.some((byte) => byte !== 0))
  return { left: left.map(({ what }) => what), looked: all.length }
}

test('a ceremony leaves no secret in memory, step by step', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const steps: [string, () => Promise<unknown>, number][] = [
    ['keys new', async () => await desk.newKeys('a', 'b'), 12],
    [
      'init',
      async () => {
        const cards = ['--card', 'file:a.card', '--card', 'file:b.card', '--draw', 'file:a.card']
        const init = ['init', '--name', 'demo', ...cards, '--enroller', 'file:a.card']
        await desk.must('a', ...init, '-o', 'file:t1.req')
      },
      0
    ],
    ['sign', async () => await desk.sign('t1', 'a', 'b'), 8],
    [
      'commit',
      async () => await desk.must('a', 'commit', 'file:t1.req', 'file:t1.a.sig', 'file:t1.b.sig'),
      2
    ],
    [
      'propose and sign as a drawer',
      async () => {
        desk.layBuild('build', '1.0.0')
        await desk.propose('a', 'r1', '--draw', 'a')
        await desk.sign('r1', 'a')
      },
      4
    ],
    ['invite', async () => await desk.must('a', 'invite', '-o', 'file:x.invite'), 6]
  ]
  for (const [name, step, least] of steps) {
    await step()
    const { left, looked } = look()
    t.alike(left, [], `${name}: nothing is left of ${looked} buffers`)
    t.ok(looked >= least, `${name}: at least ${least} were looked at`)
  }
})

test('a command that fails leaves no secret in memory either', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'], '--open')
  look()
  const wrong = new Inside(desk.person('a').home, 'not the pass phrase')
  const args = ['sign', desk.file('t1.req'), '-y', '-o', desk.file('again.sig')]
  const refused = await wrong.run(...args)
  t.is(refused.exit, 30)
  t.is(errorOf(refused), 'wrong pass phrase for key "a"')
  const { left, looked } = look()
  t.alike(left, [], 'a wrong pass phrase')
  t.ok(looked >= 3)

  // the answer cannot be written: the key was open by then
  const nowhere = await desk.run('a', 'sign', 'file:t1.req', '-y', '-o', 'file:none/t1.sig')
  t.not(nowhere.exit, 0)
  t.alike(look().left, [], 'an answer that cannot be written')

  // the journal refuses: the key was open by then
  desk.layBuild('build', '1.0.0')
  await desk.propose('a', 'r1')
  await desk.propose('a', 'r1-again', '--label', '1.0.1')
  await desk.sign('r1', 'a')
  look()
  const twice = await desk.run('a', 'sign', 'file:r1-again.req', '-y')
  t.is(twice.exit, 12)
  const refusedTwice = look()
  t.alike(refusedTwice.left, [], 'a number that was signed before')
  t.ok(refusedTwice.looked >= 4)

  // a key file that cannot be written, once all its secrets are made
  const shut = join(desk.folder, 'shut')
  mkdirSync(join(shut, 'keys'), { recursive: true })
  writeFileSync(join(shut, 'feeds'), 'no folder')
  const unmade = await new Inside(shut, 'x').run('keys', 'new', '--label', 'x')
  t.not(unmade.exit, 0)
  const after = look()
  t.alike(after.left, [], 'a key that could not be written')
  t.ok(after.looked >= 6)
})

test('a pass phrase comes from a descriptor or a terminal, and from nowhere else', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const env = { UPSWELL_PASSPHRASE: 'x', PASSPHRASE: 'x' }
  const card = ['-o', desk.file('a.card')]
  const flag = await desk.run('a', 'keys', 'new', '--label', 'a', '--passphrase', 'x', ...card)
  t.is(flag.exit, 2)
  t.is(errorOf(flag), 'unknown flag --passphrase')
  const typed = new Inside(desk.file('home-t'), 'typed', env)
  await typed.must('keys', 'new', '--label', 'a', ...card)
  const other = new Inside(desk.file('home-t'), 'x', env)
  const init = ['init', '--name', 'x', '--solo', '--open', '-y']
  t.is((await other.run(...init)).exit, 30, 'a variable of the environment is not looked at')
  t.is((await typed.run(...init)).exit, 0)
  t.ok(typed.typed.length >= 3, 'a new one was asked for twice')
  t.ok(
    typed.typed.every((chunk) => chunk.every((byte) => byte === 0)),
    'what was typed is wiped'
  )
  const file = readFileSync(desk.file('home-t/keys/a.key'), 'utf8')
  t.absent(file.includes(toHex(new TextEncoder().encode('typed'))))
})

test('a descriptor has one line for all keys, or one for each in turn', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const one = new Inside(desk.file('home'), 'of x')
  const two = new Inside(desk.file('home'), 'of y')
  await one.must('keys', 'new', '--label', 'x', '-o', desk.file('x.card'))
  await two.must('keys', 'new', '--label', 'y', '-o', desk.file('y.card'))
  const cards = ['--card', desk.file('x.card'), '--card', desk.file('y.card'), '--open']
  await one.must('init', '--name', 'demo', ...cards, '-o', desk.file('t1.req'))
  const signWith = async (text: string): Promise<Ended> => {
    writeFileSync(desk.file('secret'), text)
    const fd = openSync(desk.file('secret'), 'r')
    try {
      return await one.run('sign', desk.file('t1.req'), '-y', '--passphrase-fd', String(fd))
    } finally {
      closeSync(fd)
    }
  }
  t.is((await signWith('of x\nof y\n')).exit, 0)
  t.is((await signWith('of x\n')).exit, 30, 'one line is for all, and y has another')
  const short = await signWith('of x\n\nof z')
  t.is(errorOf(short), 'wrong pass phrase for key "y"')
  const none = await signWith('\n')
  t.ok(errorOf(none).endsWith('has no pass phrase for x'))
  t.alike(look().left, [])
})
