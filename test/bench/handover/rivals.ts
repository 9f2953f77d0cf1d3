import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { later } from '../../host/rig.ts'
import { ask, OpenLoop } from './load.ts'
import type { Outcome } from './rounds.ts'

/** A server of the same work in the same language, for the plain restart. */
const server = `
  const http = require('node:http')
  const server = http.createServer((q, r) => setTimeout(() => r.end('plain'), 3))
  server.listen(Number(process.argv[1]), '127.0.0.1')
  process.on('SIGTERM', () => server.close(() => process.exit(0)))
`

/** A restart as most do it: SIGTERM, wait for the end, start again. */
export async function plainRestart(count: number, perSecond: number): Promise<Outcome> {
  const port = await freePort()
  let child = await begin(port)
  const load = new OpenLoop(port, perSecond)
  for (let round = 0; round < count; round++) {
    await later(500)
    await finish(child)
    child = await begin(port)
  }
  const samples = await load.stop()
  await finish(child)
  return { samples, rounds: count }
}

/** `nginx -s reload`; null where it is not installed. */
export async function nginxReload(
  folder: string,
  { count, perSecond }: { count: number; perSecond: number }
): Promise<Outcome | null> {
  if (spawnSync('nginx', ['-v']).status !== 0) return null
  const port = await freePort()
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, configOf(folder, port))
  const words = ['-p', folder, '-c', file]
  if (spawnSync('nginx', words).status !== 0) return null
  while ((await ask(port)) !== null) await later(50)
  const load = new OpenLoop(port, perSecond)
  for (let round = 0; round < count; round++) {
    await later(500)
    spawnSync('nginx', [...words, '-s', 'reload'])
  }
  await later(500)
  const samples = await load.stop()
  spawnSync('nginx', [...words, '-s', 'stop'])
  return { samples, rounds: count }
}

function configOf(folder: string, port: number): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = places.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
  return `
    worker_processes 2;
    pid ${folder}/nginx.pid;
    error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off; ${temporary}
      server { listen 127.0.0.1:${port}; location / { return 200 "nginx"; } }
    }`
}

async function begin(port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', server, String(port)], { stdio: 'ignore' })
  await once(child, 'spawn')
  return child
}

async function finish(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  // Kept connections would hold it for ever; a service manager kills it after a while.
  const kill = setTimeout(() => child.kill('SIGKILL'), 2_000)
  await once(child, 'exit')
  clearTimeout(kill)
}

export async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const at = probe.address()
      probe.close(() => resolve(typeof at === 'object' && at !== null ? at.port : 0))
    })
  })
}
