import { cpuUsage, memoryUsage } from 'node:process'
import { MINUTE, type Bytes, type Clock } from '../../lib/base/index.ts'
import { realClock } from '../../lib/host/index.ts'
import { FRAME } from '../../lib/records/index.ts'
import { samples } from '../gossip/samples.ts'
import { dialAsRogue, greeted, handlerFaults, rejects, type Rogue } from '../net/rogue.ts'
import { item, makeNetwork, makeNode, until } from '../net/world.ts'
import { Dice } from './dice.ts'
import { mutateBytes, splice } from './mutate.ts'

/** Messages of one connection: a node hangs up long before, and the rest arrives at nobody. */
const perConnection = 250
const numbers = Object.values(FRAME)

/** What a flood of malformed messages did to a node. */
export interface WireReport {
  readonly sent: number
  /** Frames that came as far as a reader of the node, most of which it refused. */
  readonly rejects: number
  readonly connections: number
  /** Times that the node ended a connection of the flood. */
  readonly cut: number
  /** Statements of an honest peer that arrived at another through the node, meanwhile. */
  readonly probes: number
  readonly slowestProbeMs: number
  readonly handlerFaults: number
  readonly cpuS: number
  /** Bytes on the heap and beside it after the first tenth and at the end, garbage collected. */
  readonly held: readonly [number, number]
}

interface Flood {
  readonly seed: string
  readonly messages: number
  /**
   * The clock of the node leaps eleven minutes whenever it is read: to it each message comes alone,
   * so that no bucket is empty, nobody is banned, and every message is read to its fault.
   */
  readonly patient: boolean
  readonly onProgress?: (sent: number) => void
}

/**
 * A raw peer, with a new key each time it is banned, sends malformed messages of our channel to one
 * node between two honest ones, which go on talking through it (docs/gossip.md).
 */
export async function floodWire(
  t: { teardown(fn: () => unknown): void },
  { seed, messages, patient, onProgress }: Flood
): Promise<WireReport> {
  const network = makeNetwork()
  const timers = patient ? { timers: leapingClock() } : {}
  const node = await makeNode(t, network, { knows: [network.first], ...timers })
  const address = node.wire.address()!
  const [left, right] = [
    await makeNode(t, network, { peers: [address] }),
    await makeNode(t, network, { peers: [address] })
  ]
  await until('two honest peers', () => node.wire.peers().filter(({ ready }) => ready).length === 2)
  const startCpu = cpuUsage()
  let [sent, connections, cut, probes, slowestProbeMs, warm] = [0, 0, 0, 0, 0, 0]
  let [rejected, faults] = [0, 0]
  while (sent < messages) {
    const closers: (() => unknown)[] = []
    const own = { teardown: (fn: () => unknown) => closers.push(fn) }
    const rogue = await dialAsRogue(own, network, { address })
    await greeted(rogue)
    connections++
    const say = item(1, 10_000 + connections)
    const count = Math.min(perConnection, messages - sent)
    sendMalformed(rogue, { seed, from: sent, count })
    sent += count
    const begun = performance.now()
    left.wire.publish(say)
    await until('an honest statement at the far end', () => right.pool.has(say), 20_000)
    probes++
    slowestProbeMs = Math.max(slowestProbeMs, performance.now() - begun)
    if (!patient) await until('the flood is cut', () => rogue.gone, 20_000)
    if (rogue.gone) cut++
    else rogue.stream.destroy()
    for (const close of closers) await close()
    // Counted and let go: what the test keeps is no memory of the node's.
    const events = [...node.events]
    node.events.length = 0
    rejected += rejects(events)
    faults += handlerFaults(events)
    if (warm === 0 && sent >= messages / 10) warm = heldBytes()
    onProgress?.(sent)
  }
  const { user, system } = cpuUsage(startCpu)
  return {
    sent,
    rejects: rejected,
    connections,
    cut,
    probes,
    slowestProbeMs,
    handlerFaults: faults,
    cpuS: (user + system) / 1e6,
    held: [warm, heldBytes()]
  }
}

/** What is held by this process; garbage goes first where `--expose-gc` lets us. */
function heldBytes(): number {
  for (let times = 0; times < 4; times++) globalThis.gc?.()
  const { heapUsed, external } = memoryUsage()
  return heapUsed + external
}

function leapingClock(): Pick<Clock, 'steadyMs' | 'after'> {
  const clock = realClock()
  let leapsMs = 0
  return {
    steadyMs: () => clock.steadyMs() + (leapsMs += 11 * MINUTE),
    after: (delayMs, fn) => clock.after(delayMs, fn)
  }
}

function sendMalformed(
  rogue: Rogue,
  { seed, from, count }: { seed: string; from: number; count: number }
): void {
  for (let number = from; number < from + count && !rogue.gone; number++) {
    const dice = new Dice(seed, number)
    rogue.channel.send(dice.pick(numbers), malformed(dice))
  }
}

/** A frame of some kind, changed or made of two, under any number. */
function malformed(dice: Dice): Bytes {
  const { bytes } = dice.pick(samples)
  switch (dice.below(4)) {
    case 0:
      return dice.bytes(dice.below(2_000))
    case 1:
      return splice(bytes, dice.pick(samples).bytes, dice)
    default:
      return mutateBytes(bytes, dice)
  }
}
