// `why` names a node's place in the order of a release, with all that is needed to compute it again
// without this program: hashes over what is printed, up to the roots that the trust names.
import test from 'brittle'
import { equal, fromHex, MINUTE, toHex, type Bytes } from '../../lib/base/index.ts'
import type { PlaceView } from '../../lib/node/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { draw64, drawHash, fromName } from '../../lib/trust/index.ts'
import {
  drawEntry,
  foundNetwork,
  idOfStatement,
  keyOf,
  makeAnchor,
  makeRelease,
  nodePair,
  signRelease
} from '../tools/people.ts'
import { Box } from './box.ts'

const anchors = [makeAnchor(1), makeAnchor(2)]
const network = foundNetwork({
  membership: 'open',
  roles: { draw: { members: [1, 2] } },
  anchors
})
const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 1 })
const drawers = [1, 2].map(keyOf).toSorted((a, b) => Buffer.compare(a, b))

/** The root that a printed value and its path lead to. */
function rootOf({ key, index, value, path }: NonNullable<PlaceView['proof']>[number]): Bytes {
  let node = drawHash('draw-leaf', [fromName(key), index, fromHex(value)])
  path.forEach((hex, bit) => {
    const sibling = fromHex(hex)
    node = drawHash('draw-node', (index >> bit) & 1 ? [sibling, node] : [node, sibling])
  })
  return node
}

test('S59 the place in the order can be computed again from what why prints', async (t) => {
  const it = await Box.open(network)
  t.teardown(() => it.close())
  const bare = signRelease(
    network.id,
    makeRelease(network.id, { policy, drawers, drawNumber: 41 }),
    []
  )
  const entries = [1, 2].map((n) => drawEntry(bare, n, anchors[n - 1]!, 41))
  await it.take(network.first, { ...bare, entries })
  await it.node.attach()
  await it.run(MINUTE)
  const { place } = await it.node.why(null)
  t.is(place?.proof?.length, 2)
  const roots = network.trust.roles.flatMap(({ members }) => members).map(({ draw }) => draw?.root)
  for (const named of place!.proof!) {
    t.is(toHex(rootOf(named)), named.root)
    t.ok(
      roots.some((root) => root !== undefined && equal(root, fromHex(named.root))),
      'as T1 lists it'
    )
    t.is(named.index, 41)
  }
  const values = place!.proof!.map(({ value }) => fromHex(value))
  const seed = drawHash('seed', [idOfStatement(bare), ...values])
  t.is(toHex(seed), place?.seed)
  const { key } = nodePair(1)
  t.alike(fromName(place!.nodeKey), key)
  const u = draw64('cohort', [seed, key])
  t.is(u.toString(16).padStart(16, '0'), place?.u)
  t.is(place?.ppm, Number((u * 1_000_000n) >> 64n))
})

test('no drawer named: the seed follows from the release alone, and why says null', async (t) => {
  const it = await Box.open(network)
  t.teardown(() => it.close())
  const statement = signRelease(network.id, makeRelease(network.id, { policy }))
  await it.take(network.first, statement)
  await it.node.attach()
  await it.run(MINUTE)
  const { place } = await it.node.why(null)
  t.is(place?.proof, null)
  t.is(place?.seed, toHex(drawHash('seed', [idOfStatement(statement)])))
})

test('a node without a release has no place, and says what it waits for', async (t) => {
  const it = await Box.open(network)
  t.teardown(() => it.close())
  await it.node.attach()
  await it.run(MINUTE)
  const why = await it.node.why(null)
  t.alike([why.place, why.sentence], [null, 'waiting for the first trust of the network'])
  t.is((await it.node.status()).worst, 'TRUST_UNSETTLED')
})
