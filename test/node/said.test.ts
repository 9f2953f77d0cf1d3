// What a node says about itself is signed once, whatever happens to the process or the disk: two
// statements under one number are equivocation, and would take it out of the evidence.
import test from 'brittle'
import { assert, asyncProperty, uint8Array } from 'fast-check'
import { concat, OtaError, type Bytes } from '../../lib/base/index.ts'
import { Said } from '../../lib/node/index.ts'
import type { Evidence, EvidenceDraft } from '../../lib/records/index.ts'
import { verifyEvidence } from '../../lib/trust/index.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { idOf, nodePair } from '../tools/people.ts'

const path = 'home/daemon/said'
const who = { network: idOf(1), pair: nodePair(1) }
const tsS = 1_760_000_000

function draft(place: Partial<EvidenceDraft> = {}): EvidenceDraft {
  const enrol = { arm: 'treated', stratum: 1, dataMask: 0 } as const
  const subject = idOf(2).slice(0, 16)
  return {
    subject,
    stage: 1,
    interval: 0,
    seq: 0,
    ttlS: 0,
    body: { tag: 'enrol', enrol },
    ...place
  }
}

/** Several things to say, each under a number of its own. */
const drafts = [1, 2, 3, 4, 5].map((stage) => draft({ stage }))

async function open(disk: MemoryDisk): Promise<Said> {
  return await Said.open(disk, path, who)
}

function wires(evidence: readonly Evidence[]): readonly Bytes[] {
  return evidence.map(({ wire }) => wire)
}

async function bytesOn(disk: MemoryDisk): Promise<Bytes> {
  return (await disk.read(path)) ?? new Uint8Array()
}

test('one thing is signed once: after a restart the same bytes go out', async (t) => {
  const disk = new MemoryDisk()
  const before = await (await open(disk)).say(drafts, tsS)
  const said = await open(disk.fork())
  const after = await said.say(drafts, tsS + 3_600)
  t.alike(wires(after), wires(before), 'also at another time')
  t.alike(wires(said.all()), wires(before), 'and all of it is told again')
  t.ok(after.every(verifyEvidence))
  t.is(after[0]?.tsS, tsS)
})

test('one thing asked for twice in one breath is one statement', async (t) => {
  const disk = new MemoryDisk()
  const said = await open(disk)
  const [first, second] = await said.say([draft(), draft()], tsS)
  t.is(first, second)
  t.is(said.all().length, 1)
  await said.say([draft()], tsS + 1)
  t.is(disk.journal.length, 1, 'nothing is written twice')
})

test('what has a number of its own is another thing to say', async (t) => {
  const said = await open(new MemoryDisk())
  const verdict = { tag: 'verdict', verdict: { word: 'halted' } } as const
  const others = [
    draft(),
    draft({ stage: 2 }),
    draft({ interval: 1 }),
    draft({ subject: idOf(3).slice(0, 16) }),
    draft({ body: verdict, seq: 1 })
  ]
  const evidence = await said.say(others, tsS)
  t.is(new Set(evidence).size, others.length)
})

test('nothing is said before it is durable; a disk that fails leaves nothing said', async (t) => {
  const disk = new MemoryDisk()
  const said = await open(disk)
  disk.beforeWrite = () => {
    throw new OtaError('NO_SPACE', 'the disk is full')
  }
  await t.exception(said.say([draft()], tsS), /the disk is full/)
  t.alike(said.all(), [], 'what never reached the disk does not count as said')
  disk.beforeWrite = () => {}
  const [late] = await said.say([draft()], tsS + 60)
  t.is(late?.tsS, tsS + 60)
  const again = await (await open(disk.fork())).say([draft()], tsS + 120)
  t.alike(again[0]?.wire, late?.wire, 'one number, one statement')
  t.alike(disk.journal, [`append ${path}`])
})

test('a torn end is cut off wherever the power went, and what was whole stays', async (t) => {
  const disk = new MemoryDisk()
  const whole = wires(await (await open(disk)).say(drafts, tsS))
  const bytes = await bytesOn(disk)
  const ends = whole.map((_, i) => {
    return whole.slice(0, i + 1).reduce((sum, wire) => sum + 2 + wire.byteLength, 0)
  })
  for (let at = 0; at < bytes.byteLength; at += 3) {
    const torn = new MemoryDisk()
    await torn.append(path, bytes.slice(0, at))
    const said = await open(torn)
    const kept = ends.filter((end) => end <= at).length
    if (said.all().length !== kept) return t.fail(`${said.all().length} of ${kept} at ${at}`)
    if ((await bytesOn(torn)).byteLength !== (ends[kept - 1] ?? 0)) return t.fail(`rest at ${at}`)
  }
  t.is(ends.at(-1), bytes.byteLength)
})

test('after a torn end the next statement stands where it can be read', async (t) => {
  const disk = new MemoryDisk()
  await (await open(disk)).say([drafts[0]!, drafts[1]!], tsS)
  await disk.truncate(path, (await bytesOn(disk)).byteLength - 1)
  const said = await open(disk)
  await said.say([drafts[2]!], tsS)
  const stages = (await open(disk.fork())).all().map(({ stage }) => stage)
  t.alike(stages, [1, 3])
})

test('bytes of another network or of nobody are no words of ours', async (t) => {
  await assert(
    asyncProperty(uint8Array({ maxLength: 300 }), async (rest) => {
      const disk = new MemoryDisk()
      const [first] = await (await open(disk)).say([draft()], tsS)
      await disk.append(path, rest)
      const said = await open(disk)
      const mine = said.all().filter(({ wire }) => concat([wire]).join() === first!.wire.join())
      if (mine.length !== 1) throw new Error('a whole statement was lost')
    }),
    { numRuns: 100 }
  )
  const disk = new MemoryDisk()
  await (await Said.open(disk, path, { ...who, network: idOf(9) })).say([draft()], tsS)
  t.alike((await open(disk)).all(), [])
})

test('what no open rollout asks for is forgotten, in the file too', async (t) => {
  const disk = new MemoryDisk()
  const said = await open(disk)
  await said.say(drafts, tsS)
  const size = (await bytesOn(disk)).byteLength
  await said.prune(() => true)
  t.alike(disk.journal, [`append ${path}`], 'nothing to forget, nothing to write')
  await said.prune(({ stage }) => stage > 3)
  t.alike(disk.journal.at(-1), `write ${path}`)
  t.ok((await bytesOn(disk)).byteLength < size)
  const after = await open(disk.fork())
  t.alike(wires(after.all()), wires(said.all()))
  t.is(after.all().length, 2)
})
