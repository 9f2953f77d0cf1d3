import test from 'brittle'
import { EXIT } from '../../lib/base/index.ts'
import type { Believed } from '../../lib/trust/index.ts'
import { fuzz, targets } from './run.ts'
import { unlawful } from './oracle.ts'
import { network, samples, scenes } from './scenes.ts'
import { believeNothing } from '../../lib/trust/index.ts'

/** The short run of every test run; `npm run test:trust -- --seed X` throws 100,000. */
const runs = 3_000
/** The long run must see 25; of 3,000 inputs the rarest may be missing. */
const codesMin = 22

test('three thousand mutated inputs: no crash, nothing taken unlawfully', async (t) => {
  const report = await fuzz({ seed: 'npm test', runs })
  for (const { run, target, what, why, hex } of report.failures) {
    t.fail(`run ${run}, ${target}, ${what}: ${why}; bytes ${hex}`)
  }
  t.is(report.failures.length, 0)
  t.is(report.byTarget.size, targets.length, 'every kind of input was thrown')
  const codes = [...report.refusals.keys()]
  t.ok(codes.length >= codesMin, `${codes.length} codes: ${codes.toSorted().join(' ')}`)
  for (const code of codes) t.ok(code in EXIT, code)
  t.ok(report.lawful > 0, 'some changes leave a statement with its quorum')
})

test('the same seed throws the same, another seed throws others', async (t) => {
  const first = await fuzz({ seed: 'x', runs: 200 })
  const again = await fuzz({ seed: 'x', runs: 200 })
  const other = await fuzz({ seed: 'y', runs: 200 })
  t.is(again.digest, first.digest)
  t.unlike(other.digest, first.digest)
})

test('the oracle sees what admission would have to miss', (t) => {
  const { believed } = scenes.find(({ name }) => name === 'trust 1 and its life')!
  const nothing = believeNothing(network.id)
  t.is(unlawful(nothing, believed), null, 'a good life is lawful')
  for (const { tag } of [...believed.held.values()].map(({ any }) => any)) {
    const short = withFewer(believed, tag)
    t.ok(unlawful(nothing, short), `a ${tag} with one signature too few`)
  }
  t.is(samples.length, 22)
})

/** The belief, had one statement of this kind been taken with a signature less. */
function withFewer(believed: Believed, tag: string): Believed {
  const [hex, held] = [...believed.held].find(([, { any }]) => any.tag === tag)!
  const { statement } = held.any.known
  const entries = statement.entries.slice(1)
  const known = { ...held.any.known, statement: { ...statement, entries } }
  const any = { ...held.any, known } as typeof held.any
  const items = new Map([...believed.held, [hex, { ...held, any }]])
  const trusts = tag === 'trust' ? [known as never] : believed.trusts
  return { ...believed, held: items, trusts, trust: trusts.at(-1) ?? null }
}
