import { isInstalled, run, Failed } from '../delta/run.ts'

/** A machine of its own as far as the network goes, with a capped uplink. */
export interface Place {
  readonly namespace: string
  readonly address: string
}

export interface Net {
  /** Where the meeting point is; its uplink has no cap. */
  readonly hub: Place
  readonly places: readonly Place[]
  readonly delayed: boolean
  /** Bytes that left a place, with all headers. */
  sent(place: Place): Promise<number>
  close(): Promise<void>
}

/** Outside of every private and reserved range, so that nodes treat it as the internet. */
const subnet = '44.128'
/** What may go out at once, and wait. */
const burst = ['burst', '32kb', 'latency', '200ms']
const delayMs = 10

/** Why there can be no namespaces here; null if there can. */
export async function whyNoNet(): Promise<string | null> {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  for (const tool of ['ip', 'tc']) if (!isInstalled(tool)) return `${tool} is not installed`
  const net = await makeNet(1, 10).catch((error: unknown) => error)
  if (net instanceof Failed) return `no capped namespace can be made here: ${net.message}`
  if (net instanceof Error) throw net
  await (net as Net).close()
  return null
}

/** One bridge in its own namespace, and `count` others on it; nothing of the host is touched. */
export async function makeNet(count: number, uplinkMbit: number): Promise<Net> {
  const top = `upsw${process.pid}`
  const hub = { namespace: `${top}h`, address: `${subnet}.0.1` }
  const places = Array.from({ length: count }, (_, i) => ({
    namespace: `${top}n${i}`,
    address: `${subnet}.${1 + (i >> 7)}.${1 + (i & 127)}`
  }))
  const close = async (): Promise<void> => {
    for (const { namespace } of [...places, hub]) await run('ip', ['netns', 'del', namespace])
  }
  const made: string[] = []
  try {
    await addNamespace(hub.namespace, made)
    await ip(hub, 'link add br0 type bridge')
    await ip(hub, `addr add ${hub.address}/16 dev br0`)
    await ip(hub, 'link set br0 up')
    let delayed = true
    for (const [i, place] of places.entries()) {
      await addNamespace(place.namespace, made)
      await ip(hub, `link add v${i} type veth peer name eth0 netns ${place.namespace}`)
      await ip(hub, `link set v${i} master br0 up`)
      await ip(place, `addr add ${place.address}/16 dev eth0`)
      await ip(place, 'link set eth0 up')
      delayed = (await cap(place, uplinkMbit)) && delayed
    }
    return { hub, places, delayed, sent: sentBy, close }
  } catch (error) {
    for (const namespace of made) await run('ip', ['netns', 'del', namespace])
    throw error
  }
}

async function addNamespace(namespace: string, made: string[]): Promise<void> {
  await run('ip', ['netns', 'add', namespace])
  made.push(namespace)
  await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up'])
}

async function ip({ namespace }: Place, what: string): Promise<string> {
  return await run('ip', ['-n', namespace, ...what.split(' ')])
}

/** The uplink; and the way of a packet, where the kernel has netem. */
async function cap({ namespace }: Place, uplinkMbit: number): Promise<boolean> {
  const add = ['-n', namespace, 'qdisc', 'add', 'dev', 'eth0']
  const rate = ['tbf', 'rate', `${uplinkMbit}mbit`, ...burst]
  await run('tc', [...add, 'root', 'handle', '1:', ...rate])
  try {
    await run('tc', [...add, 'parent', '1:1', 'netem', 'delay', `${delayMs}ms`])
    return true
  } catch (error) {
    if (error instanceof Failed) return false
    throw error
  }
}

async function sentBy(place: Place): Promise<number> {
  const text = await ip(place, '-s -j link show eth0')
  const [found] = JSON.parse(text) as { readonly stats64: { readonly tx: { bytes: number } } }[]
  return found?.stats64.tx.bytes ?? 0
}
