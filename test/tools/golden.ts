import { writeFileSync } from 'node:fs'
import { encodeSamples, goldenFiles } from '../records/goldens.ts'
import { refusals } from '../records/refusals.ts'

/**
 * Writes fixtures/records anew from the samples of test/records. Run it by hand, after a change of
 * layout that is meant and stands in the CHANGELOG: `node dist/test/tools/golden.js`. No test and
 * no build step calls it.
 */
for (const file of goldenFiles) write(file, encodeSamples(file))
write('refused', refusals())

function write(file: string, value: unknown): void {
  writeFileSync(`fixtures/records/${file}.json`, `${JSON.stringify(value, null, 2)}\n`)
}
