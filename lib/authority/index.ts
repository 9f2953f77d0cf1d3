/**
 * The statements this node believes, as plain files of its own: the one intake for bytes from a
 * feed, from gossip or from a file, their signatures united, short ones kept apart, and what a peer
 * has more. It knows no network and no keys of its own; what counts is for `trust` to say.
 */
export { Authority, type AuthorityOptions } from './authority.ts'
export { isPeerFault } from './fault.ts'
