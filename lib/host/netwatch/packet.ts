import { BlockList, isIP } from 'node:net'

/** The parts of an outgoing packet that say where it goes. */
export interface Packet {
  /** Number of the protocol that IP carries. */
  readonly protocol: number
  readonly source: string
  readonly target: string
  /** 0 where the protocol has none. */
  readonly sourcePort: number
  readonly targetPort: number
  /** Of TCP: the first of a connection, asked for and not answered. */
  readonly opens: boolean
  /** Of UDP. */
  readonly payload: Uint8Array
}

const tcp = 6
const udp = 17
/** Headers of IPv6 that may stand before the one that counts. */
const extensions = [0, 43, 44, 60]
const extensionsMax = 8
const [syn, ack] = [0x02, 0x10]

/** Reads a packet from its network header on; null for one that is cut short or of another kind. */
export function readPacket(bytes: Uint8Array): Packet | null {
  const version = (bytes[0] ?? 0) >> 4
  if (version === 4) return readV4(bytes)
  return version === 6 ? readV6(bytes) : null
}

function readV4(bytes: Uint8Array): Packet | null {
  const header = ((bytes[0] ?? 0) & 0x0f) * 4
  if (header < 20 || bytes.length < header) return null
  // a later fragment has no ports; the first one told them
  if ((at16(bytes, 6) & 0x1fff) !== 0) return null
  const addresses = { source: v4(bytes, 12), target: v4(bytes, 16) }
  return { ...addresses, ...readPorts(bytes[9] ?? 0, bytes.subarray(header)) }
}

function readV6(bytes: Uint8Array): Packet | null {
  if (bytes.length < 40) return null
  const addresses = { source: v6(bytes, 8), target: v6(bytes, 24) }
  let [next, offset] = [bytes[6] ?? 0, 40]
  for (let count = 0; extensions.includes(next) && count < extensionsMax; count++) {
    if (bytes.length < offset + 8) return null
    const isFragment = next === 44
    if (isFragment && (at16(bytes, offset + 2) & 0xfff8) !== 0) return null
    next = bytes[offset] ?? 0
    offset += isFragment ? 8 : ((bytes[offset + 1] ?? 0) + 1) * 8
  }
  return { ...addresses, ...readPorts(next, bytes.subarray(offset)) }
}

function readPorts(protocol: number, bytes: Uint8Array): Omit<Packet, 'source' | 'target'> {
  const none = { protocol, sourcePort: 0, targetPort: 0, opens: false, payload: new Uint8Array() }
  if (protocol !== tcp && protocol !== udp) return none
  const ports = { ...none, sourcePort: at16(bytes, 0), targetPort: at16(bytes, 2) }
  if (protocol === udp) return { ...ports, payload: bytes.subarray(8) }
  return { ...ports, opens: ((bytes[13] ?? 0) & (syn | ack)) === syn }
}

function at16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function v4(bytes: Uint8Array, at: number): string {
  return [...bytes.subarray(at, at + 4)].join('.')
}

function v6(bytes: Uint8Array, at: number): string {
  const parts = [0, 2, 4, 6, 8, 10, 12, 14].map((part) => at16(bytes, at + part).toString(16))
  return shortV6(parts.join(':'))
}

/** The usual short form of an IPv6 address. */
function shortV6(address: string): string {
  const { hostname } = new URL(`http://[${address}]/`)
  return hostname.slice(1, -1)
}

/** An address in its usual form, null for what is none. */
export function canonicalAddress(text: string): string | null {
  const version = isIP(text)
  if (version === 0 || text.includes('%')) return null
  return version === 4 ? text : shortV6(text)
}

/** Whether an address lies in a block `address/bits`; false for what is no block. */
export function isInBlock(address: string, block: string): boolean {
  const [net = '', bits = ''] = block.split('/')
  const [kind, length] = [isIP(net), Number(bits)]
  const isBlock = kind !== 0 && /^\d{1,3}$/.test(bits) && length <= (kind === 4 ? 32 : 128)
  if (!isBlock || isIP(address) !== kind) return false
  const family = kind === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(net, length, family)
  return list.check(address, family)
}
