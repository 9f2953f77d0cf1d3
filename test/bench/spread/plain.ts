import { createReadStream, createWriteStream } from 'node:fs'
import { createServer, get } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { decodePeers, encodeAnswer, type TrackedPeer } from './torrent.ts'

/**
 * The other ways: one web server, who fetches from it, and a tracker.
 *
 *   node plain.js serve FILE | get URL FILE | track PORT
 */
const [deed, one = '', two = ''] = process.argv.slice(2)

const say = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

function serve(file: string): void {
  const server = createServer((_, response) => {
    pipeline(createReadStream(file), response).catch(() => response.destroy())
  })
  server.listen(8_080, () => say({ open: true }))
}

function fetchWhenTold(url: string, file: string): void {
  process.stdin.once('data', () => {
    get(url, (response) => {
      pipeline(response, createWriteStream(file))
        .then(() => say({ done: true }))
        .catch((error: unknown) => say({ failed: String(error) }))
    })
  })
  say({ open: true })
}

/** Tells everybody of everybody. */
function track(port: number): void {
  const peers = new Map<string, TrackedPeer>()
  const server = createServer((request, response) => {
    const peer = decodePeers(request.url ?? '', request.socket.remoteAddress ?? '')
    peers.set(peer.host, peer)
    response.end(encodeAnswer([...peers.values()]))
  })
  server.listen(port, () => say({ open: true }))
}

if (deed === 'serve') serve(one)
else if (deed === 'get') fetchWhenTold(one, two)
else track(Number(one))
