// Nodes that have no peers fetch from plain files, over HTTP on loopback and from a folder; what the
// files give is the signed bytes or nothing, and who gives anything else is dropped by name.
import test, { type TestContext } from 'brittle'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Facts } from '../../lib/base/index.ts'
import { verifyTree } from '../../lib/artifact/index.ts'
import { Mirrors, writeMirror, type PeerAlarm } from '../../lib/feed/index.ts'
import { realClock, realDice } from '../../lib/host/index.ts'
import { coreTableBytes } from '../../lib/records/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { disk, prose } from '../artifact/trees.ts'
import { publish, release, spec, baseOf, type Release } from './releases.ts'
import { link, openStore, type TestStore } from './stores.ts'

const network = new Uint8Array(32).fill(7)

/** A folder that holds everything of these releases. */
async function mirrorOf(t: TestContext, releases: readonly Release[]): Promise<string> {
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

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>

interface Web {
  readonly url: string
  /** Bytes of bodies sent. */
  sent: number
  requests: number
}

/** A web server of these files on loopback. */
async function serve(t: TestContext, answer: Answer): Promise<Web> {
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
function files(folder: string, { ranges = true } = {}): Answer {
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

interface Client extends TestStore {
  readonly mirrors: Mirrors
  readonly said: { readonly event: string; readonly facts: Facts | undefined }[]
}

/** A store with these mirrors and without peers. */
async function client(t: TestContext, ...urls: readonly string[]): Promise<Client> {
  return await impatient(t, 6_000, urls)
}

async function impatient(
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

async function fetchInto(t: TestContext, { store }: Client, one: Release, more: object = {}) {
  const into = join(await t.tmp(), 'tree')
  await store.fetchTree(one.artifact, { into, ...more })
  await verifyTree(disk, into, one.artifact)
  return into
}

test('a node without peers fetches from a folder and over HTTP', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const folder = await mirrorOf(t, [one])
  const web = await serve(t, files(folder))
  const urls = [folder, `file://${folder}`, web.url]
  await Promise.all(
    urls.map(async (url) => {
      const node = await client(t, url)
      await fetchInto(t, node, one)
      t.alike(node.mirrors.views(), [{ url, dropped: null }])
    })
  )
  t.ok(web.sent > 0)
})

test('only what is missing is asked for: a patch takes a few thousand bytes', async (t) => {
  const top = await t.tmp()
  const before = await release(top, spec(1))
  const after = await release(top, spec(2), [before])
  const folder = await mirrorOf(t, [before, after])
  const web = await serve(t, files(folder))
  const node = await client(t, web.url)
  await fetchInto(t, node, after, { bases: [baseOf(before)] })
  t.is(node.log.find(({ event }) => event === 'fetched')?.facts?.['route'], 'patch')
  const whole = after.artifact.tree.bytes
  t.ok(web.sent < whole / 3, `${web.sent} bytes sent, the tree has ${whole}`)
})

test('a server that knows no ranges serves too', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const web = await serve(t, files(await mirrorOf(t, [one]), { ranges: false }))
  await fetchInto(t, await client(t, web.url), one)
  t.pass('the whole tree came')
})

test('what a mirror gave is stored, and others have it from here', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const node = await client(t, await mirrorOf(t, [one]))
  await fetchInto(t, node, one)
  t.ok(await node.store.hasWhole(one.artifact.tree), 'every block was kept')
  const other = await openStore(t, join(await t.tmp(), 'other'))
  link(t, node, other)
  const into = join(await t.tmp(), 'again')
  await other.store.fetchTree(one.artifact, { into })
  await verifyTree(disk, into, one.artifact)
})

test('peers come first: who has them asks no mirror', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const web = await serve(t, files(await mirrorOf(t, [one])))
  const node = await client(t, web.url)
  const seeder = await openStore(t, join(await t.tmp(), 'seeder'))
  await publish(seeder, one)
  link(t, seeder, node)
  await fetchInto(t, node, one)
  t.is(web.requests, 0)
})

interface Bad {
  readonly name: string
  readonly code: string
  readonly answer: (folder: string, one: Release) => Answer
}

const spoil = (change: (bytes: Buffer, table: number) => Buffer) => {
  return (folder: string, one: Release): Answer => {
    const right = files(folder)
    return async (request, response) => {
      const path = join(folder, (request.url ?? '').replace('/files/', ''))
      if (!path.endsWith(toName(one.artifact.tree.key))) return await right(request, response)
      const bytes = await readFile(path)
      const other = change(Buffer.from(bytes), coreTableBytes(one.artifact.tree.blocks))
      const copy = join(folder, 'spoilt')
      await writeFile(copy, other)
      request.url = '/files/spoilt'
      await right(request, response)
    }
  }
}

const bad: readonly Bad[] = [
  {
    name: 'a block of other bytes',
    code: 'HASH_MISMATCH',
    answer: spoil((bytes, table) => {
      bytes[table + 10]! ^= 1
      return bytes
    })
  },
  {
    name: 'the table of another core',
    code: 'HASH_MISMATCH',
    answer: spoil((bytes) => {
      bytes[20]! ^= 1
      return bytes
    })
  },
  {
    name: 'sizes that are not those of the core',
    code: 'LENGTH_EXCEEDED',
    answer: spoil((bytes) => {
      bytes.writeUInt32LE(0xffffffff, 0)
      return bytes
    })
  },
  {
    name: 'a file that ends early',
    code: 'INCOMPLETE',
    answer: spoil((bytes, table) => bytes.subarray(0, table + 10))
  },
  {
    name: 'a redirect elsewhere',
    code: 'UNSUPPORTED',
    answer: () => async (_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/secret' }).end()
    }
  },
  {
    name: 'an error of its own',
    code: 'NO_PEERS',
    answer: () => async (_, response) => {
      response.writeHead(503).end()
    }
  },
  {
    name: 'a connection that is cut',
    code: 'NO_PEERS',
    answer: () => async (_, response) => {
      response.destroy()
    }
  }
]

test('a mirror that lies is dropped with its name, and the next one is asked', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const tries = bad.map(async ({ name, code, answer }) => {
    const folder = await mirrorOf(t, [one])
    const wrong = await serve(t, answer(folder, one))
    const right = await serve(t, files(folder))
    const alarms: PeerAlarm[] = []
    const alone = await impatient(t, 3_000, [wrong.url])
    const onAlarm = (alarm: PeerAlarm): void => {
      alarms.push(alarm)
    }
    await t.exception(async () => await fetchInto(t, alone, one, { onAlarm }), name)
    t.is(alone.mirrors.views()[0]?.dropped?.code, code, name)
    const dropped = alone.said.find(({ event }) => event === 'mirror-dropped')
    t.is(dropped?.facts?.['mirror'], wrong.url)
    t.is(alarms.length, code === 'HASH_MISMATCH' ? 1 : 0)
    await fetchInto(t, await client(t, wrong.url, right.url), one)
  })
  await Promise.all(tries)
})

test('a mirror that sends more than it should is read no further', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const folder = await mirrorOf(t, [one])
  const right = files(folder)
  const web = await serve(t, async (request, response) => {
    if (request.url !== '/files/index') return await right(request, response)
    response.writeHead(200)
    const flood = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) continue
      response.once('drain', flood)
    }
    flood()
  })
  const node = await client(t, web.url)
  const dropped = new Promise<void>((resolve) => {
    const look = (): void => {
      if (node.mirrors.views()[0]?.dropped === null) setTimeout(look, 50)
      else resolve()
    }
    look()
  })
  node.mirrors.follow(nobody)
  await dropped
  t.is(node.mirrors.views()[0]?.dropped?.code, 'LENGTH_EXCEEDED')
  t.ok(web.sent < 4_000_000, `${web.sent} bytes were sent`)
})

const nobody = {
  wants: () => [],
  take: async () => true,
  lacks: () => false,
  hear: () => true,
  hasPeers: () => true
}

test('a mirror is brought up to date: what is no longer served goes, strange files stay', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const two = await release(await t.tmp(), { ...spec(2), 'more.txt': prose(90_000, 9) })
  const folder = await mirrorOf(t, [one])
  const fileOf = ({ artifact }: Release): string => join(folder, 'cores', toName(artifact.tree.key))
  await writeFile(join(folder, 'cores', 'README'), 'by hand')
  const before = await stat(fileOf(one))
  t.is(before.size, coreTableBytes(one.artifact.tree.blocks) + one.artifact.tree.bytes)
  const parts = { network, statements: [], evidence: [] }
  const carried = { core: two.pack.core, blocks: () => two.pack.blocks() }
  const kept = await writeMirror(disk, folder, {
    ...parts,
    cores: [carried],
    keep: [one.artifact.tree]
  })
  t.is(kept.cores.length, 2, 'what is to be kept is kept')
  const made = await writeMirror(disk, folder, { ...parts, cores: [carried], keep: [] })
  t.alike([made.cores.length, made.written], [1, 0], 'what is there is not written again')
  t.absent(await stat(fileOf(one)).catch(() => null))
  t.ok(await stat(join(folder, 'cores', 'README')))
  const spoilt = { core: one.pack.core, blocks: () => two.pack.blocks() }
  await t.exception(
    async () => await writeMirror(disk, folder, { ...parts, cores: [spoilt], keep: [] })
  )
  t.absent(await stat(fileOf(one)).catch(() => null), 'nothing half-written is left')
})
