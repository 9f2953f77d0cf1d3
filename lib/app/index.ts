/**
 * What an app of level 1 or 2 imports to speak with the node that runs it: the control stream, the
 * listening sockets it was handed, and a drain that loses no request. It knows the protocol and
 * nothing of the node behind it, imports no other room, and leaves an app that nobody supervises as
 * it is.
 */
export { drain, track, type DrainOptions } from './drain.ts'
export { ota, watchdog, type Handlers, type Ota, type Send, type Verb } from './ota.ts'
export { Door, sockets, type Inherited } from './sockets.ts'
