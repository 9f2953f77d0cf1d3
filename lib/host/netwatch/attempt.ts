import { createSocket } from 'node:dgram'
import { Socket } from 'node:net'
import { Watch } from './watch.ts'

/** An address for examples (RFC 5737): nobody has it, and here nothing leaves anyway. */
const nowhere = '203.0.113.1'
const port = 9

/**
 * Program of the jail in which a machine is asked whether a network can be watched: sends one
 * packet to nowhere and says on descriptor 4 whether the watch saw it, in the way its argument
 * names.
 */
const how = process.argv[2] === 'full' ? 'full' : 'count'
const channel = new Socket({ fd: 4 })
const watch = await Watch.start({ how, decoys: [] }, () => undefined)
await new Promise<void>((resolve) => {
  // a network without a route refuses to send, which is what is counted
  createSocket('udp4').send('?', port, nowhere, () => resolve())
})
const seen = await watch?.seen()
const isSeen =
  seen?.how === 'full'
    ? seen.destinations.some((one) => one.host === nowhere && one.port === port)
    : (seen?.packets ?? 0) > 0
channel.end(isSeen ? 'seen\n' : 'missed\n', () => process.exit(0))
