import type { Bytes } from '../base/index.ts'
import {
  decodeAuthIds,
  decodeAuthWant,
  decodeBuckets,
  decodeExchange,
  decodeHave,
  decodeHeads,
  decodeIds,
  decodePush,
  decodeSums,
  decodeWant,
  FRAME,
  type FrameNumber
} from '../records/index.ts'
import type { Exchange } from './exchange.ts'
import type { Peer } from './peer.ts'
import type { Pull } from './pull.ts'
import type { Spread } from './spread.ts'
import type { Walk } from './walk.ts'

export interface Parts {
  readonly pull: Pull
  readonly spread: Spread
  readonly walk: Walk
  readonly exchange: Exchange
}

export interface Frame {
  readonly number: FrameNumber
  readonly bytes: Bytes
}

/** Decodes a frame of a ready peer and hands it to its part; throws what the codec throws. */
export function dispatch(parts: Parts, peer: Peer, { number, bytes }: Frame): void {
  const { pull, spread, walk, exchange } = parts
  switch (number) {
    case FRAME.push:
      return spread.push(peer, decodePush(bytes))
    case FRAME.have:
      return spread.have(peer, decodeHave(bytes))
    case FRAME.want:
      return spread.want(peer, decodeWant(bytes))
    case FRAME.sums:
      if (walk.sums(peer, decodeSums(bytes))) pull.tell(peer)
      return
    case FRAME.buckets:
      return walk.buckets(peer, decodeBuckets(bytes))
    case FRAME.ids:
      return walk.ids(peer, decodeIds(bytes))
    case FRAME.exchange:
      return exchange.keys(peer, decodeExchange(bytes))
    case FRAME.auth:
      return pull.auth(peer, bytes)
    case FRAME.heads:
      pull.heads(peer, decodeHeads(bytes))
      return walk.answered(peer)
    case FRAME.authIds:
      return pull.ids(peer, decodeAuthIds(bytes))
    case FRAME.authWant:
      return pull.wanted(peer, decodeAuthWant(bytes))
    case FRAME.bye:
    case FRAME.proof:
      // Handled before a peer is ready, by `links`.
      return
  }
}
