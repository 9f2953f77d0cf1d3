/**
 * The conductor of one node: events come in, the pure rooms say what follows, it is journaled, and
 * commands go out to the machine, the feeds and the wire. It is the only loop; it knows the ports
 * it was handed and no disk, socket or timer of its own.
 */
export { KeptFile, type KeptFileOptions } from './kept.ts'
export { Node, type Applied, type ApplyHow, type HoldWords, type RollbackHow } from './node.ts'
export type { NodeOptions, NodeParts, NodePorts } from './ports.ts'
export { Said } from './said.ts'
export type * from './views.ts'
