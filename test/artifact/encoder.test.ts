import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import test from 'brittle'
import { encodeCorpus, type Encoded } from '../tools/encoder.ts'

const recorded = JSON.parse(readFileSync('fixtures/encoder/encoder-1.json', 'utf8')) as Encoded
/** Other programs of Node to ask, as `npm run test:encoder` finds them. */
const others = (process.env['OTA_OTHER_NODES'] ?? '').split(delimiter).filter(Boolean)

test('S109 this Node encodes as every other did: its nodes can make cores whole', async (t) => {
  t.alike(await encodeCorpus(), recorded)
  t.comment(`Node ${process.versions.node}, brotli ${process.versions['brotli'] ?? 'unknown'}`)
})

test('S109 other Nodes encode the same', { skip: others.length === 0 }, (t) => {
  const here = join(import.meta.dirname, '../tools/encoder-here.js')
  for (const node of others) {
    const found = JSON.parse(execFileSync(node, [here], { encoding: 'utf8' })) as Encoded
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
    t.alike(found, recorded, version)
  }
})
