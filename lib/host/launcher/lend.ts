import { rawOf } from './raw.ts'

/**
 * A helper process of the launcher for two things one process cannot do with its own socket.
 * `lend.js listen BACKLOG`: descriptor 3 begins to listen, and this process ends before it could
 * accept anything. `lend.js copy`: sends back the socket it is sent, which is a copy then.
 */
const [word = '', backlog = ''] = process.argv.slice(2)
if (word === 'listen') {
  const socket = rawOf(3)
  // The loop that would accept never turns.
  process.exit(typeof socket === 'number' ? -socket : -socket.listen(Number(backlog)))
}
process.once('message', (_message, socket) => {
  process.send?.('copy', socket, () => process.disconnect())
})
