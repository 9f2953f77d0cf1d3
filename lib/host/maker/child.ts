import { isOtaError } from '../../base/index.ts'
import type { PackStep } from '../../artifact/index.ts'
import type { MakerWord, PatchOrder } from './order.ts'
import { workOff } from './work.ts'

/** Steps are told so often at most. */
const STEP_MS = 200

/**
 * The process that makes patches: suffix arrays and brotli fill a core and much memory for minutes,
 * and both are gone at once when it is killed.
 */
process.once('message', (order: PatchOrder) => {
  workOff(order, sayStep())
    .then((made) => say({ tag: 'made', made }))
    .catch((error: unknown) => say(failure(error)))
})
// Who asked ends this process, or is gone.
process.once('disconnect', () => process.exit())
// Ctrl-C reaches both: who asked decides.
process.on('SIGINT', () => undefined)
say({ tag: 'ready' })

function sayStep(): (step: PackStep) => void {
  let saidMs = 0
  return (step) => {
    // the arrays of the window before
    globalThis.gc?.()
    const nowMs = performance.now()
    if (nowMs - saidMs < STEP_MS && step.done > 0) return
    saidMs = nowMs
    say({ tag: 'step', step })
  }
}

function failure(error: unknown): MakerWord {
  if (isOtaError(error)) return { tag: 'failed', code: error.code, message: error.message }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { tag: 'failed', code: 'INTERNAL', message }
}

function say(word: MakerWord): void {
  process.send?.(word)
}
