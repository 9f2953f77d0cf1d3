// Mirrors that lie, send too much, stall, end early or point elsewhere: each is dropped by its
// name, and nothing of it is taken.
import test from 'brittle'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../lib/base/index.ts'
import { Mirrors, writeMirror, type PeerAlarm } from '../../lib/feed/index.ts'
import { realClock, realDice } from '../../lib/host/index.ts'
import { coreTableBytes } from '../../lib/records/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { disk } from '../artifact/trees.ts'
import { release, spec, type Release } from './releases.ts'
import { until } from './stores.ts'
import {
  client,
  fetchInto,
  files,
  impatient,
  mirrorOf,
  network,
  serve,
  type Answer
} from './web.ts'

const nobody = {
  wants: () => [],
  take: async () => true,
  lacks: () => false,
  hear: () => true,
  hasPeers: () => true
}

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
  node.mirrors.follow(nobody)
  await until(() => node.mirrors.views()[0]?.dropped !== null)
  t.is(node.mirrors.views()[0]?.dropped?.code, 'LENGTH_EXCEEDED')
  t.ok(web.sent < 4_000_000, `${web.sent} bytes were sent`)
})

test('a mirror that stalls is left, before its answer and within it', async (t) => {
  const silent = await serve(t, async () => await Promise.resolve())
  const slow = await serve(t, async (_, response) => {
    response.writeHead(200)
    response.write(Buffer.alloc(10))
    await Promise.resolve()
  })
  const real = realClock()
  // A minute passes in less than a second.
  const clock: Clock = { ...real, after: (delayMs, fn) => real.after(delayMs / 80, fn) }
  const ports = { clock, dice: realDice(), disk, log: () => undefined }
  const mirrors = new Mirrors(ports, { urls: [silent.url, slow.url], network })
  await mirrors.ready()
  mirrors.follow(nobody)
  await until(() => mirrors.views().every(({ dropped }) => dropped !== null))
  t.alike(
    mirrors.views().map(({ dropped }) => dropped?.code),
    ['TIMEOUT', 'TIMEOUT']
  )
  await mirrors.close()
})

test('an address that is none is refused, and closing ends what is under way', async (t) => {
  const silent = await serve(t, async () => await Promise.resolve())
  const ports = { clock: realClock(), dice: realDice(), disk, log: () => undefined }
  for (const url of ['mirror', 'ftp://host/x', 'https://host/x?y', './folder', '']) {
    await t.exception(() => new Mirrors(ports, { urls: [url], network }), url)
  }
  const mirrors = new Mirrors(ports, { urls: [silent.url], network })
  await mirrors.ready()
  mirrors.follow(nobody)
  await until(() => silent.requests > 0)
  await mirrors.close()
  t.is(mirrors.views()[0]?.dropped, null, 'nobody is blamed for that')
})

test('a mirror of another network, or of made-up statements, is dropped', async (t) => {
  const folder = await mirrorOf(t, [])
  const statement = new Uint8Array(40).fill(3)
  const id = { type: 2, id: new Uint8Array(32).fill(8), a: 1, b: 1, sigs: 2 }
  const parts = { network, evidence: [], cores: [], keep: [] }
  await writeMirror(disk, folder, { ...parts, statements: [{ id, bytes: statement }] })
  const foreign = await mirrorOf(t, [])
  const other = { ...parts, network: new Uint8Array(32).fill(6), statements: [] }
  await writeMirror(disk, foreign, other)
  const seen: Uint8Array[] = []
  const taker = {
    ...nobody,
    wants: (ids: readonly { readonly id: Uint8Array }[]) => ids.map((one) => one.id),
    take: async (bytes: Uint8Array) => {
      seen.push(bytes)
      return await Promise.resolve(false)
    }
  }
  const node = await client(t, folder, foreign, join(folder, 'nowhere'))
  node.mirrors.follow(taker)
  await until(() => node.mirrors.views().every(({ dropped }) => dropped !== null))
  t.alike(
    node.mirrors.views().map(({ dropped }) => dropped?.code),
    ['HASH_MISMATCH', 'WRONG_NETWORK', 'NO_PEERS']
  )
  t.is(seen.length, 1, 'it was judged once')
})
