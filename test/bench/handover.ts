import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from './delta/report.ts'
import { quantile, thinkMs, type Sample } from './handover/load.ts'
import { Peer } from './handover/peer.ts'
import { freePort, nginxReload, plainRestart } from './handover/rivals.ts'
import { exclusive, leftOver, openRig, overlapped } from './handover/rounds.ts'
import { storeChange, takeBacks, undisturbed, type Exclusive } from './handover/rounds.ts'

/**
 * What a hand-over costs those who are being served:
 *
 *   npm run bench:handover [-- --count 100] [--exclusive 20] [--rate 300] [--storeRate 100]
 *
 * An open loop of requests, half of them on kept connections, latency from the scheduled instant.
 * Clients use a kept connection again within half of the app's linger: that is the condition of 0.
 * The launcher is a process of its own, driven through the daemon's own hands; no network takes
 * part. Ends with 1 if a request of an overlapped hand-over was lost or anything is left over.
 */
const options = {
  count: { type: 'string', default: '100' },
  exclusive: { type: 'string', default: '20' },
  rate: { type: 'string', default: '300' },
  storeRate: { type: 'string', default: '100' }
} as const

const calmMs = 5_000
const rivalRounds = 10

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function row(name: string, rounds: number, samples: readonly Sample[]): readonly string[] {
  const lost = samples.filter((one) => one.lost !== null)
  const times = samples.filter((one) => one.lost === null).map(({ ms }) => ms)
  const fresh = lost.filter(({ kept }) => !kept).length
  return [
    name,
    String(rounds),
    `${lost.length} / ${samples.length}`,
    `${fresh} new, ${lost.length - fresh} kept`,
    ...[0.5, 0.99, 1].map((share) => quantile(times, share).toFixed(1))
  ]
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'handover-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function storeRounds(hold: boolean, count: number, perSecond: number): Promise<Exclusive> {
  return await inFolder(async (folder) => {
    const port = await freePort()
    const rig = await openRig(folder, 'store', storeChange(hold, port))
    const peer = new Peer(folder, port)
    const key = /key ([0-9a-f]{64})/.exec((await rig.view()).slots.a?.word?.status ?? '')?.[1]
    await peer.follow(key ?? '')
    peer.takeGap()
    const outcome = await exclusive(rig, { count, perSecond, hold })
    const { lockMs, pauseMs } = outcome
    const gap = peer.takeGap()
    say(
      `${hold ? 'proxy hold' : 'socket passed, 503 on kept connections'}: lock gap p50 ` +
        `${quantile(lockMs, 0.5).toFixed(0)} max ${quantile(lockMs, 1).toFixed(0)} ms, pause p50 ` +
        `${quantile(pauseMs, 0.5).toFixed(0)} max ${quantile(pauseMs, 1).toFixed(0)} ms, longest ` +
        `gap seen by a peer ${gap.toFixed(0)} ms (${peer.blocks} blocks)`
    )
    await peer.close()
    await rig.close()
    return outcome
  })
}

const { values } = parseArgs({ options })
const [count, exclusiveCount] = [Number(values.count), Number(values.exclusive)]
const [rate, storeRate] = [Number(values.rate), Number(values.storeRate)]

const rows: (readonly string[])[] = []
const verdict = await inFolder(async (folder) => {
  const rig = await openRig(folder, 'steady', { env: { LINGER_MS: String(2 * thinkMs) } })
  const calm = await undisturbed(rig, calmMs, rate)
  rows.push(row('no hand-over', 0, calm.samples))
  await overlapped(rig, 2, rate)
  const before = leftOver(rig)
  const over = await overlapped(rig, count - (count % 2), rate)
  rows.push(row('overlap, socket passed', over.rounds, over.samples))
  const after = leftOver(rig)
  const back = await takeBacks(rig, Math.min(20, count))
  say(
    `warm take-back, SIGKILL to the next answer: p50 ${quantile(back, 0.5).toFixed(1)} ms, p99 ` +
      `${quantile(back, 0.99).toFixed(1)} ms (${back.length} times)`
  )
  const left = after.descriptors - before.descriptors + after.children - before.children
  say(`left over after ${over.rounds} hand-overs: ${left} descriptors and processes`)
  await rig.close()
  const lost = over.samples.filter((one) => one.lost !== null).length
  return lost === 0 && left <= 0
})
for (const hold of [false, true]) {
  if (exclusiveCount === 0) break
  const { samples, rounds } = await storeRounds(hold, exclusiveCount, storeRate)
  rows.push(row(`exclusive corestore, ${hold ? 'hold' : '503 + close'}`, rounds, samples))
}
const nginx = await inFolder(
  async (folder) => await nginxReload(folder, { count: rivalRounds * 2, perSecond: rate })
)
if (nginx === null) say('nginx is not installed: no reload beside it')
else rows.push(row('nginx -s reload', nginx.rounds, nginx.samples))
const plain = await plainRestart(rivalRounds, rate)
rows.push(row('plain restart', plain.rounds, plain.samples))
const head = ['strategy', 'rounds', 'lost / requests', 'which', 'p50 ms', 'p99 ms', 'max ms']
say(table(head, rows))
process.exitCode = verdict ? 0 : 1
