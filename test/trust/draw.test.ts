import test from 'brittle'
import { alloc, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  buildAnchor,
  checkProof,
  draw64,
  drawHash,
  drawValues,
  hash,
  proofAt,
  seedOf
} from '../../lib/trust/index.ts'

// Two drawers with secrets and keys of one repeated byte, the published vectors of docs/gate.md.
const secret1 = alloc(32).fill(3)
const secret2 = alloc(32).fill(4)
const key1 = alloc(32).fill(5)
const key2 = alloc(32).fill(6)
const release = alloc(32).fill(2)
const anchor1 = buildAnchor(key1, secret1)
const anchor2 = buildAnchor(key2, secret2)

function leaf(anchor: typeof anchor1, index: number): string {
  return toHex(anchor.levels[0]![index]!)
}

function value(anchor: typeof anchor1, index: number): Bytes {
  return proofAt(anchor, index).subarray(0, 32)
}

function nodeKey(index: number): Bytes {
  const bytes = alloc(4)
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, index, true)
  return hash([bytes])
}

test('an anchor is the published Merkle tree over 4 096 one-time values', (t) => {
  t.is(anchor1.levels[0]?.length, drawValues)
  t.is(toHex(value(anchor1, 0)).slice(0, 16), '9baf9fabb3a28510')
  t.is(leaf(anchor1, 0).slice(0, 16), '802844bb5cecedaa')
  t.is(toHex(anchor1.levels[1]![0]!).slice(0, 16), '1ad2abbb8203045f')
  t.is(toHex(value(anchor1, 7)), '8bd63ddf817344f35ecbe91f568c9c7cdbdca2c04b310e8779e8f9bf0d798501')
  t.is(leaf(anchor1, 7), 'a4439eb539b2e12b5621754848cb90a95003c1f634acae963a103522913db2a2')
  t.is(toHex(value(anchor1, 4_095)).slice(0, 16), '75519e751867832c')
  t.is(leaf(anchor1, 4_095).slice(0, 16), '4296ec5d0b015543')
  t.is(toHex(anchor1.root), '2bfb73deb123037c63d17c6798d8a928634f492051314a653a34da1586183aab')
  t.is(toHex(value(anchor2, 7)), 'b9845f46511daf0130ed0097b1e3d6cdb4e82ea1479b2d9e5b33b5ff6ea8faea')
  t.is(leaf(anchor2, 7), '7aa2e4f0a2df2b852b02c566c3f4d2412f0cd342ac09e26a2988b2130c2ab04f')
  t.is(toHex(anchor2.root), 'e7caef6a6066e1ad550d28a30ef6e2ea9871442a2097e2f503e8151c3f824ae8')
})

test('a proof is the value and its twelve siblings, leaf level first', (t) => {
  const proof = proofAt(anchor1, 7)
  t.is(proof.byteLength, 416)
  t.is(toHex(proof.subarray(32, 40)), '8e9f52b7958d4b37', 'sibling 0')
  t.is(toHex(proof.subarray(32 + 11 * 32, 40 + 11 * 32)), '8a77c7db9b44dce1', 'sibling 11')
  t.is(toHex(hash([proof])), 'b4be8784894d1339be9bd6c3b4989d985db07c51e5eb2e918a7599fca4476d82')
})

test('S100 a draw value counts only for its own key, number and root', (t) => {
  const proof = proofAt(anchor1, 7)
  const claim = { key: key1, root: anchor1.root, first: 0, drawNumber: 7 }
  t.alike(checkProof(proof, claim), value(anchor1, 7))
  t.alike(
    checkProof(proof, { ...claim, first: 100, drawNumber: 107 }),
    value(anchor1, 7),
    'numbers count from the first'
  )
  t.is(checkProof(proof, { ...claim, drawNumber: 6 }), null, 'another number')
  t.is(checkProof(proof, { ...claim, key: key2 }), null, 'another key')
  t.is(checkProof(proof, { ...claim, root: anchor2.root }), null, 'another root')
  t.is(checkProof(proof, { ...claim, first: 8 }), null, 'before the first')
  t.is(checkProof(proof, { ...claim, drawNumber: 4_096 }), null, 'behind the last')
  t.is(checkProof(proof.subarray(0, 415), claim), null, 'too short')
  for (let at = 0; at < proof.byteLength; at++) {
    const changed = proof.slice()
    changed[at]! ^= 1
    if (checkProof(changed, claim) !== null) t.fail(`a changed byte ${at} passed`)
  }
})

test('every one of an anchor has a proof that meets its root', (t) => {
  let met = 0
  for (let drawNumber = 0; drawNumber < drawValues; drawNumber += 37) {
    const claim = { key: key2, root: anchor2.root, first: 0, drawNumber }
    if (checkProof(proofAt(anchor2, drawNumber), claim) !== null) met++
  }
  t.is(met, Math.ceil(drawValues / 37))
})

test('the seed is over the release and exactly the named values, in key order', (t) => {
  const seeds = [[], [value(anchor1, 7)], [value(anchor1, 7), value(anchor2, 7)]].map((values) =>
    toHex(seedOf(release, values))
  )
  t.alike(seeds, [
    '3d5d3f23de86f63f00aed59f882090477b6c479e6e51a3cf273be837a73508dc',
    '6de07348ee13f7236b910da6bdaf0619eb3f5d5aa5c925addf80e73753afff1a',
    '0080b08289545e4463f0f165080dc8e1015864438d4c0e94da27826eeae8a982'
  ])
})

test('places drawn from a seed are the published ones', (t) => {
  const none = seedOf(release, [])
  const cohort = [0, 1, 2].map((n) => draw64('cohort', [none, nodeKey(n)]).toString(16))
  t.alike(cohort, ['92a74fc35e01d06c', '9d7929e5dc623247', '1cd53e16001f9984'])
  const report = draw64('report', [none, 0, 1, nodeKey(0)]).toString(16)
  t.is(report, '2c2b2c434ddb31f3')
  t.is(toHex(drawHash('report', [none, 0, 1, nodeKey(0)])).slice(0, 16), report)
})
