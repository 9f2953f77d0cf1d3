import type { Clock } from '../../base/index.ts'
import { inBackground } from '../../base/life.ts'
import { probeOnce, type Probed } from './probe.ts'
import type { RunSpec } from './runspec.ts'

export type ProbeNews = 'healthy' | 'unhealthy' | 'start-timeout'

const startLookMs = 100
const answerMsMax = 5_000

/** What an app says of itself beside its probes; read at each look. */
export interface Gate {
  /** It said that it can serve, or says no such thing ever. */
  readonly isReady: boolean
  /** It says of itself that it is not well. */
  readonly isBad: boolean
  /** It accepts at its addresses: before that another one would answer for it there. */
  readonly isOpen: boolean
  /** Good looks in a row before it is called healthy: others accept on its socket too. */
  readonly looks: number
}

const openGate: Gate = { isReady: true, isBad: false, isOpen: true, looks: 1 }

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
  readonly #gate: () => Gate
  #cancel: () => void = () => undefined
  #looking = false
  #goodLooks = 0
  #stopped = false

  constructor(
    clock: Clock,
    spec: RunSpec,
    at: Probed & { readonly gate?: () => Gate },
    news: (news: ProbeNews) => void
  ) {
    this.#clock = clock
    this.#spec = spec
    this.#at = at
    this.#gate = at.gate ?? (() => openGate)
    this.#news = news
  }

  get isHealthy(): boolean {
    return this.#state === 'healthy'
  }

  /** The app said something: looks at once instead of at the next time. */
  nudge(): void {
    if (this.#looking || this.#stopped) return
    this.#cancel()
    this.start()
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
    this.#looking = true
    const { isReady, isOpen } = this.#gate()
    const asked = probes.filter(({ tag }) => isOpen || tag === 'alive' || tag === 'command')
    const answers = await Promise.all(
      asked.map(
        async (probe) => isReady && (await probeOnce(this.#clock, probe, this.#at, timeoutMs))
      )
    )
    this.#looking = false
    if (this.#stopped) return
    const gate = this.#gate()
    const isWell = gate.isReady && !gate.isBad && answers.every((answer) => answer)
    this.#goodLooks = isWell ? this.#goodLooks + 1 : 0
    if (!isWell || this.#state !== 'starting' || this.#goodLooks >= gate.looks) this.#judge(isWell)
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
