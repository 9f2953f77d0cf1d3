import { createHash } from 'node:crypto'
import { concat, fromText, type Bytes } from '../../../lib/base/index.ts'

const pieceBytes = 262_144
/** Seconds after which a client asks the tracker again. */
const interval = 5

type Bencoded = number | string | Bytes | { readonly [key: string]: Bencoded }

/** Keys of a dictionary must stand in order; here they are written so. */
function bencode(value: Bencoded): Bytes {
  if (typeof value === 'number') return fromText(`i${value}e`)
  if (typeof value === 'string') return bencode(fromText(value))
  if (value instanceof Uint8Array) return concat([fromText(`${value.byteLength}:`), value])
  const parts = Object.entries(value).flatMap(([key, one]) => [bencode(key), bencode(one)])
  return concat([fromText('d'), ...parts, fromText('e')])
}

/** A torrent of one file. */
export function torrentOf(name: string, bytes: Bytes, tracker: string): Bytes {
  const hashes: Bytes[] = []
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes)
    hashes.push(new Uint8Array(createHash('sha1').update(piece).digest()))
  }
  const info = {
    length: bytes.byteLength,
    name,
    'piece length': pieceBytes,
    pieces: concat(hashes)
  }
  return bencode({ announce: tracker, info })
}

export interface TrackedPeer {
  readonly host: string
  readonly port: number
}

/** Who announces itself with this request. */
export function decodePeers(url: string, remote: string): TrackedPeer {
  const { searchParams } = new URL(url, 'http://tracker')
  return { host: remote.replace('::ffff:', ''), port: Number(searchParams.get('port')) }
}

export function encodeAnswer(peers: readonly TrackedPeer[]): Bytes {
  const compact = peers.map(({ host, port }) =>
    Uint8Array.of(...host.split('.').map(Number), port >> 8, port & 255)
  )
  return bencode({ interval, 'min interval': interval, peers: concat(compact) })
}
