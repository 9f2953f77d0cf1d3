import test from 'brittle'
import {
  absolute,
  absoluteLgs,
  liarBudget,
  relative,
  relativeLgs,
  share
} from '../../lib/rollout/gate/evidence.ts'
import { combine } from '../../lib/rollout/gate/combine.ts'
import { exp2q, lgOne, log2q, meanq, mixq, ratio, thresholdq } from '../../lib/crowd/index.ts'
import { safeLg } from '../../lib/rollout/gate/safe.ts'
import type { Block } from '../../lib/rollout/gate/evidence.ts'

const margin = share(1_200, 1_000)
const two = share(2_000, 1_000_000)
const five = share(5_000, 1_000_000)
const line = (lgs: readonly bigint[]) => lgs.join(' ')
const block = ([x, y, nT, nC]: readonly [number, number, number, number]): Block => ({
  x,
  y,
  nT,
  nC
})
const A = [block([3, 1, 50, 400])]
const B = [...A, block([0, 2, 50, 390]), block([9, 0, 60, 300])]

test('log2q, exp2q and mixq give the published bits', (t) => {
  const logs: [bigint, bigint, bigint][] = [
    [3n, 2n, 2512394809n],
    [3n, 1n, 6807362105n],
    [5n, 1n, 9972605231n],
    [10n, 1n, 14267572527n],
    [30n, 1n, 21074934633n],
    [100n, 1n, 28535145054n],
    [1n, 3n, -6807362106n],
    [2n, 3n, -2512394810n],
    [1000001n, 1000000n, 6196n],
    [7n, 7n, 0n]
  ]
  for (const [a, b, want] of logs) t.is(log2q(a, b), want, `lg ${a}/${b}`)
  const exps: [bigint, bigint][] = [
    [-1n, 4294967295n],
    [-(1n << 31n), 3037000499n],
    [-lgOne, 2147483648n],
    [-21474848825n, 134217460n],
    [-(1n << 37n), 1n],
    [-33n * lgOne, 0n]
  ]
  for (const [f, want] of exps) t.is(exp2q(f), want, `exp ${f}`)
  t.is(mixq([500n, 100n, 400n], [10n * lgOne, 0n, -4n * lgOne], 1000n), 38656218254n)
  t.is(thresholdq(100, 1), 28535145055n, 'halt')
  t.is(thresholdq(10, 1), 14267572528n, 'hold')
  t.is(thresholdq(20, 1), 18562539824n, 'safe')
  t.is(log2q(10n, 3n), 7460210421n, 'hold is left')
})

test('the relative e-process gives the published bits, in any order of blocks', (t) => {
  t.is(
    line(relativeLgs(A, margin, 0)),
    '5971275631 9846165072 14676810971 19511607101 23556209197 24436133779 20350001782'
  )
  t.is(relative(A, margin), 19564906606n)
  t.is(
    line(relativeLgs(B, margin, 0)),
    '22631646690 37082880611 54765918328 71994129643 85943161129 89155249329 76774804070'
  )
  t.is(relative(B, margin), 80732658434n)
  t.is(relative(B.toReversed(), margin), 80732658434n)
  t.is(relative([block([0, 0, 200, 600])], margin), 0n, 'no failures say nothing')
  t.is(relative([block([2, 0, 10, 0])], margin), -2n, 'no controls say nothing')
  const good = [block([0, 3, 200, 600])]
  t.is(
    line(relativeLgs(good, margin, 0)),
    '-2482212930 -4671679902 -8401944261 -14167409277 -23663138652 -41425125669 -62776854900'
  )
  t.is(relative(good, margin), -9450810143n)
})

test('the absolute e-process gives the published bits', (t) => {
  t.is(
    line(absoluteLgs(3, 50, two)),
    '7245227054 12300694191 19252496720 27573920382 37502173342 45788027948 21202953184'
  )
  t.is(absolute(3, 50, two), 35611511640n)
  t.is(
    line(absoluteLgs(0, 200, two)),
    '-1242371800 -2485990200 -4976977000 -9974022600 -22555507400 -74199046600 -274053114800'
  )
  t.is(absolute(0, 200, two), -7280119174n)
  t.is(
    line(absoluteLgs(3, 50, five)),
    '6804536442 11417758113 17480370180 24004365463 29324493553 17354625431 -114798238159'
  )
  t.is(absolute(3, 50, five), 20903926245n)
  t.is(
    line(absoluteLgs(5, 200, five)),
    '9522264320 15387750605 21831818050 25328498605 15417571455 -84937769415 -688786323615'
  )
  t.is(absolute(5, 200, five), 17718344492n)
  t.is(
    line(absoluteLgs(0, 200, five)),
    '-3117651000 -6243165000 -12517941000 -25163618000 -57354144800 -195192248800 -852781588600'
  )
  t.is(absolute(0, 200, five), -11357001574n)
  const hard = share(50_000, 1_000_000)
  t.is(
    line(absoluteLgs(12, 50, hard)),
    '23869419842 38808914470 55499105500 64011051230 20079656002 -474362453434 -474362453434'
  )
  t.is(absolute(12, 50, hard), 53447547497n)
})

test('the liar budget gives the published bits', (t) => {
  t.is(
    line(relativeLgs(B, margin, 4)),
    '14147976242 22941748235 33281745244 42509917303 48119379397 43644180909 27889657226'
  )
  t.is(relative(B, margin, 4), 40482157248n)
  t.is(absolute(12, 160, two), 185940490923n)
  t.is(absolute(8, 160, two), 100670548453n)
  const sizes = [1, 100, 200, 400, 3_400].map((n) => liarBudget(1_000, n, 10_000))
  t.alike(sizes, [1, 1, 2, 4, 34])
  t.is(liarBudget(1, 400, 10_000), 1, 'never more than there are')
})

test('combining leaves the whole at 1000 when silence drops out', (t) => {
  const parts = [
    { weight: 500n, lg: 8n * lgOne },
    { weight: 100n, lg: 2n * lgOne },
    { weight: 200n, lg: -lgOne },
    { weight: 200n, lg: 0n }
  ]
  t.is(combine(parts), 30098564919n)
  t.is(combine(parts.filter((_, i) => i !== 1)), 30079276723n)
})

test('the feel table: with the defaults nine failed of 200 halt, seven hold', (t) => {
  t.is(line([crash(7), crash(8), crash(9)]), '17718344492 27196715084 38034599445')
})

test('SAFE gives the published bits and sample sizes', (t) => {
  const safe = thresholdq(20, 1)
  const need = (u: bigint) =>
    [0, 1, 2, 3, 4].map((x) => {
      let n = Math.max(x, 1)
      while (safeLg(x, n, u) < safe) n++
      return n
    })
  t.is(line([safeLg(0, 16, 202_000_000n), safeLg(0, 15, 202_000_000n)]), '18880179232 17649344430')
  t.is(line([safeLg(0, 51, 68_666_666n), safeLg(0, 50, 68_666_666n)]), '18826192494 18439238715')
  t.is(line([safeLg(0, 16, 205_000_000n), safeLg(0, 15, 205_000_000n)]), '19213431869 17960497899')
  t.is(line([safeLg(0, 78, 45_000_000n), safeLg(0, 77, 45_000_000n)]), '18602099380 18351961471')
  t.alike(need(202_000_000n), [16, 29, 39, 49, 58])
  t.alike(need(68_666_666n), [51, 90, 122, 150, 177])
  t.alike(need(205_000_000n), [16, 29, 39, 48, 57])
  t.alike(need(71_666_666n), [49, 86, 117, 144, 169])
  t.alike(need(155_000_000n), [22, 39, 52, 65, 76])
  t.alike(need(45_000_000n), [78, 138, 187, 231, 272])
})

test('golden digest G1: three thousand rollouts, one number on every platform', (t) => {
  let s = 12345
  const rnd = () => {
    s = (s * 1103515245 + 12345) % 2147483648
    return s / 2147483648
  }
  let h = 0n
  for (let i = 1; i <= 3_000; i++) {
    const count = 1 + Math.floor(rnd() * 40)
    const blocks: Block[] = []
    for (let b = 0; b < count; b++) {
      const nT = 1 + Math.floor(rnd() * 400)
      const nC = 1 + Math.floor(rnd() * 400)
      const x = Math.floor(rnd() * nT * 0.1)
      const y = Math.floor(rnd() * nC * 0.05)
      blocks.push({ x, y, nT, nC })
    }
    const q = relative(blocks, margin)
    h = BigInt.asUintN(64, h * 1000003n + q)
    if (i === 1) t.alike([count, blocks[0], q], [27, block([12, 8, 122, 253]), 74183352696n])
    if (i === 10) t.is(h.toString(16), 'bd943ecf2b8f056f')
  }
  t.is(h.toString(16), 'aad2cb9a0584833e')
})

test('golden digest G2: integers only', (t) => {
  let v = 0x9e3779b9
  const next = () => {
    v ^= v << 13
    v ^= v >>> 17
    v ^= v << 5
    v >>>= 0
    return v
  }
  let h = 0n
  let negative = 0
  for (let i = 1; i <= 1_000; i++) {
    const count = 1 + (next() % 40)
    const blocks: Block[] = []
    for (let b = 0; b < count; b++) {
      const nT = 1 + (next() % 400)
      const nC = next() % 601
      const x = next() % (Math.floor(nT / 8) + 1)
      const y = next() % (Math.floor(nC / 20) + 1)
      blocks.push({ x, y, nT, nC })
    }
    const rel = relative(blocks, margin)
    const sum = (pick: (b: Block) => number) => blocks.reduce((all, b) => all + pick(b), 0)
    const abs = absolute(
      sum((b) => b.x),
      sum((b) => b.nT),
      two
    )
    const q = rel < abs ? rel : abs
    if (q < 0n) negative++
    h = BigInt.asUintN(64, h * 1000003n + q)
    if (i === 1)
      t.alike(
        [count, blocks[0], rel, abs],
        [34, block([5, 15, 63, 554]), 270252269933n, 6918162665187n]
      )
    if (i === 1) t.is(h.toString(16), '3eec4a616d')
    if (i === 10) t.is(h.toString(16), '202e185221efcd3a')
  }
  t.alike([h.toString(16), negative], ['2be7caa3b9ca5520', 57])
})

test('safestats test-safeLogrankTest.R: seven blocks give the published e-value', (t) => {
  const blocks = [0, 1, 2, 3, 4, 5, 6].map((i) => block([1, 0, 1000 - i, 1000]))
  t.is(relativeLgs(blocks, ratio(1n, 1n), 0)[2], 17619382757n)
})

test('under "no worse" the e-value never expects more than one', (t) => {
  // exact expectation over the central hypergeometric: rho0 = 1, one block, every d up to 40
  let worst = 0
  for (const nT of [1, 2, 5, 20, 50]) {
    for (const nC of [1, 5, 20, 100]) {
      for (let d = 0; d <= Math.min(40, nT + nC); d += 4) {
        worst = Math.max(worst, expectation(nT, nC, d))
      }
    }
  }
  t.ok(worst <= 1 + 1e-9, `largest ${worst}`)
  t.ok(worst > 0.99, 'and the bound is met')
})

/** lg E of x failures among 200 treated, none among 600 controls, budget taken off. */
function crash(x: number): bigint {
  const believed = liarBudget(x, 200, 10_000)
  const rel = relative([block([x, 0, 200, 600])], margin, believed)
  const abs = absolute(x - believed, 200, five)
  return rel < abs ? rel : abs
}

/** E over the number of treated among d failed of nT + nC, all alike. */
function expectation(nT: number, nC: number, d: number): number {
  let all = 0n
  let sum = 0
  for (let x = Math.max(0, d - nC); x <= Math.min(d, nT); x++)
    all += choose(nT, x) * choose(nC, d - x)
  for (let x = Math.max(0, d - nC); x <= Math.min(d, nT); x++) {
    const weight = Number((choose(nT, x) * choose(nC, d - x) * (1n << 60n)) / all) / 2 ** 60
    const lg = meanq(relativeLgs([block([x, d - x, nT, nC])], ratio(1n, 1n), 0))
    sum += weight * 2 ** (Number(lg) / 2 ** 32)
  }
  return sum
}

function choose(n: number, k: number): bigint {
  let out = 1n
  for (let i = 0; i < k; i++) out = (out * BigInt(n - i)) / BigInt(i + 1)
  return out
}
