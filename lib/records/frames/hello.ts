import { concat, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  id,
  name,
  struct,
  u32,
  u8,
  uint,
  type Codec
} from '../codec/index.ts'

/** Bits of `roles` in HELLO. */
export const HELLO_ROLE = { servesBytes: 1, catchingUp: 2, certified: 4, keepsKey: 8 } as const

/** What a node runs: its channel and the order of the release. */
export interface Running {
  readonly channel: string
  readonly epoch: number
  readonly seq: number
}

/** The handshake of the gossip channel. */
export interface Hello {
  /** Lowest and highest version of this channel that the sender speaks. */
  readonly low: number
  readonly high: number
  readonly features: number
  /** Sum of `HELLO_ROLE` bits. */
  readonly roles: number
  /** 0 until topics are sharded. */
  readonly shardBits: number
  /** Unix seconds of the sender's clock. */
  readonly clockS: number
  /** 0: no trust yet. */
  readonly trustVersion: number
  readonly digest: Bytes
  readonly running: Running | null
  readonly beaconTsS: number
  readonly beaconSeq: number
}

/** An empty name and two zeros, or what runs. */
const running: Codec<Running | null> = {
  write(writer, value) {
    if (value === null) {
      writer.uint(0)
    } else {
      name.write(writer, value.channel)
    }
    writer.uint(value?.epoch ?? 0)
    writer.uint(value?.seq ?? 0)
  },
  read(reader) {
    const size = reader.uint()
    if (size > 32) reader.fail('OVER_LIMIT', `channel name of ${size} bytes`)
    const text = concat([Uint8Array.of(size), reader.raw(size)])
    const [epoch, seq] = [reader.uint(), reader.uint()]
    if (size === 0 && epoch + seq > 0) reader.fail('NOT_CANONICAL', 'order without a channel')
    if (size === 0) return null
    return { channel: decodeWhole(name, text, { what: 'channel', bytesMax: 33 }), epoch, seq }
  }
}

const hello = struct<Hello>({
  low: u8,
  high: u8,
  features: u32,
  roles: u8,
  shardBits: u8,
  clockS: u32,
  trustVersion: uint,
  digest: id,
  running,
  beaconTsS: uint,
  beaconSeq: uint
})

const whole = { what: 'hello', bytesMax: 256 }

export function encodeHello(value: Hello): Bytes {
  return encodeWhole(hello, value, whole.what)
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`. A range with low > high is for the caller to judge. */
export function decodeHello(bytes: Bytes): Hello {
  return decodeWhole(hello, bytes, whole)
}
