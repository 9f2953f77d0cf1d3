// A halt seen by `watch`: on a terminal the abort is drafted, reviewed and signed there, and the
// next signer is named. The rollout is made up, everything else is the real program.
import test from 'brittle'
import { existsSync } from 'node:fs'
import { runProgram, type Context } from '../../lib/cli/frame/index.ts'
import { needAuthority } from '../../lib/cli/publish/belief.ts'
import { deskOf } from '../../lib/cli/publish/desk.ts'
import { watchFlags } from '../../lib/cli/publish/flags.ts'
import type { Row } from '../../lib/cli/publish/online/sight.ts'
import { offerAbort } from '../../lib/cli/publish/verbs/watch.ts'
import { heldRelease } from '../../lib/publish/index.ts'
import { fromName } from '../../lib/trust/index.ts'
import { InsideDesk, stretchLess } from './inside.ts'

stretchLess()

/** A keyboard at which these lines are typed, one for each question. */
class Typist {
  readonly isTTY = true
  readonly #lines: string[]
  #data: ((chunk: Uint8Array) => void) | null = null

  constructor(lines: readonly string[]) {
    this.#lines = [...lines]
  }

  on(event: 'data' | 'end', fn: (chunk: Uint8Array) => void): void {
    if (event !== 'data') return
    this.#data = fn
    const line = this.#lines.shift() ?? ''
    setImmediate(() => this.#data?.(Buffer.from(`${line}\n`)))
  }

  off(event: 'data' | 'end'): void {
    if (event === 'data') this.#data = null
  }

  resume(): void {}
  pause(): void {}
}

/** Sees a halt of `release` at this desk, with these answers typed. */
async function seeHalt(desk: InsideDesk, release: string, typed: readonly string[]) {
  const said: string[] = []
  const sink = { write: (text: string) => said.push(text), isTTY: false }
  const run = async (context: Context): Promise<void> => {
    const own = deskOf(context)
    const authority = await needAuthority(own)
    const known = heldRelease(authority.believed, fromName(release))
    await offerAbort(context, own, authority, halted(known))
  }
  const before = process.cwd()
  process.chdir(desk.folder)
  try {
    const exit = await runProgram(
      {
        name: 'ota-publish',
        version: '0',
        usage: '',
        commands: [
          { name: 'see', usage: '', flags: watchFlags, args: { min: 0, max: 0, what: '' }, run }
        ]
      },
      {
        argv: ['see', '--home', desk.person('a').home],
        env: {},
        stdin: new Typist(typed),
        stdout: sink,
        stderr: sink,
        signal: new AbortController().signal
      }
    )
    return { exit, text: said.join('') }
  } finally {
    process.chdir(before)
  }
}

function halted(release: Row['release']): Row {
  return {
    channel: 'stable',
    release,
    view: {
      release: release.id,
      resume: 0,
      phase: 'halted',
      stage: 1,
      stages: 3,
      widthPpm: 50_000,
      small: false,
      treated: 40,
      controls: 120,
      failures: 9,
      controlsFailed: 1,
      good: 31,
      members: 900,
      e: 311,
      reading: { tag: 'none', voters: 0 },
      reasons: ['worse than tolerated'],
      queued: []
    },
    nodes: 900,
    running: 40,
    halted: true,
    completed: false,
    aborted: false,
    brakes: { live: [], acts: false, untilMs: null, lastEndMs: null },
    attested: [],
    attestNeed: 0
  }
}

test('a halt becomes a signed abort at the terminal', { timeout: 60_000 }, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a', 'b', 'c'], '--root', '2', '--release', '2')
  desk.layBuild('build', '1.0.0')
  const release = await desk.propose('a', 'r1')
  const answers = await desk.sign('r1', 'a', 'b')
  await desk.must('a', 'commit', 'file:r1.req', ...answers, '--alone')
  const short = release.slice(0, 8)

  const no = await seeHalt(desk, release, ['n'])
  t.is(no.exit, 0)
  t.ok(no.text.includes('halted: 9 failures in 40 treated beside 120 controls'), no.text)
  t.ok(no.text.includes(`later: ota-publish abort ${short}`))
  t.absent(existsSync(desk.file(`abort-${short}.req`)))

  const wrong = await seeHalt(desk, release, ['y', 'y', 'not it'])
  t.is(wrong.exit, 0, 'a watcher goes on')
  t.ok(wrong.text.includes('wrong pass phrase for key "a"'))
  t.ok(wrong.text.includes('0 of 2 signatures: send'))

  const yes = await seeHalt(desk, release, ['y', 'y', 'pass phrase of a'])
  t.is(yes.exit, 0)
  t.ok(yes.text.includes(`abort of release ${short}`), 'the same review')
  t.ok(yes.text.includes(`1 of 2 signatures: send abort-${short}.req to b or c`), yes.text)
  t.absent(yes.text.includes('pass phrase of a\n'), 'the pass phrase is not shown')

  const name = `abort-${short}`
  const join = await desk.must('a', 'join')
  await desk.must('b', 'join', String(join['join']), '--bootstrap', 'none')
  const [second = ''] = await desk.sign(name, 'b')
  await desk.must('a', 'commit', `file:${name}.req`, `file:${name}.a.sig`, second, '--alone')
  t.ok((await desk.run('a', 'log')).stdout.includes('  aborted  '))
})
