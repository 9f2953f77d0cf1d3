import test from 'brittle'
import { alloc, fromText, OtaError, toText, type Log } from '../../lib/base/index.ts'
import { passiveOf } from '../../lib/cli/node/passive.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'

const path = 'daemon/peers'

function listen(): { log: Log; events: string[] } {
  const events: string[] = []
  return { events, log: (event) => void events.push(event) }
}

async function refuse(): Promise<never> {
  throw new OtaError('NO_PERMISSION', 'not for us')
}

test('known peers survive a restart, one per line', async (t) => {
  const disk = new MemoryDisk()
  const { log } = listen()
  const first = await passiveOf(disk, log, path)
  t.alike(first.kept, [], 'nothing is known yet')
  first.keep(['10.0.0.1:1#a'])
  first.keep(['10.0.0.1:1#a', '10.0.0.2:2#b'])
  const lines = async (): Promise<number> =>
    toText((await disk.read(path)) ?? alloc(0)).split('\n').length
  while ((await lines()) < 3) await Promise.resolve()
  t.alike((await passiveOf(disk, log, path)).kept, ['10.0.0.1:1#a', '10.0.0.2:2#b'])
})

test('an unreadable file of peers costs the peers, never the start', async (t) => {
  const disk = new MemoryDisk()
  const { log, events } = listen()
  await disk.writeDurable(path, fromText('x'.repeat(65_537)))
  t.alike((await passiveOf(disk, log, path)).kept, [])
  const closed = Object.assign(new MemoryDisk(), { read: refuse, writeDurable: refuse })
  const store = await passiveOf(closed, log, path)
  t.alike(store.kept, [])
  store.keep(['10.0.0.1:1#a'])
  while (events.length < 2) await new Promise((resolve) => setImmediate(resolve))
  t.alike(events, ['peers-file', 'peers-file'], 'said twice, thrown never')
})
