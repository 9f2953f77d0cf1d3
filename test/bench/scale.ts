import { parseArgs } from 'node:util'
import { alloc, concat } from '../../lib/base/index.ts'
import { encodeHave, encodePush, encodeWant } from '../../lib/records/index.ts'
import { SimDice } from '../../lib/sim/dice.ts'
import { growGraph } from './scale/graph.ts'
import { playModel, type Sizes } from './scale/model.ts'
import { rowOf, type Row } from './scale/outcome.ts'
import { playReal } from './scale/real.ts'

/**
 * One statement through networks of a thousand to a million nodes:
 *
 *   npm run bench:scale -- [--most 1000000] [--seed 1]
 *
 * Up to 10,000 nodes the very code of nodes plays, on one calendar; above it a model in integers
 * with the same numbers, which is played beside the real one where both can be. Latency of a hop is
 * 20 to 280 ms. Bytes are those of our frames, without what a connection puts around them.
 */
const { values } = parseArgs({
  options: {
    most: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' }
  }
})
const most = Number(values.most)
const seed = Number(values.seed)
const realMost = 10_000
/** The model is trusted while its median and bytes are that near to those of the real rooms. */
const nearShare = 0.25
/** Bytes per node of the largest network over those of the smallest. */
const flatShare = 1.1
const size = 200
const playMs = 60_000

const item = concat([Uint8Array.of(1), alloc(size - 1).fill(7)])
const ref = { type: 50, subject: alloc(8), a: 0, b: 0, c: 0 }
const sizes: Sizes = {
  push: encodePush([item]).byteLength,
  have: encodeHave({ set: ref, sids: [alloc(8)] }).byteLength,
  want: encodeWant([alloc(8)]).byteLength
}
const say = (line: string): void => void process.stdout.write(`${line}\n`)

function show(row: Row): void {
  const cells = [
    row.nodes.toLocaleString('en').padStart(9),
    row.how.padEnd(28),
    `${(row.medianMs / 1_000).toFixed(2)} s`.padStart(8),
    `${(row.lastMs / 1_000).toFixed(2)} s`.padStart(8),
    String(row.hops).padStart(5),
    `${(100 * row.reachedShare).toFixed(3)} %`.padStart(10),
    row.bytesPerNode.toFixed(0).padStart(8),
    row.copies.toFixed(2).padStart(7)
  ]
  say(cells.join(' '))
}

const faults: string[] = []
say(`one statement of ${size} bytes, seed ${seed}`)
say(`${'nodes'.padStart(9)} ${'how'.padEnd(28)}   median     last  hops    reached  B/node  copies`)
for (const spread of ['eager', 'lazy'] as const) {
  const models: Row[] = []
  for (let nodes = 1_000; nodes <= most; nodes *= 10) {
    const graph = growGraph(nodes, new SimDice(seed))
    const model = rowOf(
      playModel(graph, new SimDice(seed + 1), { spread, sizes }),
      `${spread}, model`
    )
    models.push(model)
    if (nodes <= realMost) {
      const quiet = playReal(graph, new SimDice(seed), { item: null, spread, forMs: playMs })
      const perMinute = (quiet.bytes / nodes / playMs) * 60_000
      if (spread === 'eager')
        say(`${nodes} nodes, nothing to say: ${perMinute.toFixed(0)} B/min each`)
      const dice = new SimDice(seed + 2)
      const real = rowOf(
        playReal(graph, dice, { item, spread, forMs: playMs }),
        `${spread}, real rooms`
      )
      show(real)
      if (real.reachedShare < 1) faults.push(`${nodes} nodes: some never got it`)
      const near = Math.abs(model.medianMs / real.medianMs - 1)
      if (near > nearShare)
        faults.push(`${nodes} nodes: the model is off by ${(100 * near).toFixed(0)} %`)
    }
    show(model)
    if (spread === 'eager') {
      const weather = { deadShare: 0.2, lostShare: 0.02 }
      const dice = new SimDice(seed + 3)
      show(rowOf(playModel(graph, dice, { spread, sizes, weather }), 'eager, 20 % dead, 2 % lost'))
    }
  }
  const [least, last] = [models[0], models.at(-1)]
  if (least !== undefined && last !== undefined) {
    const flat = last.bytesPerNode / least.bytesPerNode
    const many = last.nodes.toLocaleString('en')
    say(`${spread}: bytes per node, ${many} over 1,000 nodes: ${flat.toFixed(3)}`)
    if (flat > flatShare) faults.push(`bytes per node grow with the network: ${flat.toFixed(2)}`)
  }
}
say(faults.length === 0 ? 'ok' : `not ok: ${faults.join('; ')}`)
process.exitCode = faults.length === 0 ? 0 : 1
