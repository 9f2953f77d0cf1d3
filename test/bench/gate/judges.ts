import { log2q, meanq, thresholdq, type Band, type Lg } from '../../../lib/crowd/index.ts'
import type { Policy } from '../../../lib/records/index.ts'
import { both, combine, crashWeight } from '../../../lib/rollout/gate/combine.ts'
import {
  absolute,
  liarBudget,
  relativeLgs,
  share,
  type Block
} from '../../../lib/rollout/gate/evidence.ts'
import { isSafe, riskPpb } from '../../../lib/rollout/gate/safe.ts'
import type { Judge, Look } from './model.ts'

type Gate = Policy['gate']

/** Logarithms of blocks are asked for again and again. */
const blockLgs = new Map<string, readonly Lg[]>()
const absolutes = new Map<string, Lg>()

/** The gate of the product with its defaults, one block added at a time. */
export class Upswell implements Judge {
  readonly #gate: Gate
  readonly #nodes: number
  readonly #budgetOf: (x: number, n: number) => number
  #sums: readonly Lg[] = [0n, 0n, 0n, 0n, 0n, 0n, 0n]
  #smallest: Block | null = null
  #x = 0
  #n = 0
  #y = 0
  #nC = 0
  #isHeld = false

  constructor({ gate, plan }: Policy, budgetOf?: (x: number, n: number) => number) {
    this.#gate = gate
    this.#nodes = plan.nodes
    this.#budgetOf = budgetOf ?? ((x, n) => liarBudget(x, n, gate.liarBudgetPpm))
  }

  begin(): void {
    return
  }

  hear(block: Look): 'go' | 'hold' | 'halt' {
    this.#x += block.x
    this.#n += block.nT
    this.#y += block.y
    this.#nC += block.nC
    if (block.x + block.y > 0) {
      const lgs = this.#lgsOf(block, 0)
      this.#sums = this.#sums.map((sum, i) => sum + (lgs[i] ?? 0n))
      const least = this.#smallest
      if (least === null || block.nT * least.nC < least.nT * block.nC) this.#smallest = block
    }
    const lg = combine([{ weight: crashWeight, lg: this.crashLg() }])
    const { alphaPpm, holdAt } = this.#gate
    if (lg >= thresholdq(1_000_000, alphaPpm)) return 'halt'
    const bound = this.#isHeld ? log2q(BigInt(holdAt), 3_000n) : thresholdq(holdAt, 1_000)
    this.#isHeld = lg >= bound
    return this.#isHeld ? 'hold' : 'go'
  }

  /** The same bits as `judge` over all blocks at once. */
  crashLg(): Lg {
    const lies = this.#budgetOf(this.#x, this.#n)
    const least = this.#smallest
    let sums = this.#sums
    if (least !== null && lies > 0) {
      const plain = this.#lgsOf(least, 0)
      const cut = this.#lgsOf(least, lies)
      sums = sums.map((sum, i) => sum + (cut[i] ?? 0n) - (plain[i] ?? 0n))
    }
    return both(meanq(sums), this.#absolute(this.#x - lies))
  }

  isSafe(stepPpm: number): boolean {
    if (stepPpm <= 0) return true
    const { gate } = { gate: this.#gate }
    return isSafe(
      {
        x: this.#x,
        n: this.#n,
        y: this.#y,
        nC: this.#nC,
        stepPpm,
        riskPpb: riskPpb(gate.riskPerStagePpm, this.#nodes),
        epsilonPpm: gate.epsilonPpm,
        rho0: gate.rho0
      },
      thresholdq(1_000_000, gate.betaPpm)
    )
  }

  #lgsOf({ x, y, nT, nC }: Block, lies: number): readonly Lg[] {
    const key = `${x} ${y} ${nT} ${nC} ${lies} ${this.#gate.rho0}`
    const held = blockLgs.get(key)
    if (held !== undefined) return held
    const lgs = relativeLgs([{ x, y, nT, nC }], share(this.#gate.rho0, 1_000), lies)
    if (blockLgs.size > 200_000) blockLgs.clear()
    blockLgs.set(key, lgs)
    return lgs
  }

  #absolute(x: number): Lg {
    const key = `${x} ${this.#n} ${this.#gate.epsilonPpm}`
    const held = absolutes.get(key)
    if (held !== undefined) return held
    const lg = absolute(x, this.#n, share(this.#gate.epsilonPpm, 1_000_000))
    if (absolutes.size > 200_000) absolutes.clear()
    absolutes.set(key, lg)
    return lg
  }
}

/** hawkBit-like: halts where a stage has failed by more than a fixed share of its group. */
export class FixedThreshold implements Judge {
  readonly #share: number
  #x = 0
  #size = 0
  readonly #nodes: number

  constructor(rate: number, nodes: number) {
    this.#share = rate
    this.#nodes = nodes
  }

  begin({ widthPpm, kT }: Band): void {
    this.#x = 0
    this.#size = Math.min(kT, Math.round((this.#nodes * widthPpm) / 1_000_000))
  }

  hear({ x }: Look): 'go' | 'halt' {
    this.#x += x
    return this.#size > 0 && this.#x >= this.#share * this.#size && this.#x > 0 ? 'halt' : 'go'
  }

  isSafe(): boolean {
    return true
  }
}

/** A pooled two-sample z of all reports so far, looked at again and again at a nominal 1 %. */
export class RepeatedZ implements Judge {
  #x = 0
  #y = 0
  #nT = 0
  #nC = 0

  begin(): void {
    return
  }

  hear({ x, y, nT, nC }: Look): 'go' | 'halt' {
    this.#x += x
    this.#y += y
    this.#nT += nT
    this.#nC += nC
    return zOf(this.#x, this.#nT, this.#y, this.#nC) > 2.326 ? 'halt' : 'go'
  }

  isSafe(): boolean {
    return true
  }
}

/**
 * Kayenta-like: a Mann–Whitney test of the reports of each stage at 98 %, at its end. Of zeros and
 * ones with the correction for ties it is the z of the two shares.
 */
export class MannWhitney implements Judge {
  #seen: Look[] = []
  #left = 0

  begin(): void {
    this.#seen = []
    this.#left = 8
  }

  hear(look: Look): 'go' | 'halt' {
    this.#seen.push(look)
    this.#left--
    if (this.#left > 0) return 'go'
    const sum = (pick: (one: Look) => number) => this.#seen.reduce((all, one) => all + pick(one), 0)
    const [x, y, nT, nC] = [sum((l) => l.x), sum((l) => l.y), sum((l) => l.nT), sum((l) => l.nC)]
    return uOf(x, nT, y, nC) > 2.326 ? 'halt' : 'go'
  }

  isSafe(): boolean {
    return true
  }
}

function zOf(x: number, nT: number, y: number, nC: number): number {
  if (nT === 0 || nC === 0) return 0
  const pooled = (x + y) / (nT + nC)
  const spread = Math.sqrt(pooled * (1 - pooled) * (1 / nT + 1 / nC))
  return spread === 0 ? 0 : (x / nT - y / nC) / spread
}

/** The statistic U with ties, a continuity correction and its normal approximation. */
function uOf(x: number, nT: number, y: number, nC: number): number {
  const n = nT + nC
  if (nT === 0 || nC === 0 || x + y === 0) return 0
  const u = x * (nC - y) + 0.5 * (x * y + (nT - x) * (nC - y))
  const [ones, zeros] = [x + y, n - x - y]
  const ties = (ones ** 3 - ones + zeros ** 3 - zeros) / (n * (n - 1))
  const spread = Math.sqrt(((nT * nC) / 12) * (n + 1 - ties))
  return spread === 0 ? 0 : (u - (nT * nC) / 2 - 0.5) / spread
}
