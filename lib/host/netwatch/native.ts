import { read } from 'node:fs'

/** Calls of the machine that Node has not; they come through an optional package. */
export interface Native {
  /** A descriptor that reads what is sent to anywhere but this machine itself, oldest first. */
  openPackets(): number
  /** How many it could not hold since it was asked last. */
  missedPackets(fd: number): number
  /** A listening socket of exactly that abstract name, "@" a zero byte; Node fills names up. */
  listenAbstract(name: string): number
}

const [afUnix, afPacket] = [1, 17]
const [sockStream, sockDgram, closeOnExec] = [1, 2, 0o2000000]
const solSocket = 1
const solPacket = 263
const [attachFilter, receiveTimeout, receiveBuffer] = [26, 20, 8]
const packetStatistics = 6
const allProtocols = 3
const backlog = 128
const bufferBytes = 1 << 22

/** A read ends so often without a packet: only so can it be told to stop. */
const pollMicroseconds = 100_000n

/**
 * Passes what goes out (the interface shows each packet twice) and does not go to 127/8 or ::1;
 * code, jumps and constant of each step. Loopback may be busy: it must not fill the buffer.
 */
const filter = [
  [0x30, 0, 0, 0xfffff004], // kind of the packet
  [0x15, 0, 13, 4], // not outgoing: drop
  [0x30, 0, 0, 0], // version of IP
  [0x54, 0, 0, 0xf0],
  [0x15, 0, 2, 0x40],
  [0x30, 0, 0, 16], // IPv4: first byte of the target
  [0x15, 8, 7, 127],
  [0x15, 0, 7, 0x60], // neither: drop
  [0x20, 0, 0, 24], // IPv6: the four words of the target
  [0x15, 0, 4, 0],
  [0x20, 0, 0, 28],
  [0x15, 0, 2, 0],
  [0x20, 0, 0, 36],
  [0x15, 1, 0, 1], // ...:0001 is ::1, near enough
  [0x06, 0, 0, 0xffff], // pass
  [0x06, 0, 0, 0] // drop
] as const

/** Null where the package is not installed, or does not fit this machine. */
export async function loadNative(): Promise<Native | null> {
  try {
    return await bindNative()
  } catch {
    // what cannot be loaded is not there: the watch counts then, and its report says so
    return null
  }
}

async function bindNative(): Promise<Native> {
  const { default: koffi } = await import('koffi')
  const libc = koffi.load(null)
  const program = koffi.struct({ length: 'uint16_t', steps: 'void *' })
  const socket = libc.func('socket', 'int', ['int', 'int', 'int'])
  const bind = libc.func('bind', 'int', ['int', 'void *', 'uint32_t'])
  const listen = libc.func('listen', 'int', ['int', 'int'])
  const option = ['int', 'int', 'int'] as const
  const set = libc.func('setsockopt', 'int', [...option, 'void *', 'uint32_t'])
  const attach = libc.func('setsockopt', 'int', [...option, koffi.pointer(program), 'uint32_t'])
  const get = libc.func('getsockopt', 'int', [...option, 'void *', 'void *'])
  const checked = (what: string, answer: unknown): number => {
    if (typeof answer === 'number' && answer >= 0) return answer
    throw new Error(`${what} failed with errno ${koffi.errno()}`)
  }
  return {
    openPackets() {
      const fd = checked('socket', socket(afPacket, sockDgram | closeOnExec, 0))
      const steps = filterBytes()
      const filtered = attach(fd, solSocket, attachFilter, { length: filter.length, steps }, 16)
      checked('filter', filtered)
      checked('time-out', set(fd, solSocket, receiveTimeout, timeBytes(), 16))
      checked('buffer', set(fd, solSocket, receiveBuffer, wordBytes(bufferBytes), 4))
      // family, protocol in network order, any interface
      const address = new Uint8Array(20)
      address.set([afPacket, 0, 0, allProtocols])
      checked('bind', bind(fd, address, address.length))
      return fd
    },
    missedPackets(fd) {
      const [counts, size] = [new Uint8Array(8), wordBytes(8)]
      checked('statistics', get(fd, solPacket, packetStatistics, counts, size))
      return new DataView(counts.buffer).getUint32(4, true)
    },
    listenAbstract(name) {
      const fd = checked('socket', socket(afUnix, sockStream | closeOnExec, 0))
      const bytes = new TextEncoder().encode(name.replaceAll('@', '\0'))
      const address = Uint8Array.from([afUnix, 0, 0, ...bytes])
      checked('bind', bind(fd, address, address.length))
      checked('listen', listen(fd, backlog))
      return fd
    }
  }
}

/** Every machine that the package knows and Linux runs on here is little-endian. */
function filterBytes(): Uint8Array {
  const view = new DataView(new ArrayBuffer(filter.length * 8))
  for (const [index, [code, yes, no, value]] of filter.entries()) {
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, yes)
    view.setUint8(index * 8 + 3, no)
    view.setUint32(index * 8 + 4, value, true)
  }
  return new Uint8Array(view.buffer)
}

function timeBytes(): Uint8Array {
  const view = new DataView(new ArrayBuffer(16))
  view.setBigInt64(8, pollMicroseconds, true)
  return new Uint8Array(view.buffer)
}

function wordBytes(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, value, true)
  return new Uint8Array(view.buffer)
}

/** One packet, or null when none came in a while. */
export async function nextPacket(fd: number, into: Uint8Array): Promise<Uint8Array | null> {
  return await new Promise((resolve, reject) => {
    read(fd, into, 0, into.length, null, (error, size) => {
      if (error === null) resolve(into.slice(0, size))
      else if (error.code === 'EAGAIN' || error.code === 'EINTR') resolve(null)
      else reject(error)
    })
  })
}
