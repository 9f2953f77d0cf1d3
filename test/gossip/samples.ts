import { alloc, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  decodeAuthIds,
  decodeAuthWant,
  decodeBuckets,
  decodeBye,
  decodeExchange,
  decodeHave,
  decodeHeads,
  decodeHello,
  decodeIds,
  decodeProof,
  decodePush,
  decodeSums,
  decodeWant,
  encodeAuthIds,
  encodeAuthWant,
  encodeBuckets,
  encodeBye,
  encodeExchange,
  encodeHave,
  encodeHeads,
  encodeHello,
  encodeIds,
  encodeProof,
  encodePush,
  encodeSums,
  encodeWant
} from '../../lib/records/index.ts'

const fill = (size: number, byte: number): Bytes => alloc(size).fill(byte)
export const set = { type: 32, subject: fill(8, 2), a: 0, b: 3, c: 300 }
const hello = {
  low: 1,
  high: 2,
  features: 0,
  roles: 5,
  shardBits: 0,
  clockS: 1_760_000_000,
  trustVersion: 3,
  digest: fill(32, 7),
  running: { channel: 'main', epoch: 1, seq: 9 },
  beaconTsS: 0,
  beaconSeq: 0
}

/** A frame of each kind, with its bytes as laid down. */
interface Sample {
  readonly name: string
  readonly bytes: Bytes
  readonly again: (bytes: Bytes) => Bytes
  readonly golden: string
}

const hex = (size: number, byte: number): string => toHex(fill(size, byte))
const setHex = `20${hex(8, 2)}0003fd2c01`

export const samples: readonly Sample[] = [
  {
    name: 'HELLO',
    bytes: encodeHello(hello),
    again: (bytes) => encodeHello(decodeHello(bytes)),
    golden: `010200000000050000 78e76803${hex(32, 7)}046d61696e01090000`.replace(' ', '')
  },
  {
    name: 'HELLO of a node that runs nothing',
    bytes: encodeHello({ ...hello, running: null }),
    again: (bytes) => encodeHello(decodeHello(bytes)),
    golden: `01020000000005000078e76803${hex(32, 7)}0000000000`
  },
  {
    name: 'PUSH',
    bytes: encodePush([fill(3, 1), fill(2, 2)]),
    again: (bytes) => encodePush(decodePush(bytes)),
    golden: '0203010101020202'
  },
  {
    name: 'IHAVE',
    bytes: encodeHave({ set, sids: [fill(8, 9)] }),
    again: (bytes) => encodeHave(decodeHave(bytes)),
    golden: `${setHex}01${hex(8, 9)}`
  },
  {
    name: 'IWANT',
    bytes: encodeWant([fill(8, 9), fill(8, 8)]),
    again: (bytes) => encodeWant(decodeWant(bytes)),
    golden: `02${hex(8, 9)}${hex(8, 8)}`
  },
  {
    name: 'SUM',
    bytes: encodeSums([{ set, count: 5, kthRank: fill(8, 255), fingerprint: fill(8, 4) }]),
    again: (bytes) => encodeSums(decodeSums(bytes)),
    golden: `01${setHex}05${hex(8, 255)}${hex(8, 4)}`
  },
  {
    name: 'BUCKETS',
    bytes: encodeBuckets({ set, fingerprints: Array.from({ length: 64 }, () => fill(8, 3)) }),
    again: (bytes) => encodeBuckets(decodeBuckets(bytes)),
    golden: `${setHex}${hex(512, 3)}`
  },
  {
    name: 'IDS',
    bytes: encodeIds({ set, mask: fill(8, 1), sids: [fill(8, 6)] }),
    again: (bytes) => encodeIds(decodeIds(bytes)),
    golden: `${setHex}${hex(8, 1)}01${hex(8, 6)}`
  },
  {
    name: 'PX',
    bytes: encodeExchange([fill(32, 5)]),
    again: (bytes) => encodeExchange(decodeExchange(bytes)),
    golden: `01${hex(32, 5)}`
  },
  {
    name: 'BYE',
    bytes: encodeBye({ reason: 1, retryAfterS: 3_600, low: 1, high: 1 }),
    again: (bytes) => encodeBye(decodeBye(bytes)),
    golden: '01fd100e0101'
  },
  {
    name: 'HEADS',
    bytes: encodeHeads({ trustVersion: 3, digest: fill(32, 7) }),
    again: (bytes) => encodeHeads(decodeHeads(bytes)),
    golden: `03${hex(32, 7)}`
  },
  {
    name: 'AUTH_IDS',
    bytes: encodeAuthIds([{ type: 2, id: fill(32, 1), a: 1, b: 4, sigs: 2 }]),
    again: (bytes) => encodeAuthIds(decodeAuthIds(bytes)),
    golden: `0102${hex(32, 1)}010402`
  },
  {
    name: 'AUTH_WANT',
    bytes: encodeAuthWant([fill(32, 1)]),
    again: (bytes) => encodeAuthWant(decodeAuthWant(bytes)),
    golden: `01${hex(32, 1)}`
  },
  {
    name: 'CERT',
    bytes: encodeProof({ membership: fill(5, 1), signature: fill(64, 2) }),
    again: (bytes) => encodeProof(decodeProof(bytes)),
    golden: `05${hex(5, 1)}${hex(64, 2)}`
  }
]
