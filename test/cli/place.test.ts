// A place in the order of a release, computed again by whoever asks: what was changed on the way
// shows.
import test from 'brittle'
import { equal, toHex } from '../../lib/base/index.ts'
import { checkPlace, placeLines } from '../../lib/cli/node/place.ts'
import { placeOf } from '../../lib/crowd/index.ts'
import type { PlaceView, WhyView } from '../../lib/node/index.ts'
import {
  admit,
  believeNothing,
  drawProof,
  releaseOf,
  releaseSeed,
  toName
} from '../../lib/trust/index.ts'
import {
  drawEntry,
  foundNetwork,
  idOfStatement,
  keyOf,
  makeAnchor,
  makeRelease,
  nodePair,
  signRelease,
  testNowMs
} from '../tools/people.ts'

const anchors = [makeAnchor(1), makeAnchor(2)]
const network = foundNetwork({ roles: { draw: { members: [1, 2] } }, anchors })
const drawers = [1, 2].map(keyOf).toSorted((a, b) => Buffer.compare(a, b))

function placeWith(named: readonly Uint8Array[]): {
  readonly release: string
  readonly place: PlaceView
} {
  const fields = named.length === 0 ? {} : { drawers: named, drawNumber: 41 }
  const bare = signRelease(
    network.id,
    makeRelease(network.id, fields),
    named.length === 0 ? [1, 2] : []
  )
  const drawn = [1, 2].filter((n) => named.some((key) => equal(key, keyOf(n))))
  const entries = drawn.map((n) => drawEntry(bare, n, anchors[n - 1]!, 41))
  const statement = { ...bare, entries: [...bare.entries, ...entries] }
  let believed = believeNothing(network.id)
  for (const one of [network.first, statement]) {
    const verdict = admit(believed, one, testNowMs)
    if (verdict.tag !== 'admitted') throw new Error(JSON.stringify(verdict.tag))
    believed = verdict.believed
  }
  const known = releaseOf(believed, idOfStatement(statement))!
  const seed = releaseSeed(known)
  const { key } = nodePair(5)
  const proof = drawProof(believed, known)
  const place = {
    ppm: 372_000,
    u: placeOf(seed, key).toString(16).padStart(16, '0'),
    seed: toHex(seed),
    nodeKey: toName(key),
    proof:
      proof &&
      proof.named.map(({ label, key: drawer, value, index, path, root }) => ({
        label,
        key: toName(drawer),
        value: toHex(value),
        index,
        path: path.map(toHex),
        root: toHex(root)
      }))
  }
  return { release: toName(known.id), place }
}

const whole = placeWith(drawers)

test('S59 the values of two drawers prove the seed, and the seed the place', (t) => {
  t.alike(checkPlace(whole.release, whole.place), {
    drawers: [
      { label: whole.place.proof![0]!.label, ok: true },
      { label: whole.place.proof![1]!.label, ok: true }
    ],
    seed: true,
    place: true
  })
  const bare = placeWith([])
  t.alike(checkPlace(bare.release, bare.place), { drawers: [], seed: true, place: true })
})

const flip = (hex: string): string => `${hex.startsWith('0') ? '1' : '0'}${hex.slice(1)}`

test('S100 a changed value, path, root, index, seed, place or node shows', (t) => {
  const { release, place } = whole
  const [first, second] = place.proof!
  const proofs = [
    { ...first!, value: flip(first!.value) },
    { ...first!, path: first!.path.map((one, at) => (at === 7 ? flip(one) : one)) },
    { ...first!, path: first!.path.slice(1) },
    { ...first!, root: flip(first!.root) },
    { ...first!, index: first!.index + 1 },
    { ...first!, index: -1 },
    { ...first!, key: second!.key },
    { ...first!, key: 'no key' }
  ]
  for (const [at, changed] of proofs.entries()) {
    const { drawers: told } = checkPlace(release, { ...place, proof: [changed, second!] })
    t.alike([told[0]?.ok, told[1]?.ok], [false, true], `change ${at}`)
  }
  const valueGone = checkPlace(release, { ...place, proof: [proofs[0]!, second!] })
  t.absent(valueGone.seed, 'the seed does not follow from another value')
  t.absent(checkPlace(release, { ...place, proof: [second!, first!] }).seed, 'key order counts')
  t.absent(checkPlace(release, { ...place, proof: null }).seed, 'nor from none')
  t.absent(checkPlace(release, { ...place, seed: flip(place.seed) }).seed)
  t.absent(checkPlace(release, { ...place, u: flip(place.u) }).place)
  t.absent(checkPlace(release, { ...place, nodeKey: toName(nodePair(6).key) }).place)
  t.absent(checkPlace(toName(network.id), place).seed, 'another release')
  t.alike(checkPlace('nonsense', place).seed, false)
})

const why: WhyView = {
  release: whole.release,
  label: '1.0.0',
  state: 'waiting',
  sentence: 'waiting',
  first: null,
  conditions: [],
  place: whole.place,
  nextAtMs: null
}

test('a person reads the place, every value, and the formula', (t) => {
  const lines = placeLines(why)
  t.is(lines[0], 'place 37.2 % of the order')
  t.is(lines.filter((line) => line.startsWith('  ok  drawer p')).length, 2)
  t.ok(lines.includes(`  ok  seed  ${whole.place.seed}`))
  t.ok(lines.includes(`  ok  place ${whole.place.u}  of node ${whole.place.nodeKey}`))
  t.ok(lines.at(-2)?.includes('H("cohort", seed, node key)'))
  const steered = placeLines({ ...why, ...placeWith([]) })
  t.ok(steered.includes('  no drawer is named: the order could be steered by the drafter'))
  const forged = placeLines({ ...why, place: { ...whole.place, u: '0'.repeat(16) } })
  t.ok(forged.some((line) => line.startsWith('  no  place')))
  t.alike(placeLines({ ...why, place: null }), [])
})
