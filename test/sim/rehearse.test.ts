// `ota-publish rehearse` in memory: the same words for the same seed, and every misuse by name.
import test from 'brittle'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../../lib/cli/frame/index.ts'
import { publishProgram } from '../../lib/cli/publish/table.ts'

async function rehearse(...argv: readonly string[]) {
  const stdout: string[] = []
  const stderr: string[] = []
  const keyboard = { on: noop, off: noop, resume: noop, pause: noop }
  const exit = await runProgram(publishProgram(), {
    argv: ['rehearse', ...argv],
    env: {},
    stdin: keyboard,
    stdout: { write: (text: string) => stdout.push(text) },
    stderr: { write: (text: string) => stderr.push(text) },
    signal: new AbortController().signal
  })
  return { exit, stdout: stdout.join(''), stderr: stderr.join('') }
}

function noop(): void {}

test('the same seed prints the same text twice, and says how it ended', async (t) => {
  const argv = ['--nodes', '400', '--effect', 'crash=100x', '--base', '1%', '--seed', '5']
  const first = await rehearse(...argv)
  t.is(first.exit, 0)
  t.is((await rehearse(...argv)).stdout, first.stdout)
  const lines = first.stdout.split('\n')
  t.is(lines[0], '400 nodes  plan short (5 stages)  base 1.0 %  effect crash=100x')
  t.ok(/^seed 5: halted in stage 1 of 5 after [\d.]+ (h|min): /.test(lines[1] ?? ''), lines[1])
  t.is(lines[2], 'after the take-back 0 of 400 nodes run the new release')
  t.ok(lines[3]?.startsWith('stage  opened'), lines[3])
  t.unlike((await rehearse(...argv.slice(0, -1), '6')).stdout, first.stdout)
})

test('runs take the seeds that follow, and each can be played alone', async (t) => {
  const argv = ['--nodes', '20', '--effect', 'crash=100x']
  const { stdout } = await rehearse(...argv, '--runs', '3', '--seed', '8')
  const lines = stdout.trimEnd().split('\n')
  t.is(lines.length, 8)
  t.ok(lines[6]?.startsWith('exposed at the halt  0 |'), lines[6])
  t.ok(lines[4]?.startsWith('3 runs: 3 halted, 0 completed, 0 stalled; median '), lines[4])
  t.is(lines[5], 'exposed at the halt, median: 5.0 %')
  const alone = await rehearse(...argv, '--seed', '10')
  t.is(alone.stdout.split('\n')[1], lines[3])
})

test('false halts of a good release are counted', async (t) => {
  const { stdout } = await rehearse('--nodes', '8', '--base', '0', '--runs', '2')
  t.ok(stdout.includes('false halts: 0 of 2 (0.0 %)'))
})

test('--json gives one object per line, every moment, and final last', async (t) => {
  const { stdout, exit } = await rehearse('--nodes', '5', '--base', '0', '--json')
  t.is(exit, 0)
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { tag: string; data: Record<string, unknown> })
  t.alike(
    lines.map(({ tag }) => tag),
    ['rehearse', 'run', 'moment', 'moment', 'moment', 'final']
  )
  t.is(lines[1]?.data['ending'], 'completed')
  t.is(lines[1]?.data['exposedPpm'], 1_000_000)
})

test('a policy file is played as it is written, and refused as propose refuses it', async (t) => {
  const file = join(await t.tmp(), 'plan.json')
  writeFileSync(file, '{"plan":"small","gate":{"settle":"30s"}}')
  const played = await rehearse('--nodes', '5', '--base', '0', '--plan', file)
  t.is(played.exit, 0)
  t.ok(played.stdout.includes('completed'))
  writeFileSync(file, '{"plan":"small","paln":1}')
  const refused = await rehearse('--plan', file, '--json')
  t.is(refused.exit, 2)
  t.ok(refused.stdout.includes('POLICY_INVALID'))
})

const effects = '--effect is none, a factor like crash=5x, or more time like latency=+20%'

test('each misuse has its sentence and exits 2', async (t) => {
  const cases: readonly [readonly string[], string][] = [
    [['--nodes', '0'], '--nodes is a whole number from 1 to 1000000, got "0"'],
    [['--nodes', '1e4'], '--nodes is a whole number from 1 to 1000000, got "1e4"'],
    [['--runs', '0'], '--runs is a whole number from 1 to 10000, got "0"'],
    [['--seed', 'x'], '--seed is a whole number from 0 to 4294967295, got "x"'],
    [
      ['--seed', '4294967295', '--runs', '2'],
      '--seed 4294967295 with --runs 2 goes past 4294967295'
    ],
    [['--base', '0.5'], '--base is 0.5: a bare number between 0 and 1 is refused'],
    [['--base', '200'], '--base is a share from 0 to 100, got "200"'],
    [['--effect', 'latency=20%'], `${effects}, got "latency=20%"`],
    [['--effect', 'crash=0x'], `${effects}, got "crash=0x"`],
    [['--effect', 'crash=5'], `${effects}, got "crash=5"`],
    [['--partition', '30%'], '--partition is like 30%@2h+6h, got "30%"'],
    [['--partition', '30%@soon+6h'], '--partition is a duration, got "soon"'],
    [['--offline', '0.2'], '--offline is 0.2: a bare number between 0 and 1 is refused'],
    [['--liars', '2%:maybe'], '--liars is a share, then :failed, :ok or :controls, got "2%:maybe"'],
    [['--plan', 'nope'], '--plan: "nope" is neither a preset nor a file'],
    [['--htlm', 'x'], 'unknown flag --htlm']
  ]
  for (const [argv, sentence] of cases) {
    const { exit, stderr, stdout } = await rehearse(...argv)
    t.is(exit, 2, argv.join(' '))
    t.is(stderr.split('\n')[0], `ota-publish: error: ${sentence}`)
    t.is(stdout, '', 'nothing is played')
  }
})

test('a page with plots needs nothing else, and is the same for the same seed', async (t) => {
  const folder = await t.tmp()
  const argv = ['--nodes', '20', '--effect', 'crash=100x', '--runs', '3', '--html']
  const pages = []
  for (const name of ['a.html', 'b.html']) {
    const { exit, stdout } = await rehearse(...argv, join(folder, name))
    t.is(exit, 0)
    t.ok(stdout.endsWith(`plots: ${join(folder, name)}\n`))
    pages.push(readFileSync(join(folder, name), 'utf8'))
  }
  const [page = '', again] = pages
  t.is(page, again)
  t.is(page.match(/<polyline/g)?.length, 3, 'one line a run')
  t.is(page.match(/<svg/g)?.length, 3, 'three plots')
  t.absent(/https?:|src=|@import|<script/.test(page), 'nothing is fetched')
})

test('cuts, machines that are off, liars and slowness are played by the seed alone', async (t) => {
  const cases = [
    ['--nodes', '8', '--partition', '40%@1h+3h'],
    ['--nodes', '12', '--offline', '25%'],
    ['--nodes', '20', '--liars', '30%:ok', '--effect', 'crash=50x'],
    ['--nodes', '60', '--effect', 'latency=+100%']
  ]
  for (const argv of cases) {
    const first = await rehearse(...argv, '--seed', '3')
    t.is(first.exit, 0, argv.join(' '))
    t.is((await rehearse(...argv, '--seed', '3')).stdout, first.stdout)
  }
})
