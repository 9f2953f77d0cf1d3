import { parseArgs } from 'node:util'
import { floodWire } from './wire.ts'

/**
 * A flood of malformed messages of our channel against one node on loopback:
 *
 *   npm run test:wire -- --seed X [--messages 100000]
 *
 * No handler throws, memory stays, and two honest peers go on talking through the node, never
 * waiting for two seconds.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    messages: { type: 'string', default: '100000' }
  }
})
const messages = Number(values.messages)
const slowestMs = 2_000
const growthMax = 64 * 2 ** 20
const closers: (() => unknown)[] = []
let shown = 0
const faults: string[] = []
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)

for (const patient of [true, false]) {
  const report = await floodWire(
    { teardown: (fn) => closers.push(fn) },
    {
      seed: values.seed,
      messages: patient ? messages : Math.ceil(messages / 10),
      patient,
      onProgress: (sent) => {
        if (Math.abs(sent - shown) < 10_000) return
        shown = sent
        process.stderr.write(`${sent.toLocaleString('en')} sent\n`)
      }
    }
  )
  const [warm, end] = report.held
  if (report.handlerFaults > 0) faults.push(`${report.handlerFaults} handlers threw`)
  if (end - warm > growthMax) faults.push(`memory grew by ${mib(end - warm)} MiB`)
  if (report.slowestProbeMs > slowestMs) faults.push('an honest peer waited too long')
  process.stdout.write(
    `${patient ? 'slow' : 'flood'}: ${report.sent.toLocaleString('en')} malformed messages over ` +
      `${report.connections} connections, ${report.rejects} read to a fault, ${report.cut} cut\n` +
      `  honest probes ${report.probes}, the slowest ${report.slowestProbeMs.toFixed(0)} ms ` +
      `(at most ${slowestMs}); memory ${mib(warm)} -> ${mib(end)} MiB; ` +
      `CPU of all ends ${report.cpuS.toFixed(1)} s\n`
  )
  for (const close of closers.splice(0).toReversed()) await close()
}
process.stdout.write(faults.length === 0 ? 'ok\n' : `not ok: ${faults.join('; ')}\n`)
process.exitCode = faults.length === 0 ? 0 : 1
