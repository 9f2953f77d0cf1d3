// A publisher ships a change in a large file: its cost is told before anybody signs, and is what
// a node fetches over the wire.
import test, { type TestContext } from 'brittle'
import { readdirSync, writeFileSync } from 'node:fs'
import { readRequest } from '../../lib/publish/index.ts'
import type { Artifact } from '../../lib/records/index.ts'
import { disk, prose } from '../artifact/trees.ts'
import { link as connect, openStore, type TestStore } from '../feed/stores.ts'
import { InsideDesk, stretchLess } from './inside.ts'
import type { Line } from './signers.ts'

stretchLess()

/** A program of 2 MB; each version spoils other bytes of it. */
function program(version: number, size = 2_000_000): Uint8Array {
  const text = prose(size, 17)
  for (let v = 2; v <= version; v += 1) {
    for (let at = v * 37; at < text.byteLength; at += 50_001) text[at] = 90 - (v % 20)
  }
  return text
}

function layVersion(desk: InsideDesk, version: number, size?: number): void {
  desk.layBuild('build', `1.0.${version}`)
  writeFileSync(desk.file('build/program.txt'), program(version, size))
}

/** Packs what lies in `build`, proposes, signs and commits it; what `pack` told. */
async function release(desk: InsideDesk, name: string): Promise<Line['data']> {
  const packed = await desk.must('a', 'pack', 'file:build', '-o', `file:${name}.pack`)
  const kind = ['--channel', 'stable', '--kind', 'code', '-o', `file:${name}.req`]
  await desk.must('a', 'propose', `file:${name}.pack`, ...kind)
  const answers = await desk.sign(name, 'a')
  await desk.must('a', 'commit', `file:${name}.req`, ...answers, '--alone')
  return packed
}

async function artifactIn(desk: InsideDesk, name: string): Promise<Artifact> {
  const { body } = await readRequest(disk, desk.file(`${name}.req`))
  const artifact = body.tag === 'release' ? body.release.artifacts[0] : undefined
  if (artifact === undefined) throw new Error(`${name} has no artifact`)
  return artifact
}

/** Fetches over a connection of its own; bytes that went over it, both ways. */
async function fetchOver(
  t: TestContext,
  [from, to]: readonly [TestStore, TestStore],
  artifact: Artifact,
  options: Parameters<TestStore['store']['fetchTree']>[1]
): Promise<{ readonly wire: number; readonly route: unknown }> {
  const link = connect(t, from, to)
  await to.store.fetchTree(artifact, options)
  await link.cut()
  const said = to.log.findLast(({ event }) => event === 'fetched')
  return { wire: link.bytes.value, route: said?.facts?.['route'] }
}

interface Download {
  readonly way: string
  readonly bytes: number
}

test('an update is told, reviewed and fetched as a patch', { timeout: 60_000 }, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  layVersion(desk, 1)
  const first = await release(desk, 'r1')
  t.alike(first['updates'], [], 'no release before it')
  // the folder is built in again, as most are: the tree of before comes from the store
  layVersion(desk, 2)
  const second = await release(desk, 'r2')
  const [update] = second['updates'] as readonly Download[]
  const coreBytes = Number(second['coreBytes'])
  t.is(update?.way, 'patch')
  t.ok((update?.bytes ?? coreBytes) < coreBytes / 100)
  t.alike(second['warnings'], [])
  t.alike(readdirSync(desk.file('home-a/work')), [], 'nothing is left of the work')
  const patches = readdirSync(desk.file('home-a/packs')).filter((name) => name.endsWith('.patches'))
  t.alike(patches, [], 'the blocks are in the store, not twice')

  const [v1, v2] = [await artifactIn(desk, 'r1'), await artifactIn(desk, 'r2')]
  const publisher = await openStore(t, desk.file('home-a/store'))
  const node = await openStore(t, desk.file('node'))
  const [one, two] = [desk.file('v1'), desk.file('v2')]
  await fetchOver(t, [publisher, node], v1, { into: one })
  const bases = [{ folder: one, treeDigest: v1.treeDigest }]
  const updated = await fetchOver(t, [publisher, node], v2, { into: two, bases })
  t.is(updated.route, 'patch')
  t.comment(`${updated.wire} of ${coreBytes} bytes over the wire`)
  t.ok(updated.wire < coreBytes / 10, 'with all headers and proofs')

  const { way, bytes } = second['firstInstall'] as Download
  const fresh = await openStore(t, desk.file('fresh'))
  const installed = await fetchOver(t, [publisher, fresh], v2, { into: desk.file('fresh-v2') })
  t.is(installed.route, way)
  t.ok(installed.wire > bytes && installed.wire < bytes * 1.05, 'as pack told')
})
