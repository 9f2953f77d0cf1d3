import { closeSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { noRoutes } from './count.ts'
import { cleanName, seenMax, showDestination, type Destination } from './destination.ts'
import { readQuestion } from './dns.ts'
import { loadNative, nextPacket, type Native } from './native.ts'
import { readPacket, type Packet } from './packet.ts'
import { Resolver, resolverAddress } from './resolver.ts'
import type { ListeningSocket } from './sockets.ts'
import type { Seen } from './verdict.ts'

/** A socket of the machine, and where its decoy listens in the jail. */
export interface Decoy extends ListeningSocket {
  /** For `path`: the file that the path in the jail leads to. */
  readonly at: string
}

export interface WatchOrder {
  /** `full` needs a network where every address leads to loopback; `count` one with no route. */
  readonly how: 'full' | 'count'
  readonly decoys: readonly Decoy[]
}

const packetBytes = 2_048
const [tcp, udp, icmp, icmp6] = [6, 17, 1, 58]
const dnsPort = 53

/**
 * Watches the network it runs in, from before the program starts until it is asked what it saw.
 * It belongs into a network namespace of its own with nothing but loopback.
 */
export class Watch {
  readonly #order: WatchOrder
  readonly #onFirst: (destination: Destination) => void
  readonly #seen = new Map<string, Destination>()
  readonly #servers: Server[] = []
  readonly #resolver: Resolver
  #native: Native | null = null
  #packets: number | null = null
  #more = 0
  #missed = 0
  #before = 0
  /** Rises each time the reader found nothing more to read. */
  #quiet = 0
  #wakers: (() => void)[] = []
  #closed = false

  private constructor(order: WatchOrder, onFirst: (destination: Destination) => void) {
    this.#order = order
    this.#onFirst = onFirst
    this.#resolver = new Resolver((name) => this.#note({ proto: 'dns', host: name, port: 0 }))
  }

  /** Null where this cannot be watched in the way that was ordered. */
  static async start(
    order: WatchOrder,
    onFirst: (destination: Destination) => void
  ): Promise<Watch | null> {
    const watch = new Watch(order, onFirst)
    return (await watch.#start()) ? watch : null
  }

  /** What was tried so far; all that was sent before is in it. */
  async seen(): Promise<Seen> {
    const destinations = [...this.#seen.values()]
    if (this.#order.how === 'count') {
      const packets = (countNow() ?? Number.MAX_SAFE_INTEGER) - this.#before
      return { how: 'count', packets, destinations }
    }
    await this.#quiesce()
    if (this.#packets !== null) this.#missed += this.#native?.missedPackets(this.#packets) ?? 0
    const [listed, more, missed] = [[...this.#seen.values()], this.#more, this.#missed]
    return { how: 'full', destinations: listed, more, missed }
  }

  close(): void {
    this.#closed = true
    for (const server of this.#servers) server.close()
    if (this.#order.how === 'full') this.#resolver.close()
  }

  async #start(): Promise<boolean> {
    this.#native = await loadNative()
    for (const decoy of this.#order.decoys) await this.#put(decoy)
    if (this.#order.how === 'count') {
      const before = countNow()
      this.#before = before ?? 0
      return before !== null
    }
    if (this.#native === null) return false
    try {
      this.#packets = this.#native.openPackets()
      await this.#resolver.listen()
    } catch {
      // a kernel that forbids raw packets or the port: not watched, which is what null says
      return false
    }
    void this.#readAll(this.#packets)
    return true
  }

  /** One that cannot be made is not there for the program either: it finds nothing. */
  async #put(decoy: Decoy): Promise<void> {
    const server = createServer((socket) => {
      const { kind, name } = decoy
      const host = kind === 'abstract' ? `@${name.replace(/@+$/, '')}` : name
      this.#note({ proto: 'unix', host, port: 0 })
      socket.on('error', () => undefined).destroy()
    })
    await new Promise<void>((resolve) => {
      server.once('error', () => resolve())
      if (decoy.kind === 'path') return server.listen(decoy.at, () => resolve())
      const fd =
        this.#native === null ? null : tried(() => this.#native?.listenAbstract(decoy.name))
      return fd === null || fd === undefined ? resolve() : server.listen({ fd }, () => resolve())
    })
    server.on('error', () => undefined).unref()
    this.#servers.push(server)
  }

  async #readAll(fd: number): Promise<void> {
    const buffer = new Uint8Array(packetBytes)
    try {
      while (!this.#closed) {
        const bytes = await nextPacket(fd, buffer)
        if (bytes === null) this.#settle()
        else this.#take(readPacket(bytes))
      }
    } catch {
      // whatever ended the reading, from here on nothing is seen
      this.#missed++
    }
    this.#closed = true
    this.#settle()
    closeSync(fd)
    this.#packets = null
  }

  #take(packet: Packet | null): void {
    if (packet === null) return
    const { protocol, source, target, sourcePort, targetPort: port, opens, payload } = packet
    if (protocol === icmp || protocol === icmp6) return
    if (protocol === tcp && !opens) return
    // questions to our resolver are told by itself, and its answers are nobody's
    if (target === resolverAddress && port === dnsPort) return
    if (source === resolverAddress && sourcePort === dnsPort) return
    const host = this.#resolver.nameOf(target) ?? target
    if (protocol === tcp) return this.#note({ proto: 'tcp', host, port })
    if (protocol !== udp) return this.#note({ proto: 'ip', host, port: protocol })
    this.#note({ proto: 'udp', host, port })
    const question = port === dnsPort ? readQuestion(payload) : null
    if (question !== null) this.#note({ proto: 'dns', host: question.name, port: 0 })
  }

  #note(destination: Destination): void {
    const clean = { ...destination, host: cleanName(destination.host) }
    const key = showDestination(clean)
    if (this.#seen.has(key)) return
    if (this.#seen.size >= seenMax) {
      this.#more++
      return
    }
    this.#seen.set(key, clean)
    this.#onFirst(clean)
  }

  async #quiesce(): Promise<void> {
    const target = this.#quiet + 1
    while (this.#quiet < target && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wakers.push(resolve)
      })
    }
  }

  #settle(): void {
    this.#quiet++
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }
}

function countNow(): number | null {
  return tried(() => noRoutes(text('/proc/net/snmp'), text('/proc/net/snmp6')))
}

function text(path: string): string {
  return tried(() => readFileSync(path, 'latin1')) ?? ''
}

/** Null where the machine refuses. */
function tried<T>(deed: () => T): T | null {
  try {
    return deed()
  } catch {
    return null
  }
}
