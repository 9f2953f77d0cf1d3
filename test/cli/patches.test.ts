// A publisher ships a change in a large file; what it costs is told before, and is what a node
// fetches.
import test from 'brittle'
import { writeFileSync } from 'node:fs'
import { prose } from '../artifact/trees.ts'
import { InsideDesk, stretchLess } from './inside.ts'

stretchLess()

/** A program of 2 MB; each version spoils other bytes of it. */
function program(version: number): Uint8Array {
  const text = prose(2_000_000, 17)
  for (let v = 2; v <= version; v += 1) {
    for (let at = v * 37; at < text.byteLength; at += 50_001) text[at] = 90 - (v % 20)
  }
  return text
}

function layVersion(desk: InsideDesk, version: number): void {
  desk.layBuild('build', `1.0.${version}`)
  writeFileSync(desk.file('build/program.txt'), program(version))
}

test('an update is told and fetched as a patch', { timeout: 60_000 }, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  layVersion(desk, 1)
  const one = await desk.run('a', 'pack', 'file:build', '-o', 'file:r1.pack')
  t.comment(one.stdout, one.stderr)
  await desk.propose('a', 'r1')
  await desk.must('a', 'commit', 'file:r1.req', ...(await desk.sign('r1', 'a')), '--alone')
  layVersion(desk, 2)
  const two = await desk.run('a', 'pack', 'file:build', '-o', 'file:r2.pack')
  t.comment(two.stdout, two.stderr)
  const json = await desk.run('a', 'pack', 'file:build', '-o', 'file:r2.pack', '--json')
  t.comment(json.stdout, json.stderr)
  await desk.propose('a', 'r2')
  t.comment(
    await desk.must('a', 'commit', 'file:r2.req', ...(await desk.sign('r2', 'a')), '--alone')
  )
})
