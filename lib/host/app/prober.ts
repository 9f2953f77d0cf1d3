import type { Clock } from '../../base/index.ts'
import { inBackground } from '../../base/life.ts'
import { probeOnce, type Probed } from './probe.ts'
import type { RunSpec } from './runspec.ts'

export type ProbeNews = 'healthy' | 'unhealthy' | 'start-timeout'

const startLookMs = 100
const answerMsMax = 5_000

/**
 * Asks one process again and again, and says only what changed: first healthy, or not healthy in
 * time; bad for `badForMs` without a break; healthy again.
 */
export class Prober {
  readonly #clock: Clock
  readonly #spec: RunSpec
  readonly #at: Probed
  readonly #news: (news: ProbeNews) => void
  #state: 'starting' | 'late' | 'healthy' | 'bad' = 'starting'
  #badSinceMs: number | null = null
  #cancel: () => void = () => undefined
  #stopped = false

  constructor(clock: Clock, spec: RunSpec, at: Probed, news: (news: ProbeNews) => void) {
    this.#clock = clock
    this.#spec = spec
    this.#at = at
    this.#news = news
  }

  start(): void {
    this.#look().catch(inBackground)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  async #look(): Promise<void> {
    const { probes, intervalMs } = this.#spec
    const timeoutMs = Math.min(answerMsMax, Math.max(1_000, intervalMs))
    const answers = await Promise.all(
      probes.map(async (probe) => await probeOnce(this.#clock, probe, this.#at, timeoutMs))
    )
    if (this.#stopped) return
    this.#judge(answers.every((answer) => answer))
    // The news may have ended this very prober.
    if (this.#isStopped()) return
    const quick = this.#state === 'starting' || this.#state === 'late'
    this.#cancel = this.#clock.after(quick ? Math.min(startLookMs, intervalMs) : intervalMs, () =>
      this.start()
    )
  }

  #isStopped(): boolean {
    return this.#stopped
  }

  #judge(isWell: boolean): void {
    const nowMs = this.#clock.steadyMs()
    if (isWell) {
      this.#badSinceMs = null
      if (this.#state !== 'healthy') this.#turn('healthy', 'healthy')
      return
    }
    if (this.#state === 'starting') {
      const late = nowMs - this.#at.startedMs >= this.#spec.startTimeoutMs
      if (late) this.#turn('late', 'start-timeout')
      return
    }
    this.#badSinceMs ??= nowMs
    const isBad = nowMs - this.#badSinceMs >= this.#spec.badForMs
    if (this.#state === 'healthy' && isBad) this.#turn('bad', 'unhealthy')
  }

  #turn(state: 'late' | 'healthy' | 'bad', news: ProbeNews): void {
    this.#state = state
    this.#news(news)
  }
}
