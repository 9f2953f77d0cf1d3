import { join } from 'node:path'
import { limitMs, Meter, type Outcome, type Setting } from './contest.ts'
import type { Told } from './peer.ts'
import { Proc } from './proc.ts'

const bootstrapPort = 49_737
const startMs = 60_000
/** The start waits until each node has so many peers, or as many as there are. */
const peersLeast = 4
const script = (name: string): string => join(import.meta.dirname, `${name}.js`)

/** Nodes with real wires and stores, who meet through a DHT; all begin at once. */
export async function runOurs(setting: Setting, tree: string): Promise<Outcome> {
  const { net, scratch, receivers } = setting
  const [seedPlace, ...places] = net.places
  if (seedPlace === undefined) throw new Error('there is no place for the seed')
  const { address } = net.hub
  const node = [process.execPath, '--enable-source-maps']
  const meeting = new Proc(net.hub, [...node, script('meeting'), address, `${bootstrapPort}`])
  const procs: Proc[] = []
  const at = `${address}:${bootstrapPort}`
  try {
    await meeting.next(startMs)
    const seed = new Proc(seedPlace, [...node, script('peer'), join(scratch, 'seed'), at, tree])
    procs.push(seed)
    const published = (await seed.next(startMs)) as { readonly published: Told }
    for (const [i, place] of places.entries()) {
      procs.push(new Proc(place, [...node, script('peer'), join(scratch, `node-${i}`), at]))
    }
    for (const proc of procs.slice(1)) await proc.next(startMs)
    await Promise.all(procs.map(async (proc) => await met(proc, Math.min(peersLeast, receivers))))
    const meter = new Meter(net, procs)
    await meter.start()
    for (const proc of procs.slice(1)) proc.tell(published.published)
    const doneS = await Promise.all(
      procs.slice(1).map(async (proc) => {
        await done(proc)
        return meter.seconds
      })
    )
    return await meter.outcome(setting, 'upswell', doneS)
  } finally {
    for (const proc of [...procs, meeting]) await proc.stop()
  }
}

async function met(proc: Proc, least: number): Promise<void> {
  const endMs = performance.now() + startMs
  for (;;) {
    const said = (await proc.next(startMs)) as { readonly peers?: number }
    if ((said.peers ?? 0) >= least) return
    if (performance.now() > endMs) {
      throw new Error(`${proc.place.namespace} has ${said.peers} peers after a minute`)
    }
  }
}

async function done(proc: Proc): Promise<void> {
  for (;;) {
    const said = (await proc.next(limitMs)) as { readonly done?: true; readonly failed?: string }
    if (said.failed !== undefined) throw new Error(said.failed)
    if (said.done === true) return
  }
}
