import { writeFile } from 'node:fs/promises'
import Hypercore from 'hypercore'
import { packTree, verifyTree } from '../../lib/artifact/index.ts'
import { isOtaError, MIB, type Clock } from '../../lib/base/index.ts'
import { Store } from '../../lib/feed/index.ts'
import { realClock, realDice } from '../../lib/host/index.ts'
import { artifactOf, disk, noise, writeTree } from '../artifact/trees.ts'

/**
 * Run in a mount namespace: `small` has 60 MiB, `large` has room. A node fetches, its disk fills up
 * under the storage itself, and the same store goes on once there is space. Prints one word a step.
 */
const [small = '', large = ''] = process.argv.slice(2)

const clock: Clock = {
  ...realClock(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  }
}

/** What the disk says of itself; the first look is let through, to come to the write that fails. */
let lies = false
const told = {
  ...disk,
  freeBytes: async (path: string) => (lies ? 1_000 * MIB : await disk.freeBytes(path))
}

function say(word: string): void {
  process.stdout.write(`${word}\n`)
}

async function step(deed: Promise<unknown>): Promise<void> {
  try {
    await deed
    say('done')
  } catch (error) {
    say(isOtaError(error) ? error.code : String(error))
  }
}

interface Piped {
  pipe(other: Piped): Piped
  on(event: 'error', fn: () => void): void
  readonly noiseStream: { on(event: 'error', fn: () => void): void }
}

function pair(): readonly [Piped, Piped] {
  const one = Hypercore.createProtocolStream(true) as Piped
  const two = Hypercore.createProtocolStream(false) as Piped
  for (const stream of [one, two]) {
    stream.on('error', () => undefined)
    stream.noiseStream.on('error', () => undefined)
  }
  one.pipe(two).pipe(one)
  return [one, two]
}

async function artifactNumber(publisher: Store, n: number) {
  const folder = await writeTree(`${large}/from-${n}`, { app: noise(8 * MIB, n) })
  const pack = await packTree(disk, folder)
  await publisher.buildTreeCore(pack)
  return artifactOf(pack)
}

const log = (event: string): void => {
  if (event === 'HASH_MISMATCH' || event === 'store-opened-anew') say(event)
}
const node = new Store(clock, realDice(), log, { disk: told, folder: `${small}/node`, cache: true })
const publisher = new Store(clock, realDice(), log, { disk, folder: `${large}/publisher` })
await Promise.all([node.ready(), publisher.ready()])
const [one, two] = pair()
node.replicate(one)
publisher.replicate(two)
const a = await artifactNumber(publisher, 1)
const b = await artifactNumber(publisher, 2)
await step(node.fetchTree(a, { into: `${large}/a` }))
const free = await disk.freeBytes(small)
await writeFile(`${small}/fill`, new Uint8Array(free - 3 * MIB))
lies = true
await step(node.fetchTree(b, { into: `${large}/b` }))
lies = false
await step(node.fetchTree(b, { into: `${large}/b` }))
await disk.remove(`${small}/fill`)
await step(node.fetchTree(b, { into: `${large}/b` }))
await step(verifyTree(disk, `${large}/b`, b))
say(String(await node.hasWhole(b.tree)))
process.exit(0)
