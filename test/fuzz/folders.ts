import { Authority } from '../../lib/authority/index.ts'
import { alloc, concat, fromText, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  crc32,
  decodeJournal,
  decodePointer,
  encodeJournalLine,
  encodePointer,
  type JournalDraft,
  type Pointer
} from '../../lib/records/index.ts'
import { believeNothing, formatJoin, toName, type Believed } from '../../lib/trust/index.ts'
import { bareNode } from '../tools/authority.ts'
import type { MemoryDisk } from '../tools/memory-disk.ts'
import { idOf, idOfStatement, testNowMs, wire } from '../tools/people.ts'
import type { Dice } from './dice.ts'
import { mutateBytes, mutateValue, splice } from './mutate.ts'
import { unlawful } from './oracle.ts'
import { attempt, demand, refusedWith, type Offered, type Outcome, type Target } from './outcome.ts'
import { network, samples, wholeLife } from './scenes.ts'

/** A node's folder of statements, damaged or doctored, at a start. */
export const folders: Target = { name: 'authority folders', weight: 3, sanity, run }

/** What a node remembers of itself: the journal and the pointer to what runs. */
export const journals: Target = {
  name: 'journals',
  weight: 2,
  sanity: sanityOfJournals,
  run: runJournal
}

const folder = 'home/statements'
let disk: MemoryDisk | null = null

/** The folder of a node that lived through everything; made once, forked for each run. */
async function lived(): Promise<MemoryDisk> {
  if (disk !== null) return disk
  const node = await bareNode(network)
  await node.take(...wholeLife)
  const late = samples.find(({ name }) => name === 'trust 3')!.statement
  await node.take({ ...late, entries: late.entries.slice(0, 1) })
  disk = node.disk
  return disk
}

async function open(on: MemoryDisk): Promise<Believed> {
  const options = { folder, join: formatJoin(network.id), nowMs: () => testNowMs }
  return (await Authority.open(on, () => {}, options)).believed
}

async function sanity(): Promise<void> {
  const believed = await open((await lived()).fork())
  demand(believed.trust?.body.version === 2, 'a good folder')
  // Of four, the first has lost a signer to trust 2.
  demand(believed.releases.length === 3, 'a good folder holds its releases')
}

async function run(dice: Dice, offered: Offered): Promise<Outcome> {
  const copy = (await lived()).fork()
  for (let times = 1 + dice.below(3); times > 0; times--) await damage(copy, dice, offered)
  return await attempt(() => open(copy), judged)
}

/**
 * All that is believed has its signatures. A resume that lies among the trusted ones is the one
 * thing a node remembers rather than counts (S65): only its own disk can tell it that.
 */
function judged(believed: Believed): string | null {
  const held = [...believed.held].filter(([hex, { any, standing }]) => {
    const isOurs = any.tag === 'control' && any.known.body.action === 'resume' && ours.has(hex)
    // What waits is in force nowhere and offered to nobody, whatever lay beside it.
    return !isOurs && standing.tag !== 'pending'
  })
  return unlawful(believeNothing(network.id), { ...believed, held: new Map(held) }, ours)
}

const ours = new Set(wholeLife.map((one) => toHex(idOfStatement(one))))

async function damage(on: MemoryDisk, dice: Dice, offered: Offered): Promise<void> {
  const files = on.files()
  const path = dice.pick(files)
  const bytes = (await on.read(path)) ?? alloc(0)
  const other = dice.pick(files)
  const otherBytes = (await on.read(other)) ?? alloc(0)
  offered.what += ` ${path}`
  switch (dice.below(8)) {
    case 0:
      return await on.remove(path)
    case 1:
      return await on.writeDurable(path, otherBytes)
    case 2:
      return await on.rename(path, path.replace('/trusted/', '/pending/'))
    case 3:
      return await on.rename(path, path.replace('/pending/', '/trusted/'))
    case 4: {
      // Somebody lays a statement down with too few signatures, where the good ones lie.
      const { statement } = dice.pick(samples)
      const few = { ...statement, entries: statement.entries.slice(0, dice.below(3)) }
      const name = toName(idOfStatement(statement))
      offered.bytes = wire(few)
      return await on.writeDurable(`${folder}/trusted/${name}`, offered.bytes)
    }
    case 5:
      offered.bytes = splice(bytes, otherBytes, dice)
      return await on.writeDurable(path, offered.bytes)
    default:
      offered.bytes = mutateBytes(bytes, dice)
      return await on.writeDurable(path, offered.bytes)
  }
}

const pair = { release: toName(idOf(1)), gen: '1-1' }
const pointer: Pointer = {
  ...pair,
  v: 1,
  seq: 4,
  op: 2,
  phase: 'committed',
  prev: { ...pair, back: 'code' }
}
const drafts: readonly JournalDraft[] = [
  {
    tag: 'base',
    lastOp: 2,
    pointer,
    lastGood: null,
    gcAt: null,
    held: false,
    handover: 'overlap',
    level: 0,
    prevLevel: 0
  },
  { tag: 'hold', on: true },
  { tag: 'gc', release: null },
  { tag: 'note', key: 'rollout', part: 0, parts: 1, text: '{}' }
]
const lines = drafts.map((draft, i) => encodeJournalLine(draft, i + 1, testNowMs))

function sanityOfJournals(): void {
  demand(decodePointer(encodePointer(pointer)).seq === 4, 'a good pointer')
  const { fault, lines: read } = decodeJournal(concat(lines))
  demand(fault === null && read.length === lines.length, 'a good journal')
}

/** A line with the sum that its bytes need, so that what it says is looked at. */
function summed(value: unknown): Bytes {
  const json = JSON.stringify(value) ?? 'null'
  return fromText(`${crc32(fromText(json))} ${json}\n`)
}

async function runJournal(dice: Dice, offered: Offered): Promise<Outcome> {
  if (dice.chance(1, 2)) {
    offered.what = 'a pointer'
    offered.bytes = dice.chance(1, 2)
      ? mutateBytes(encodePointer(pointer), dice)
      : summed(mutateValue(pointer, dice, true))
    return await attempt(
      () => decodePointer(offered.bytes),
      ({ seq, op }) => (seq >= 0 && op >= 0 ? null : 'a number out of range')
    )
  }
  offered.what = 'a journal'
  offered.bytes = mutatedJournal(dice)
  const { fault, goodBytes } = decodeJournal(offered.bytes)
  const isPast = goodBytes > offered.bytes.byteLength
  if (fault !== null && !isPast) return refusedWith(fault)
  return { codes: [], taken: true, fault: isPast ? 'it reads past its end' : null }
}

function mutatedJournal(dice: Dice): Bytes {
  switch (dice.below(3)) {
    case 0:
      return mutateBytes(concat(lines), dice)
    case 1:
      return concat(Array.from({ length: 4 }, () => dice.pick(lines)))
    default: {
      const at = dice.below(drafts.length)
      const line = { v: 1, seq: at + 1, ts: testNowMs, ...drafts[at]! }
      return concat(lines.map((old, i) => (i === at ? summed(mutateValue(line, dice, true)) : old)))
    }
  }
}
