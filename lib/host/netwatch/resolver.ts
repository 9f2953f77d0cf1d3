import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { answerTo, readQuestion, typeA } from './dns.ts'

/** Where programs of a watched jail find their resolver; nobody else answers there. */
export const resolverAddress = '10.255.255.1'
const port = 53
const messageBytesMax = 4_096

/**
 * Addresses that no network has (198.18.0.0/15, set apart for measuring): each name gets one of its
 * own, so that what is sent there afterwards can be told by its name.
 */
const firstAddress = ((198 << 24) | (18 << 16)) >>> 0
const namesMax = 4_096

/** A resolver that knows every name and writes all questions down. */
export class Resolver {
  readonly #onName: (name: string) => void
  readonly #numbers = new Map<string, number>()
  readonly #names = new Map<string, string>()
  readonly #socket: Socket
  readonly #server: Server

  constructor(onName: (name: string) => void) {
    this.#onName = onName
    this.#socket = createSocket('udp4', (query, { port: to, address }) => {
      const answer = this.#answer(query)
      if (answer !== null) this.#socket.send(answer, to, address)
    })
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (bytes: Uint8Array) => {
        const answer = this.#answer(bytes.subarray(2, messageBytesMax))
        if (answer === null) socket.destroy()
        else socket.end(Uint8Array.from([answer.length >> 8, answer.length & 0xff, ...answer]))
      })
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('error', reject)
      this.#socket.bind(port, resolverAddress, resolve)
    })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, resolverAddress, resolve)
    })
    this.#socket.on('error', () => undefined)
  }

  /** The name that got an address from here; null for any other address. */
  nameOf(address: string): string | null {
    return this.#names.get(address) ?? null
  }

  close(): void {
    this.#socket.close()
    this.#server.close()
  }

  #answer(query: Uint8Array): Uint8Array | null {
    const question = readQuestion(query)
    if (question === null) return null
    this.#onName(question.name)
    const number = question.type === typeA ? this.#numberOf(question.name) : null
    const bytes = number === null ? null : [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff)
    return answerTo(query, question, bytes)
  }

  #numberOf(name: string): number | null {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    if (this.#numbers.size >= namesMax) return null
    const number = firstAddress + 1 + this.#numbers.size
    this.#numbers.set(name, number)
    this.#names.set([24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.'), name)
    return number
  }
}
