/**
 * The network of one node: the swarm on its fixed topic, static peers and rendezvous, and one
 * channel per connection that carries HELLO, authority statements by id, and evidence. It knows
 * frames, rates, bans and timers. It does not know what a statement means: `authority` judges and
 * keeps the signed ones, `crowd` the evidence; cores replicate beside it over the streams it hands
 * out.
 */
export { formatPeer, parseHostPort, parsePeer, type HostPort } from './door/address.ts'
export type { PassiveStore } from './door/passive.ts'
export { topicOf } from './door/swarm.ts'
export type { PeerView, WireOptions } from './options.ts'
export { Wire, type WireChange } from './wire.ts'
