// A made-up program with four commands, run in memory: what the frame promises for both programs.
import test from 'brittle'
import { OtaError } from '../../lib/base/index.ts'
import { runProgram, type Command, type Program } from '../../lib/cli/frame/index.ts'

const commands: readonly Command[] = [
  {
    name: 'keys new',
    usage: 'usage of keys new',
    flags: { label: { type: 'text' } },
    args: { min: 0, max: 0, what: 'no word' },
    run: async ({ flags, out }) => {
      out.result('key', { label: flags.need('label') }, `key ${flags.need('label')}`)
      return { data: { keys: 1 } }
    }
  },
  {
    name: 'pack',
    usage: 'usage of pack',
    flags: { output: { type: 'text', short: 'o' }, from: { type: 'list' } },
    args: { min: 1, max: 1, what: 'DIR' },
    run: async ({ flags, args, timeoutMs }) => ({
      data: { dir: args[0] ?? null, from: [...flags.list('from')], timeoutMs }
    })
  },
  {
    name: 'run',
    usage: 'usage of run',
    flags: {},
    args: { min: 0, max: 0, what: 'no word' },
    rest: true,
    run: async ({ rest }) => ({ data: { rest: rest === null ? null : [...rest] } })
  },
  {
    name: 'fail',
    usage: 'usage of fail',
    flags: {},
    args: { min: 0, max: 1, what: 'a kind' },
    run: async ({ args, confirm }) => {
      if (args[0] === 'ask') await confirm('go on?')
      if (args[0] === 'bug') throw new Error('a bug')
      if (args[0] === 'end') return { code: 'NOTHING_TO_DO', message: 'nothing to do' }
      const facts = { have: 1, need: 2 }
      throw new OtaError('THRESHOLD_NOT_MET', 'have 1 of 2', { hint: 'ask b', facts })
    }
  }
]

const program: Program = {
  name: 'ota-test',
  version: '1.2.3',
  usage: 'Usage: ota-test\n',
  commands,
  aliases: { 'keys make': ['keys', 'new'] }
}

async function run(...argv: readonly string[]) {
  const stdout: string[] = []
  const stderr: string[] = []
  const keyboard = { on: noop, off: noop, resume: noop, pause: noop }
  const exit = await runProgram(program, {
    argv,
    env: {},
    stdin: keyboard,
    stdout: { write: (text: string) => stdout.push(text) },
    stderr: { write: (text: string) => stderr.push(text) },
    signal: new AbortController().signal
  })
  return { exit, stdout: stdout.join(''), stderr: stderr.join('') }
}

test('a command gets its flags and says its result on stdout', async (t) => {
  t.alike(await run('keys', 'new', '--label', 'a'), { exit: 0, stdout: 'key a\n', stderr: '' })
  t.alike(await run('keys', 'make', '--label', 'a'), { exit: 0, stdout: 'key a\n', stderr: '' })
  t.alike(await run('-v', '--timeout', '1s', 'keys', 'new', '--label=a'), {
    exit: 0,
    stdout: 'key a\n',
    stderr: ''
  })
})

test('with --json the last line is final, also after a failure', async (t) => {
  const good = await run('keys', 'new', '--label', 'a', '--json')
  t.alike(
    good.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { tag: 'key', data: { label: 'a' } },
      {
        tag: 'final',
        ok: true,
        code: null,
        exit: 0,
        message: 'done',
        hint: null,
        data: { keys: 1 }
      }
    ]
  )
  const bad = await run('fail', '--json')
  t.is(bad.exit, 10)
  t.alike(JSON.parse(bad.stdout), {
    tag: 'final',
    ok: false,
    code: 'THRESHOLD_NOT_MET',
    exit: 10,
    message: 'have 1 of 2',
    hint: 'ask b',
    data: { have: 1, need: 2 }
  })
  t.is(bad.stderr, 'ota-test: error: have 1 of 2\nota-test: hint: ask b\n')
  const misused = await run('keys', 'nwe', '--json')
  t.is(misused.exit, 2)
  t.is((JSON.parse(misused.stdout) as { code: string }).code, 'USAGE')
})

test('an unknown flag or command is refused and the nearest one named', async (t) => {
  const flag = await run('pack', 'x', '--form', 'y')
  t.is(flag.exit, 2)
  t.is(flag.stderr, 'ota-test: error: unknown flag --form\nota-test: hint: did you mean --from?\n')
  const far = await run('pack', 'x', '--utterly')
  t.is(far.stderr, 'ota-test: error: unknown flag --utterly\n')
  const command = await run('pakc', 'x')
  t.is(command.exit, 2)
  t.is(
    command.stderr,
    'ota-test: error: unknown command "pakc"\nota-test: hint: did you mean "pack"?\n'
  )
  const group = await run('keys')
  t.is(group.stderr, 'ota-test: error: keys needs one of: new | make\n')
  const verb = await run('keys', 'nwe')
  t.ok(verb.stderr.includes('did you mean "keys new"?'))
  t.ok((await run('zzzzzz')).stderr.includes('hint: try: ota-test help'))
})

test('each wrong use of flags and words has its own sentence', async (t) => {
  const sentences: readonly [readonly string[], string][] = [
    [[], 'no command is given'],
    [['pack'], 'pack needs DIR'],
    [['pack', 'a', 'b'], 'pack takes DIR and no more, got "b"'],
    [['keys', 'new', 'x'], 'keys new takes no words beside its flags, got "x"'],
    [['keys', 'new'], '--label is missing'],
    [['keys', 'new', '--label'], '--label needs a value'],
    [['pack', 'a', '--json=1'], '--json takes no value'],
    [['pack', 'a', '--output', 'b', '--output', 'c'], '--output is given 2 times'],
    [['pack', 'a', '--', 'b'], 'pack takes nothing behind --'],
    [['pack', 'a', '--timeout', '5'], '--timeout is a duration, got "5"'],
    [['fail', 'ask'], 'this asks for a confirmation and there is no terminal']
  ]
  for (const [argv, sentence] of sentences) {
    const { exit, stderr } = await run(...argv)
    t.is(exit, 2, argv.join(' '))
    t.is(stderr.split('\n')[0], `ota-test: error: ${sentence}`)
  }
})

test('what stands behind a bare -- belongs to the app, flags included', async (t) => {
  const { stdout } = await run('run', '--json', '--', 'node', '--help', '--json')
  t.alike((JSON.parse(stdout) as { data: unknown }).data, { rest: ['node', '--help', '--json'] })
})

test('help and version are results and end with 0', async (t) => {
  t.alike(await run('help'), { exit: 0, stdout: 'Usage: ota-test\n', stderr: '' })
  t.is((await run('help', 'pack')).stdout, 'usage of pack\n')
  t.is((await run('pack', '--help')).stdout, 'usage of pack\n')
  t.is((await run('help', 'keys')).stdout, 'usage of keys new\n')
  t.is((await run('--version')).stdout, 'ota-test 1.2.3\n')
  t.is((await run('help', 'pakc')).exit, 2)
})

test('a command may end with a code though nothing threw', async (t) => {
  const { exit, stderr } = await run('fail', 'end')
  t.is(exit, 4)
  t.is(stderr, 'ota-test: error: nothing to do\n')
})

test('a fault of ours shows its stack with --verbose only', async (t) => {
  const quiet = await run('fail', 'bug')
  t.is(quiet.exit, 1)
  t.absent(quiet.stderr.includes('    at '))
  t.ok((await run('fail', 'bug', '--verbose')).stderr.includes('frame.test'))
})

function noop(): void {
  // an unused keyboard
}
