// One person at a desk, typing what is wrong: each mistake has its exit code and its own sentence.
import test from 'brittle'
import { errorOf, hintOf, Signers } from './signers.ts'

test('misuse is refused before anything is asked or written', { timeout: 120_000 }, async (t) => {
  const desk = new Signers(await t.tmp())
  await desk.newKey('a')
  const init = ['init', '--name', 'demo']
  const card = ['--card', 'a.card']
  const cases: readonly [readonly string[], number, string][] = [
    [['keys', 'new'], 2, '--label is missing'],
    [['keys', 'new', '--label', 'B b'], 2, 'a pass phrase is needed and there is no terminal'],
    [['keys', 'new', '--lable', 'b'], 2, 'unknown flag --lable'],
    [['comit', 'x'], 2, 'unknown command "comit"'],
    [[...init], 2, 'init needs a --card for every signer'],
    [[...init, ...card], 2, 'who may invite is missing'],
    [
      [...init, ...card, '--open', '--enroller', 'a.card'],
      2,
      '--open and --enroller exclude each other'
    ],
    [
      [...init, ...card, '--open', '--root', '0'],
      2,
      '--root is a whole number from 1 to 64, got "0"'
    ],
    [
      [...init, ...card, '--open', '--root', '1.5'],
      2,
      '--root is a whole number from 1 to 64, got "1.5"'
    ],
    [[...init, ...card, '--open', '--root', '2'], 2, 'role root needs 2 of 1 keys'],
    [[...init, '--solo', ...card], 2, '--solo and --card exclude each other'],
    [['init', ...card, '--open'], 2, '--name is missing'],
    [
      ['propose', 'x.pack', '--channel', 'c', '--kind', 'code'],
      12,
      'this home follows no network yet'
    ],
    [['commit', 'none.req'], 2, 'there is no file none.req'],
    [['review', 'a.card'], 11, 'a.card is a card file, need a request file'],
    [['join', 'nonsense'], 2, '"nonsense" is not an id of 32 bytes']
  ]
  const all = await Promise.all(cases.map(async ([args]) => await desk.run('a', ...args)))
  for (const [index, [args, exit, sentence]] of cases.entries()) {
    const ended = all[index]!
    t.is(ended.exit, exit, args.join(' '))
    t.is(errorOf(ended), sentence)
    t.is(ended.stdout, '')
  }
})

test(
  'a threshold that two disjoint groups can meet needs --allow-split (S95)',
  { timeout: 120_000 },
  async (t) => {
    const desk = new Signers(await t.tmp())
    for (const who of ['a', 'b']) await desk.newKey(who)
    const init = ['init', '--name', 'demo', '--card', 'a.card', '--card', 'b.card', '--open']
    const split = await desk.run('a', ...init, '--release', '1', '--json')
    t.is(split.exit, 2)
    t.is(split.lines.at(-1)?.code, 'SPLIT_QUORUM')
    t.is(hintOf(split), 'use at least 2, or say --allow-split')
    const allowed = await desk.run('a', ...init, '--release', '1', '--allow-split')
    t.is(allowed.exit, 0)
    const strict = await desk.run('a', ...init)
    t.ok(strict.stderr.includes('role root needs all 2 keys: lose one and it can never act again'))
  }
)
