import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { limitMs, Meter, type Outcome, type Setting } from './contest.ts'
import { Proc } from './proc.ts'
import { torrentOf } from './torrent.ts'

const plain = join(import.meta.dirname, 'plain.js')
const startMs = 60_000
const trackerPort = 6_969

/** One web server with the same uplink as everybody. */
export async function runHttp(setting: Setting, file: string): Promise<Outcome> {
  const { net, scratch } = setting
  const [seedPlace, ...places] = net.places
  if (seedPlace === undefined) throw new Error('there is no place for the server')
  const procs = [new Proc(seedPlace, [process.execPath, plain, 'serve', file])]
  try {
    await procs[0]?.next(startMs)
    for (const [i, place] of places.entries()) {
      const url = `http://${seedPlace.address}:8080/`
      procs.push(new Proc(place, [process.execPath, plain, 'get', url, join(scratch, `got-${i}`)]))
    }
    const clients = procs.slice(1)
    for (const client of clients) await client.next(startMs)
    const meter = new Meter(net, procs)
    await meter.start()
    for (const client of clients) client.tell('go')
    const doneS = await Promise.all(
      clients.map(async (client) => {
        const said = (await client.next(limitMs)) as { readonly failed?: string }
        if (said.failed !== undefined) throw new Error(said.failed)
        return meter.seconds
      })
    )
    return await meter.outcome(setting, 'one HTTP server', doneS)
  } finally {
    for (const proc of procs) await proc.stop()
  }
}

/** BitTorrent: aria2 everywhere, with a tracker that knows all of them. */
export async function runAria2(setting: Setting, file: string): Promise<Outcome> {
  const { net, scratch } = setting
  const [seedPlace, ...places] = net.places
  if (seedPlace === undefined) throw new Error('there is no place for the seed')
  const tracker = `http://${net.hub.address}:${trackerPort}/announce`
  const torrent = join(scratch, 'one.torrent')
  const content = new Uint8Array(await readFile(file))
  await writeFile(torrent, torrentOf(basename(file), content, tracker))
  const hook = join(scratch, 'done.sh')
  await writeFile(hook, '#!/bin/sh\n: > "$BENCH_DONE"\n', { mode: 0o755 })
  const tracking = new Proc(net.hub, [process.execPath, plain, 'track', `${trackerPort}`])
  const procs: Proc[] = []
  try {
    await tracking.next(startMs)
    procs.push(new Proc(seedPlace, aria2(dirname(file), torrent, ['--check-integrity=true'])))
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const folders = places.map((_, i) => join(scratch, `aria-${i}`))
    for (const folder of folders) await mkdir(folder)
    const meter = new Meter(net, procs)
    await meter.start()
    const flags = folders.map((folder) => `${folder}.done`)
    for (const [i, place] of places.entries()) {
      const hooked = [`--on-bt-download-complete=${hook}`]
      const env = { BENCH_DONE: flags[i] ?? '' }
      procs.push(new Proc(place, aria2(folders[i] ?? '', torrent, hooked), env))
    }
    const doneS = await Promise.all(
      flags.map(async (flag) => {
        await appeared(flag)
        return meter.seconds
      })
    )
    return await meter.outcome(setting, 'aria2 (BitTorrent)', doneS)
  } finally {
    for (const proc of [...procs, tracking]) await proc.stop()
  }
}

function aria2(folder: string, torrent: string, more: readonly string[]): readonly string[] {
  const quiet = ['--quiet=true', '--enable-dht=false', '--bt-enable-lpd=false']
  const seeding = ['--seed-ratio=0.0', '--bt-max-peers=0', '--file-allocation=none']
  return ['aria2c', ...quiet, ...seeding, ...more, '-d', folder, torrent]
}

async function appeared(path: string): Promise<void> {
  const endMs = performance.now() + limitMs
  while (performance.now() < endMs) {
    const found = await stat(path).catch(() => null)
    if (found !== null) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('aria2 did not finish in time')
}
