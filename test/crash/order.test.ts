// In which order things reach the disk: what a power cut may take is never named by what it left.
import { mkdir, open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import test from 'brittle'
import { toText } from '../../lib/base/index.ts'
import { realDisk } from '../../lib/host/index.ts'
import { Launcher } from '../../lib/host/launcher/main.ts'
import { decodeJournal, type EdgeLine } from '../../lib/records/index.ts'
import { Conductor, releases } from '../host/conductor.ts'
import { traceFiles, Unsafe } from './trace.ts'

const idle = [process.execPath, '-e', 'setInterval(() => {}, 60000)']

test(
  'nothing is renamed before it is synced, and nothing is journaled before it is durable',
  { timeout: 60_000 },
  async (t) => {
    const path = join(await t.tmp(), 'home')
    await mkdir(path, { mode: 0o700 })
    const launcher = new Launcher({ home: path, daemon: idle, output: 'ignore' }, () => undefined)
    await launcher.start()
    t.teardown(async () => await launcher.stop(), { order: 10 })
    const unsafe = new Unsafe()
    const faults: string[] = []
    let lines = 0
    let renames = 0
    const trace = traceFiles((deed) => {
      if (!deed.path.startsWith(path)) return
      if (deed.do === 'rename') {
        renames++
        for (const left of unsafe.below(deed.path, false)) {
          faults.push(`${left} was not synced when ${deed.path} was renamed`)
        }
      }
      unsafe.take(deed)
      if (deed.do !== 'write' || basename(deed.path) !== 'journal') return
      for (const line of edgesIn(deed.bytes)) {
        lines++
        faults.push(...namedTooEarly(path, line, unsafe).map((left) => `${line.edge}: ${left}`))
      }
    })
    t.teardown(() => trace.stop())
    const conductor = await Conductor.open(path)
    t.teardown(async () => await conductor.close(), { order: 1 })
    for (const app of ['stateful1', 'stateful2'] as const) {
      await conductor.upgrade(app)
      await conductor.until(({ op, pointer }) => op === null && pointer?.release === releases[app])
    }
    t.alike([...new Set(faults)], [])
    t.comment(`${lines} edges, ${renames} renames`)
    t.ok(lines > 20 && renames > 5, 'it was looked on at')
  }
)

test('the look finds what is renamed or named too early', async (t) => {
  const folder = await t.tmp()
  const unsafe = new Unsafe()
  const trace = traceFiles((deed) => deed.path.startsWith(folder) && unsafe.take(deed))
  t.teardown(() => trace.stop())
  const disk = realDisk()
  await disk.makeFolder(join(folder, 'made'))
  await disk.create(join(folder, 'made', 'file'), new Uint8Array(3), 0o600)
  t.alike(unsafe.below(join(folder, 'made'), false), [join(folder, 'made', 'file')], 'its name')
  await disk.syncFolder(join(folder, 'made'))
  t.alike(unsafe.below(join(folder, 'made'), false), [])
  t.alike(unsafe.below(join(folder, 'made'), true), [join(folder, 'made')])
  await disk.rename(join(folder, 'made'), join(folder, 'moved'))
  t.alike(unsafe.below(join(folder, 'moved'), true), [join(folder, 'moved')])
  await disk.syncFolder(folder)
  t.alike(unsafe.below(folder, true), [])
  const file = await open(join(folder, 'moved', 'file'), 'w')
  await file.writeFile(new Uint8Array(9))
  t.alike(unsafe.below(folder, true), [join(folder, 'moved', 'file')], 'bytes that are not synced')
  await file.close()
})

function edgesIn(bytes: Uint8Array | undefined): readonly EdgeLine[] {
  if (bytes === undefined) return []
  const { lines } = decodeJournal(new Uint8Array(bytes))
  if (lines.length === 0) throw new Error(`no journal line: ${toText(bytes).slice(0, 80)}`)
  return lines.flatMap((line) => (line.tag === 'edge' ? [line] : []))
}

/** What a line says is there, and a power cut could still take. */
function namedTooEarly(path: string, line: EdgeLine, unsafe: Unsafe): readonly string[] {
  const { state, release, next, gen } = line
  const left: string[] = []
  const versions = join(path, 'versions')
  const isPlaced = !['idle', 'admitted', 'fetched', 'verified'].includes(state)
  if (isPlaced && release !== null) left.push(...unsafe.below(join(versions, release), true))
  const isPlanned = isPlaced && state !== 'unpacked' && release !== null
  if (isPlanned) left.push(...unsafe.below(join(versions, `${release}.run`), true))
  const named = next?.gen ?? (state === 'trial' || state === 'committed' ? gen : null)
  if (named !== null) {
    left.push(...unsafe.below(join(path, 'state', named), true))
    left.push(...unsafe.below(join(path, 'state', `${named}.meta`), true))
  }
  // The pointer of the one that is on trial, or has come back, is in its place.
  if (state === 'trial' || line.edge === 18 || line.edge === 33) {
    left.push(...unsafe.below(join(path, 'current'), true))
  }
  return left
}
