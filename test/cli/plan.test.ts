// A founder alone, and plan files that would widen by mistake: all refused before they are signed.
import test from 'brittle'
import { writeFileSync } from 'node:fs'
import { errorOf, Signers } from './signers.ts'

test(
  'a policy that could widen by mistake is refused with its path (S57)',
  { timeout: 120_000 },
  async (t) => {
    const desk = new Signers(await t.tmp())
    await desk.foundAlone('a')
    desk.layBuild('build', '1.0.0')
    await desk.must('a', 'pack', 'build', '-o', 'app.pack')
    const propose = ['propose', 'app.pack', '--channel', 'stable', '--kind', 'code']
    const bad: readonly [string, string][] = [
      ['{"plan":"custom","stages":[{"share":0.1},{"share":100}]}', 'stages'],
      ['{"plan":"custom","stages":[{"share":50},{"share":20},{"share":100}]}', 'stages'],
      ['{"plan":"custom","stages":[{"share":150}]}', 'stages'],
      ['{"plan":"standart"}', 'plan'],
      ['{"paln":"small"}', 'paln'],
      ['{', 'plan.json cannot be read']
    ]
    for (const [text, path] of bad) {
      writeFileSync(desk.file('plan.json'), text)
      const ended = await desk.run('a', ...propose, '--plan', 'plan.json', '--json')
      t.is(ended.exit, 2, text)
      t.is(ended.lines.at(-1)?.code, 'POLICY_INVALID')
      t.ok(errorOf(ended).includes(path), errorOf(ended))
    }
    const preset = await desk.run('a', ...propose, '--plan', 'standart')
    t.is(errorOf(preset), '--plan: "standart" is neither a preset nor a file')
    desk.layBuild('build', '2.0.0-rc.1')
    await desk.must('a', 'pack', 'build', '-o', 'app.pack')
    const early = await desk.run('a', ...propose)
    t.is(errorOf(early), '"2.0.0-rc.1" is a pre-release, channel stable takes none')
  }
)
