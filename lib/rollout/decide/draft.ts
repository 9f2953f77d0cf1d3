import type { EvidenceDraft } from '../../records/index.ts'
import type { ReleaseFacts } from './facts.ts'
import type { DecideInput, RolloutMemory, Run } from './types.ts'

/** The decision in the making: memory that is replaced only where something changed. */
export class Draft {
  #input: DecideInput
  readonly #said: EvidenceDraft[] = []

  constructor(input: DecideInput) {
    this.#input = input
  }

  get input(): DecideInput {
    return this.#input
  }

  get memory(): RolloutMemory {
    return this.#input.memory
  }

  get said(): readonly EvidenceDraft[] {
    return this.#said
  }

  say(drafts: readonly EvidenceDraft[]): void {
    this.#said.push(...drafts)
  }

  runOf(hex: string): Run | null {
    return this.memory.runs[hex] ?? null
  }

  setRun(hex: string, run: Run): void {
    if (this.memory.runs[hex] === run) return
    this.#replace({ runs: { ...this.memory.runs, [hex]: run } })
  }

  setCensus(census: RolloutMemory['census']): void {
    if (census !== this.memory.census) this.#replace({ census })
  }

  /** An abort counts from when it was learned; a lifted one is forgotten. */
  noteAborts(releases: readonly ReleaseFacts[]): void {
    for (const { hex, aborted } of releases) {
      const held = this.memory.aborted[hex]
      if (aborted === (held !== undefined)) continue
      const { [hex]: _, ...rest } = this.memory.aborted
      this.#replace({ aborted: aborted ? { ...rest, [hex]: this.#input.nowMs } : rest })
    }
  }

  /** Runs of releases that are no longer kept are over; the memory stays as small as they are. */
  prune(isKept: (hex: string) => boolean): void {
    const runs = Object.entries(this.memory.runs)
    const kept = runs.filter(([hex]) => isKept(hex))
    if (kept.length < runs.length) this.#replace({ runs: Object.fromEntries(kept) })
  }

  #replace(part: Partial<RolloutMemory>): void {
    this.#input = { ...this.#input, memory: { ...this.memory, ...part } }
  }
}
