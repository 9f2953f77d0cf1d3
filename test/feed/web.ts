import type { TestContext } from 'brittle'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Facts } from '../../lib/base/index.ts'
import { verifyTree } from '../../lib/artifact/index.ts'
import { Mirrors, writeMirror } from '../../lib/feed/index.ts'
import { realClock, realDice } from '../../lib/host/index.ts'
import { disk } from '../artifact/trees.ts'
import type { Release } from './releases.ts'
import { openStore, type TestStore } from './stores.ts'

export const network = new Uint8Array(32).fill(7)

/** A folder that holds everything of these releases. */
export async function mirrorOf(t: TestContext, releases: readonly Release[]): Promise<string> {
  const folder = join(await t.tmp(), 'mirror')
  const cores = releases.flatMap(({ pack, patches }) => [
    pack,
    ...(patches === null ? [] : [patches])
  ])
  await writeMirror(disk, folder, {
    network,
    statements: [],
    evidence: [],
    cores: cores.map((one) => ({ core: one.core, blocks: () => one.blocks() })),
    keep: []
  })
  return folder
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface Web {
  readonly url: string
  /** Bytes of bodies sent. */
  sent: number
  requests: number
}

/** A web server of these files on loopback. */
export async function serve(t: TestContext, answer: Answer): Promise<Web> {
  const web: Web = { url: '', sent: 0, requests: 0 }
  const server = createServer((request, response) => {
    web.requests += 1
    const write = response.write.bind(response)
    const end = response.end.bind(response)
    response.write = ((part: Uint8Array) => {
      web.sent += part.byteLength
      return write(part)
    }) as typeof response.write
    response.end = ((part?: Uint8Array) => {
      web.sent += part?.byteLength ?? 0
      return end(part)
    }) as typeof response.end
    answer(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return Object.assign(web, { url: `http://127.0.0.1:${port}/files` })
}

/** As common servers do it, with ranges or without. */
export function files(folder: string, { ranges = true } = {}): Answer {
  return async (request, response) => {
    const path = join(folder, (request.url ?? '').replace('/files/', ''))
    const bytes = await readFile(path).catch(() => null)
    if (bytes === null) {
      response.writeHead(404).end(Buffer.from('no'))
      return
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    if (range === null || !ranges) {
      response.writeHead(200, { 'content-length': bytes.byteLength }).end(bytes)
      return
    }
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]) + 1, bytes.byteLength)]
    const headers = { 'content-range': `bytes ${from}-${to - 1}/${bytes.byteLength}` }
    response.writeHead(206, headers).end(bytes.subarray(from, to))
  }
}

export interface Client extends TestStore {
  readonly mirrors: Mirrors
  readonly said: { readonly event: string; readonly facts: Facts | undefined }[]
}

/** A store with these mirrors and without peers. */
export async function client(t: TestContext, ...urls: readonly string[]): Promise<Client> {
  return await impatient(t, 6_000, urls)
}

export async function impatient(
  t: TestContext,
  stallMs: number,
  urls: readonly string[]
): Promise<Client> {
  const said: Client['said'] = []
  const log = (event: string, facts?: Facts): void => {
    said.push({ event, facts })
  }
  const ports = { clock: realClock(), dice: realDice(), disk, log }
  const mirrors = new Mirrors(ports, { urls, network })
  await mirrors.ready()
  t.teardown(async () => await mirrors.close(), { order: 3 })
  const store = await openStore(t, join(await t.tmp(), 'store'), { mirrors, stallMs })
  return { ...store, mirrors, said }
}

export async function fetchInto(
  t: TestContext,
  { store }: Client,
  one: Release,
  more: object = {}
) {
  const into = join(await t.tmp(), 'tree')
  await store.fetchTree(one.artifact, { into, ...more })
  await verifyTree(disk, into, one.artifact)
  return into
}
