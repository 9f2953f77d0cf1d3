// A real daemon on loopback is asked everything an operator can ask, and its home is judged by
// files alone, beside it and after it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import type { TrustDump } from '../../lib/cli/node/dump/types.ts'
import { callDaemon } from '../../lib/control/index.ts'
import { socketPath } from '../../lib/host/index.ts'
import type { StatusView } from '../../lib/node/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { World } from '../subscribe/world.ts'
import { node, type Said } from './operator.ts'

const bin = join(import.meta.dirname, '..', '..', 'bin', 'ota-node.js')
const apps = 'fixtures/apps/good'

/** `ota-node run` on a home that only knows the publisher; ends with the test. */
function start(t: TestContext, home: string, world: World): () => Promise<void> {
  const told = ['--network', world.join, '--peers', world.address, '--bootstrap', 'none']
  const words = ['run', '--home', home, ...told, '--host', '127.0.0.1', '--level', 'auto']
  const child = spawn(process.execPath, [bin, ...words], { stdio: 'ignore' })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'close')
    child.kill('SIGTERM')
    await gone
  }
  t.teardown(stop, { order: 0 })
  return stop
}

/** Asks the daemon until it says so; a test that waits too long ends by its own time-out. */
async function until(home: string, is: (status: StatusView) => boolean): Promise<void> {
  for (;;) {
    const socket = socketPath(join(home, 'run'), 'ctl.sock')
    const status = await callDaemon(socket, { method: 'GET', path: '/status' }).catch(() => null)
    // Cast: a daemon of this build answers in this shape.
    if (status !== null && is(status as StatusView)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function dumpIn({ lines }: Said): TrustDump {
  return lines.find(({ tag }) => tag === 'trust')?.data as unknown as TrustDump
}

test('an operator asks a daemon, and its files without it', { timeout: 90_000 }, async (t) => {
  const world = await World.found(t)
  const files: Record<string, string> = {}
  for (const name of await readdir(apps)) files[name] = await readFile(join(apps, name), 'utf8')
  const release = await world.release(1, files)
  const home = join(await t.tmp(), 'home')
  const stop = start(t, home, world)
  await until(home, ({ running }) => running?.label === '1.0.1')
  const asked = async (...words: readonly string[]): Promise<Said> =>
    await node([...words, '--home', home, '--json'])

  const status = await asked('status')
  t.is(status.exit, 0, status.stderr)
  t.alike(status.final?.data['freshness'], { state: 'none', ageMs: null, claim: null })
  t.is(status.final?.data['slot'], null, 'no invite, no slot')
  const person = await node(['status', '--home', home])
  t.ok(/^freshness +none: /m.test(person.stdout))
  t.ok(/^trust +1, expires .* 36[34] days left$/m.test(person.stdout))

  const none = await asked('check')
  t.alike([none.exit, none.final?.code], [4, 'NOTHING_TO_DO'])

  const why = await node(['why', release.name.slice(0, 8), '--home', home])
  t.is(why.exit, 0)
  t.ok(why.stdout.split('\n').filter((line) => line.includes('not reached yet')).length <= 2)
  t.ok(/^place \d+\.\d % of the order$/m.test(why.stdout))
  t.ok(/^ {2}ok {2}seed {2}[0-9a-f]{64}$/m.test(why.stdout))
  t.ok(/^ {2}ok {2}place [0-9a-f]{16} {2}of node [a-z0-9]{52}$/m.test(why.stdout))

  const live = dumpIn(await asked('trust'))
  t.is(live.source, 'daemon')
  t.is(live.channels[0]?.releases[0]?.release, release.name)
  t.is(live.feeds[0]?.state, 'reading')

  t.is((await asked('hold')).exit, 0)
  const held = await asked('status')
  t.alike([held.exit, held.final?.code], [17, 'HELD'])
  const second = await world.release(2, { ...files, 'note.txt': 'two' })
  const fresh = await asked('check')
  t.is(fresh.exit, 0, fresh.stderr)
  t.is(fresh.final?.data['newest'], second.name, 'held or not, it is told what there is')

  await stop()
  const dump = dumpIn(await asked('trust'))
  t.is(dump.source, 'files')
  t.is(dump.network.id, toName(world.network.id))
  t.is(dump.feeds[0]?.state, 'unknown')
  const judged = await node(['verify', home, '--json'])
  t.is(judged.exit, 0, 'all that lies there holds')
  const tree = await node(['verify', join(home, 'versions', release.name), '--json'])
  t.is(tree.exit, 0, tree.stderr)
})
