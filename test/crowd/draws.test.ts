import test from 'brittle'
import { alloc, toHex, type Bytes } from '../../lib/base/index.ts'
import { hash, seedOf } from '../../lib/trust/index.ts'
import {
  armOf,
  bandsOf,
  censusSalt,
  censusTicket,
  estimateSize,
  operatorCaps,
  placeOf,
  reporterRank,
  senderLine,
  undoMs,
  verdictLine,
  verdictRank
} from '../../lib/crowd/index.ts'
import { censusRank } from '../../lib/crowd/sets/census.ts'
import { draw64 } from '../../lib/trust/index.ts'
import { compilePlan } from '../../lib/rollout/index.ts'

const nodes = 200_000
const release = alloc(32).fill(2)
const none = seedOf(release, [])
const bands = bandsOf(compilePlan('standard', { nodes }))

/** nodeKey(i) = BLAKE2b-256(u32le(i)) */
function nodeKey(i: number): Bytes {
  const bytes = alloc(4)
  new DataView(bytes.buffer, bytes.byteOffset, 4).setUint32(0, i, true)
  return hash([bytes])
}

const hex = (value: bigint) => value.toString(16).padStart(16, '0')
const smallest = <T extends { readonly r: bigint }>(list: readonly T[]) =>
  list.toSorted((a, b) => (a.r < b.r ? -1 : 1))

/** Failures that count in each arm when five equal labels saw these. */
const kept = (
  treated: readonly number[],
  controls: readonly number[],
  sizes: readonly number[]
) => {
  const operators = treated.map((treatedFailed, i) => ({
    label: `operator-${i}`,
    treated: (sizes[0] ?? 0) / 5,
    treatedFailed,
    controls: (sizes[1] ?? 0) / 5,
    controlsFailed: controls[i] ?? 0
  }))
  const caps = operatorCaps(operators, 10_000)
  const sum = (arm: 'treated' | 'controls', failed: readonly number[]) =>
    failed.reduce((all, f, i) => all + Math.min(f, caps.get(`operator-${i}`)?.[arm] ?? 0), 0)
  return [sum('treated', treated), sum('controls', controls)]
}

test('the draws of node 0 are the published ones', (t) => {
  const lottery = { seed: none, resume: 0 }
  t.is(toHex(none), '3d5d3f23de86f63f00aed59f882090477b6c479e6e51a3cf273be837a73508dc')
  t.is(toHex(nodeKey(0)).slice(0, 16), '11da6d1f761ddf9b')
  const places = [0, 1, 2].map((i) => hex(placeOf(none, nodeKey(i))))
  t.alike(places, ['92a74fc35e01d06c', '9d7929e5dc623247', '1cd53e16001f9984'])
  t.is(hex(reporterRank(lottery, 1, nodeKey(0))), '2c2b2c434ddb31f3')
  t.is(hex(reporterRank({ ...lottery, resume: 1 }, 1, nodeKey(0))), '3f0f5e8a985af242')
  t.is(hex(verdictRank(lottery, nodeKey(0))), 'c20f9cb43398649a')
  t.is(hex(draw64('jitter', [none, 0, 1, nodeKey(0)])), 'a00262f996aa9b26')
  t.is(hex(draw64('undo', [release, nodeKey(0)])), '6df1b694c37e387f')
  const spread = Number((600_000n * 0x6df1b694c37e387fn) >> 64n)
  t.is(undoMs(release, nodeKey(0), 600_000), spread)
  const order = Array.from({ length: 20 }, (_, i) => ({ i, r: placeOf(none, nodeKey(i)) }))
  t.is(
    smallest(order)
      .map(({ i }) => i)
      .join(' '),
    '10 17 2 16 18 6 15 19 0 4 1 13 3 12 11 7 9 8 14 5'
  )
})

test('200 000 nodes fall into the published stages, reporters and verdict line', (t) => {
  const lottery = { seed: none, resume: 0 }
  const [first] = bands.list
  const ends = bands.ends[0] ?? []
  t.is(hex(ends[1] ?? 0n), '0ccccccccccccccc')
  t.is(hex(ends[10] ?? 0n), '8000000000000000')
  t.is(hex(ends[12] ?? 0n), 'c147ae147ae147ae')
  t.is(hex(ends[17] ?? 0n), 'f5755bccaf709b73')
  const below = new Map<number, number>([1, 2, 3, 10, 11].map((s) => [s, 0]))
  const arms: Record<'treated' | 'control', { i: number; r: bigint }[]> = {
    treated: [],
    control: []
  }
  const voters: { i: number; r: bigint }[] = []
  for (let i = 0; i < nodes; i++) {
    const key = nodeKey(i)
    const u = placeOf(none, key)
    for (const [s, n] of below) if (u < (ends[s] ?? 0n)) below.set(s, n + 1)
    const arm = armOf(bands, 1, { u, who: 0, lag: 0 })
    if (arm !== null) arms[arm].push({ i, r: reporterRank(lottery, 1, key) })
    voters.push({ i, r: verdictRank(lottery, key) })
  }
  t.alike([...below.values()], [10077, 20060, 29956, 99526, 129631])
  const treated = smallest(arms.treated).slice(0, first?.kT)
  const controls = smallest(arms.control).slice(0, first?.kC)
  t.alike(
    treated.slice(0, 3).map(({ i }) => i),
    [13418, 62614, 99821]
  )
  t.alike([treated[199]?.i, hex(treated[199]?.r ?? 0n)], [147495, '04c0f4484530e80f'])
  t.alike(
    controls.slice(0, 3).map(({ i }) => i),
    [194713, 52014, 56696]
  )
  t.alike([controls[599]?.i, hex(controls[599]?.r ?? 0n)], [150798, '00cd84cc5cacb772'])
  const xor = [...treated, ...controls].reduce((all, { r }) => all ^ r, 0n)
  t.is(hex(xor), '003efee49659c9e7')
  const speak = (arm: 'treated' | 'control', k: number) => {
    const line = senderLine(k, arms[arm].length, 1_000_000)
    return arms[arm].filter(({ r }) => r < line).length
  }
  t.alike([speak('treated', 200), speak('control', 600)], [256, 756])
  const drawn = smallest(voters)
  t.alike(
    drawn.slice(0, 3).map(({ i }) => i),
    [120286, 55678, 16447]
  )
  t.alike([drawn[63]?.i, hex(drawn[63]?.r ?? 0n)], [35593, '001ac9d05c90cc9b'])
  t.is(voters.filter(({ r }) => r < verdictLine(nodes)).length, 63)
})

test('the census draws its published tickets and sizes', (t) => {
  const salt = censusSalt(alloc(32).fill(1), release, 7)
  t.is(toHex(salt).slice(0, 16), 'a659c1a7f17513d9')
  const ticket = censusTicket(salt, nodeKey(0))
  t.is(ticket.toString(16), '44201edd67bc455777b44c56b4c45b59')
  t.is(censusRank(ticket), 1917163118n)
  const tickets = Array.from({ length: nodes }, (_, i) => censusTicket(salt, nodeKey(i)))
  tickets.sort((a, b) => (a < b ? -1 : 1))
  t.is(estimateSize(tickets, 256), 209558)
  t.is(estimateSize(tickets), 199737)
  t.is(estimateSize(tickets.slice(0, 20)), 20, 'a fleet of twenty is counted')
})

test('an operator counts for 1 % of an arm, unless the typical one sees the failures too', (t) => {
  t.alike(kept([12, 1, 0, 1, 0], [3, 2, 1, 0, 0], [200, 600]), [4, 6])
  t.alike(kept([40, 40, 39, 40, 40], [3, 2, 1, 0, 0], [200, 600]), [199, 6])
  t.alike(kept([9, 1, 0, 1, 0], [20, 2, 1, 0, 0], [50, 600]), [3, 15])
})

test('S59 places are even: χ² over a hundred thousand nodes', (t) => {
  const buckets = Array.from({ length: 20 }, () => 0)
  for (let i = 0; i < 100_000; i++) {
    const at = Number(placeOf(none, nodeKey(i)) >> 32n) % 20
    buckets[at] = (buckets[at] ?? 0) + 1
  }
  const chi = buckets.reduce((sum, n) => sum + (n - 5_000) ** 2 / 5_000, 0)
  t.ok(chi < 43.8, `χ² ${chi.toFixed(1)} below the .1 % bound of 19 degrees`)
})
