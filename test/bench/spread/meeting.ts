import createTestnet from '@hyperswarm/testnet'

/** DHT nodes at one address, where the others meet: `node meeting.js ADDRESS PORT`. */
const [host = '', port = ''] = process.argv.slice(2)
await createTestnet(4, { host, port: Number(port) })
process.stdout.write(`${JSON.stringify({ open: true })}\n`)
