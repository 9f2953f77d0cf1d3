import test from 'brittle'
import { equal, isOtaError } from '../../lib/base/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import {
  admit,
  believeNothing,
  drawHash,
  drawProof,
  releaseOf,
  releaseSeed,
  seedOf,
  type Believed
} from '../../lib/trust/index.ts'
import {
  drawEntry,
  foundNetwork,
  idOfStatement,
  keyOf,
  makeAnchor,
  makeRelease,
  makeTrust,
  signed,
  signRelease,
  signTrust,
  testNowMs,
  unsigned
} from '../tools/people.ts'

// Persons 1 and 2 draw, any two of 1, 2, 3 release.
const anchors = [makeAnchor(1), makeAnchor(2)]
const network = foundNetwork({ roles: { draw: { members: [1, 2] } }, anchors })
const drawers = anchors
  .map(({ key }) => key)
  .toSorted((a, b) => (Buffer.compare(a, b) < 0 ? -1 : 1))
const release = makeRelease(network.id, { drawers, drawNumber: 5 })
const bare = unsigned(network.id, { tag: 'release', release })
const entries = [drawEntry(bare, 1, anchors[0]!, 5), drawEntry(bare, 2, anchors[1]!, 5)]
const drawn = { ...bare, entries }

function after(...statements: readonly Statement[]): Believed {
  return statements.reduce((believed, statement) => {
    const verdict = admit(believed, statement, testNowMs)
    return 'believed' in verdict && verdict.believed !== null ? verdict.believed : believed
  }, believeNothing(network.id))
}

test('a proof lets anybody check the seed with hashes alone', (t) => {
  const believed = after(network.first, drawn)
  const known = releaseOf(believed, idOfStatement(bare))!
  const proof = drawProof(believed, known)!
  t.alike(proof.seed, releaseSeed(known))
  t.alike(
    proof.named.map(({ key }) => key),
    drawers
  )
  t.alike(proof.named.map(({ label }) => label).toSorted(), ['p1', 'p2'])
  for (const { key, value, index, path, root } of proof.named) {
    t.is(index, 5)
    t.is(path.length, 12)
    let node = drawHash('draw-leaf', [key, index, value])
    for (const [level, sibling] of path.entries()) {
      const isRight = ((index >> level) & 1) === 1
      node = drawHash('draw-node', isRight ? [sibling, node] : [node, sibling])
    }
    t.alike(node, root)
    const anchor = anchors.find((one) => equal(one.key, key))!
    t.alike(root, anchor.root, 'the root that the trust lists')
  }
  t.alike(
    seedOf(
      known.id,
      proof.named.map(({ value }) => value)
    ),
    proof.seed
  )
})

test('without drawers there is nothing to prove; without their values no seed', (t) => {
  const plain = signRelease(network.id, makeRelease(network.id))
  const believed = after(network.first, plain, signed(bare, [1, 2]))
  const known = releaseOf(believed, idOfStatement(plain))!
  t.is(drawProof(believed, known), null)
  t.alike(releaseSeed(known), seedOf(known.id, []))
  const waiting = releaseOf(believed, idOfStatement(bare))!
  try {
    drawProof(believed, waiting)
    t.fail('a value is missing')
  } catch (error) {
    t.ok(isOtaError(error, 'DRAW_INCOMPLETE'))
  }
})

test('a later trust with other anchors does not change what was drawn', (t) => {
  const before = after(network.first, drawn)
  const other = [makeAnchor(1), makeAnchor(3)]
  const roles = { draw: { members: [1, 3] } }
  const second = signTrust(network.id, makeTrust({ version: 2, roles, anchors: other }), [1, 2])
  const believed = after(network.first, drawn, second)
  t.is(believed.trust?.body.version, 2)
  const known = releaseOf(believed, idOfStatement(bare))!
  t.alike(drawProof(believed, known), drawProof(before, known))
  t.absent(equal(keyOf(3), drawers[0]!))
})
