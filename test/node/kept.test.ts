// What the evidence must not forget over a restart, and a file that cannot be read.
import test from 'brittle'
import { DAY, HOUR, MINUTE, OtaError, toHex } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import { KeptFile } from '../../lib/node/index.ts'
import { attest, beacon, believing, brake } from '../tools/acts.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import {
  foundNetwork,
  idOfStatement,
  makeArtifact,
  makeRelease,
  signRelease,
  testNowMs
} from '../tools/people.ts'

const network = foundNetwork({
  roles: { build: { members: [11] }, beacon: { members: [21] } }
})
const artifacts = [makeArtifact(1)]
const released = signRelease(network.id, makeRelease(network.id, { artifacts }))
const release = idOfStatement(released)
const hex = toHex(release)
const believed = believing(network, released)
const path = 'home/evidence'
const base = { network: network.id, atMs: testNowMs }

interface Desk {
  readonly disk: MemoryDisk
  readonly log: string[]
}

function desk(): Desk {
  return { disk: new MemoryDisk(), log: [] }
}

/** A start of the daemon at `nowMs`: a pool of its own, and the file read back into it. */
async function start({ disk, log }: Desk, nowMs: number): Promise<{ pool: Pool; kept: KeptFile }> {
  const pool = new Pool(believed)
  const kept = await KeptFile.open(disk, (event) => log.push(event), { path, pool, nowMs })
  return { pool, kept }
}

test('S104 a restart moves the end of no brake: it counts from when it was heard', async (t) => {
  const home = desk()
  const before = await start(home, testNowMs)
  before.pool.offer(brake({ ...base, release, by: 1 }).wire, testNowMs)
  await before.kept.write()
  const { pool } = await start(home, testNowMs + 23 * HOUR)
  t.is(pool.brakes(hex, testNowMs + 23 * HOUR).untilMs, testNowMs + DAY)
  pool.offer(brake({ ...base, release, by: 1 }).wire, testNowMs + 23 * HOUR)
  t.absent(pool.brakes(hex, testNowMs + DAY).acts, 'hearing it once more adds nothing')
})

test('S38 a beacon that was heard before the restart is not taken again after it', async (t) => {
  const home = desk()
  const before = await start(home, testNowMs)
  const old = beacon({ ...base, believed, by: 21, seq: 4 })
  const newer = beacon({ ...base, believed, by: 21, seq: 5, atMs: testNowMs + 10 * MINUTE })
  for (const one of [old, newer]) before.pool.offer(one.wire, testNowMs + 10 * MINUTE)
  await before.kept.write()
  const { pool } = await start(home, testNowMs + 20 * MINUTE)
  const answer = pool.offer(old.wire, testNowMs + 20 * MINUTE).answer
  t.not(answer, 'accepted')
  const fresh = pool.freshness(testNowMs + 20 * MINUTE)
  t.is(fresh.state === 'none' ? null : fresh.ageMs, 10 * MINUTE)
})

test('S37 who never heard a beacon is not newly born at each start', async (t) => {
  const home = desk()
  const before = await start(home, testNowMs)
  before.pool.freshness(testNowMs)
  await before.kept.write()
  const { pool } = await start(home, testNowMs + DAY)
  t.is(pool.freshness(testNowMs + DAY).state, 'frozen')
})

test('attestations come back, and it is written only when something changed', async (t) => {
  const home = desk()
  const { pool, kept } = await start(home, testNowMs)
  const writes: string[] = []
  home.disk.beforeWrite = (verb, at) => {
    if (at === path) writes.push(verb)
  }
  const { treeDigest } = artifacts[0]!
  pool.offer(attest({ ...base, release, by: 11, treeDigest }).wire, testNowMs)
  await Promise.all([kept.write(), kept.write()])
  await kept.write()
  t.is(writes.length, 1)
  const after = await start(home, testNowMs)
  t.alike(after.pool.attestations(hex, 0, testNowMs).organisations, ['org-11'])
  await after.kept.write()
  t.is(writes.length, 1, 'what was read back is there already')
})

test('a file that is not whole is said once and set aside, and the node goes on', async (t) => {
  const home = desk()
  const first = await start(home, testNowMs)
  first.pool.offer(brake({ ...base, release, by: 1 }).wire, testNowMs)
  await first.kept.write()
  const good = (await home.disk.read(path))!
  const flipped = good.slice()
  flipped[30] = flipped[30]! ^ 1
  for (const bytes of [good.subarray(0, good.byteLength - 1), flipped, new Uint8Array(0)]) {
    await home.disk.writeDurable(path, bytes)
    home.log.length = 0
    const { pool, kept } = await start(home, testNowMs)
    t.alike(home.log, ['evidence-damaged'])
    t.absent(pool.brakes(hex, testNowMs).acts)
    t.alike(await home.disk.read(`${path}.damaged`), bytes, 'kept for whoever looks')
    t.is(await home.disk.read(path), null)
    home.log.length = 0
    await start(home, testNowMs)
    t.alike(home.log, [], 'not said again')
    pool.offer(brake({ ...base, release, by: 1 }).wire, testNowMs)
    await kept.write()
    t.ok((await start(home, testNowMs)).pool.brakes(hex, testNowMs).acts, 'and kept anew')
  }
})

test('a disk that refuses is said once, asked again, and stops nothing', async (t) => {
  const home = desk()
  const { pool, kept } = await start(home, testNowMs)
  home.disk.beforeWrite = () => {
    throw new OtaError('NO_SPACE', 'full')
  }
  pool.offer(brake({ ...base, release, by: 1 }).wire, testNowMs)
  await kept.write()
  await kept.write()
  t.alike(home.log, ['evidence-not-kept'])
  home.disk.beforeWrite = () => {}
  await kept.write()
  t.ok((await start(home, testNowMs)).pool.brakes(hex, testNowMs).acts)
})
