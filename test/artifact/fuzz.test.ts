import test from 'brittle'
import { EXIT } from '../../lib/base/index.ts'
import { artifactTargets, fuzz } from '../fuzz/run.ts'

/** The short run of every test run; `npm run test:artifact -- --seed X` throws 100,000. */
const runs = 1_500

test('S31 S32 S33 S34 mutated patches, cores, indices and lists make no other tree', async (t) => {
  const seed = String(Date.now())
  t.comment(`seed ${seed}`)
  for (const one of ['npm test', seed]) {
    const report = await fuzz({ seed: one, runs, of: artifactTargets })
    for (const { run, target, what, why, hex } of report.failures) {
      t.fail(`seed ${one}, run ${run}, ${target}, ${what}: ${why}; bytes ${hex}`)
    }
    t.is(report.failures.length, 0)
    t.is(report.byTarget.size, artifactTargets.length, 'every kind of input was thrown')
    for (const code of ['PATCH_FAILED', 'BAD_TREE', 'HASH_MISMATCH', 'LENGTH_EXCEEDED'] as const) {
      t.ok((report.refusals.get(code) ?? 0) > 10, `${code} ${report.refusals.get(code)}`)
    }
    for (const code of report.refusals.keys()) t.ok(code in EXIT, code)
    t.ok(report.lawful > 0, 'some changes leave the tree as it was signed')
    t.comment([...report.refusals].map(([code, times]) => `${code} ${times}`).join(', '))
  }
})
