import { existsSync, readFileSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'brittle'
import { codeOf } from '../../lib/cutover/index.ts'
import { noLocalApp, type LocalApp } from '../../lib/host/index.ts'
import { judgeHookExit, type HookEnd } from '../../lib/host/state/exits.ts'
import { runLocalHook } from '../../lib/host/state/local-hook.ts'
import { Lab, one, two } from './state-lab.ts'

const ended: HookEnd = {
  exit: 0,
  signal: null,
  timedOut: false,
  overflowed: false,
  hasResult: true
}

/** Exit codes by what they mean. */
function tags(dialect: LocalApp['hooks']['dialect']): ReadonlyMap<string, readonly number[]> {
  const map = new Map<string, number[]>()
  for (let exit = 0; exit < 256; exit++) {
    const { tag } = judgeHookExit({ ...ended, exit }, dialect)
    map.set(tag, [...(map.get(tag) ?? []), exit])
  }
  return map
}

test('of all exit codes 0 is done, 75 is later, and the rest is failure (S89)', (t) => {
  const ours = tags('upswell')
  t.alike([ours.get('done'), ours.get('retry'), ours.get('absent')], [[0], [75], undefined])
  t.is(ours.get('failed')?.length, 254)
  const mender = tags('mender')
  t.alike(
    [mender.get('done'), mender.get('retry'), mender.get('absent')],
    [[0], [21, 75], undefined]
  )
  const cosmovisor = tags('cosmovisor')
  t.alike(
    [cosmovisor.get('done'), cosmovisor.get('retry'), cosmovisor.get('absent')],
    [[0], [31, 75], [1]]
  )
  t.ok(cosmovisor.get('failed')?.includes(30))
})

test('a hook that chose a lasting failure is told by its number (S89)', (t) => {
  for (const exit of [64, 70, 74, 76, 77, 78]) {
    t.alike(judgeHookExit({ ...ended, exit }), {
      tag: 'failed',
      number: exit,
      text: `it ended with ${exit}`
    })
  }
  for (const exit of [1, 2, 30, 31, 63, 79, 126, 127, 255]) {
    const verdict = judgeHookExit({ ...ended, exit })
    t.is(verdict.tag === 'failed' ? verdict.number : 0, null, String(exit))
  }
  t.is(codeOf('hook'), 'HOOK_FAILED')
  t.is(codeOf('hook-retries'), 'HOOK_RETRIES_SPENT')
})

test('a signal, a time-out, a flood and a 0 without a result are failures (S89)', (t) => {
  const ways: readonly Partial<HookEnd>[] = [
    { exit: null, signal: 'SIGSEGV' },
    { exit: null, signal: 'SIGKILL', timedOut: true },
    { exit: null, signal: 'SIGKILL', overflowed: true },
    { hasResult: false },
    { timedOut: true }
  ]
  for (const way of ways) t.is(judgeHookExit({ ...ended, ...way }).tag, 'failed')
  t.is(judgeHookExit({ ...ended, exit: 75, hasResult: false }).tag, 'retry')
  t.is(judgeHookExit({ ...ended, hasResult: null }).tag, 'done')
})

const hooks = (script: string, more: Partial<LocalApp['hooks']> = {}): LocalApp['hooks'] => ({
  ...noLocalApp.hooks,
  before: ['/bin/sh', '-c', script],
  timeoutMs: 20_000,
  ...more
})

test("the operator's hook is bounded in time and words, its children end with it", async (t) => {
  const folder = await t.tmp()
  const run = async (wish: LocalApp['hooks']) => await runLocalHook(wish, 'before', { AT: folder })
  t.is(await run(hooks('test -n "$AT" && test -z "$OTA_SECRET"')), null)
  t.is((await run(hooks('exit 75')))?.tag, 'retry')
  t.is((await run(hooks('exit 21', { dialect: 'mender' })))?.tag, 'retry')
  t.is(await run(hooks('exit 1', { dialect: 'cosmovisor' })), null, 'there is no such hook')
  for (const code of [1, 2, 30, 31, 126, 127]) {
    const no = await run(hooks(`echo why; exit ${code}`))
    t.alike([no?.tag, no?.text, no?.said], ['failed', `it ended with ${code}`, 'why\n'])
  }
  t.is((await run(hooks('kill -9 $$')))?.text, 'it was ended by SIGKILL')
  t.is((await run({ ...hooks(''), before: ['/no/such/program'] }))?.text, 'it ended with 127')
  const flood = await run(hooks('head -c 1073741824 /dev/zero'))
  t.is(flood?.text, 'it printed more than it may')
  const stays = 'sleep 60 & echo $! > "$AT/pid"; wait'
  t.is((await run(hooks(stays, { timeoutMs: 500 })))?.text, 'it took longer than it may')
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
  t.absent(isRunning(pid))
  t.is(await runLocalHook(noLocalApp.hooks, 'before', {}), null, 'there is none')
})

/** A process that has ended may still be there for its parent to look at. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

test("the operator's hooks run around the hand-over, and a no before it stops it", async (t) => {
  const lab = await Lab.open(t)
  const from = await lab.first({ ada: 'Ada' })
  const said = join(lab.home.path, 'said')
  const script = join(lab.home.path, 'hook')
  await writeFile(script, `#!/bin/sh\necho "$1 $OTA_OP $OTA_STATE_DIR" >> ${said}\nexit $2\n`)
  await chmod(script, 0o755)
  const told = (code: number): LocalApp => ({
    ...noLocalApp,
    hooks: { ...hooks(''), before: [script, 'before', String(code)], after: [script, 'after', '1'] }
  })
  const prev = { ...from, back: 'code' as const }
  const next = { op: 2, release: two, gen: from.gen, prev }
  lab.local = told(1)
  t.alike(await lab.flip({ ...next, phase: 'trial' }), {
    tag: 'flip-failed',
    seq: 2,
    reason: 'hook'
  })
  t.is((await lab.home.pointer())?.release, one, 'the pointer never left the old version')
  lab.local = told(0)
  t.is((await lab.flip({ ...next, phase: 'trial' })).tag, 'flipped')
  t.is(
    (await lab.flip({ ...next, phase: 'committed' })).tag,
    'flipped',
    'what comes after may fail'
  )
  t.alike(readFileSync(said, 'utf8').split('\n'), [
    `before 2 ${lab.home.gens.path(from.gen)}`,
    `before 2 ${lab.home.gens.path(from.gen)}`,
    `after 2 ${lab.home.gens.path(from.gen)}`,
    ''
  ])
  lab.local = told(1)
  t.is((await lab.flip({ op: 2, ...from, phase: 'committed', prev: null })).tag, 'flipped')
  t.is(readFileSync(said, 'utf8').split('\n').length, 4, 'a way back asks nobody')
})
