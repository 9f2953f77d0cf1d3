import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** What the demo ships: a real third-party program, and a version of it that turns bad. */
export interface Shipped {
  readonly label: string
  readonly folder: string
}

interface PackageJson {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const local = createRequire(import.meta.url)

/** Copies a package and all it depends on, flat, as `npm install --omit=dev` would lay it out. */
async function vendor(from: string, as: string, into: string, done: Set<string>): Promise<void> {
  const manifestFile = join(from, 'package.json')
  const manifest = JSON.parse(await readFile(manifestFile, 'utf8')) as PackageJson
  await cp(from, join(into, 'node_modules', as), { recursive: true, dereference: true })
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (done.has(name)) continue
    done.add(name)
    await vendor(folderOf(name, manifestFile), name, into, done)
  }
}

/** The folder of an installed package, also when its `exports` hide package.json. */
function folderOf(name: string, fromFile: string): string {
  const paths = createRequire(fromFile).resolve.paths(name) ?? []
  for (const path of paths) {
    try {
      return dirname(local.resolve(join(path, name, 'package.json')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new Error(`package ${name} is not installed: run npm install first`)
}

/** The times a demo can wait for; a real release would keep the defaults. */
function otaJson(version: string, program: string): object {
  return {
    ota: 1,
    name: 'http-server',
    version,
    level: 0,
    start: ['node', program, 'site', '-p', '${PORT}', '-a', '127.0.0.1', '-c-1', '-s'],
    startTimeout: 60,
    listen: [{ name: 'http', proto: 'tcp', default: '127.0.0.1:8080' }],
    health: { probe: { http: 'http:/version.txt', expect: 200 }, interval: 1, badFor: 5 },
    handover: {
      class: 'overlap',
      proxy: 'bytes',
      warm: 2,
      observe: 1,
      linger: 1.5,
      drainMax: 10
    },
    state: { class: 'none' },
    shadow: { policy: 'off' },
    network: { policy: 'off' }
  }
}

/** The bad version answers, so it is healthy, and dies a moment after its first answer. */
const turnsBad = `'use strict'
const { Server } = require('http')
const emit = Server.prototype.emit
let armed = false
Server.prototype.emit = function (name, ...args) {
  if (name === 'request' && !armed) {
    armed = true
    setTimeout(() => process.exit(1), 700)
  }
  return emit.call(this, name, ...args)
}
require('../node_modules/http-server/bin/http-server')
`

async function lay(folder: string, version: string, label: string, bad: boolean): Promise<Shipped> {
  const program = bad ? 'bin/http-server.js' : 'node_modules/http-server/bin/http-server'
  await mkdir(join(folder, 'site'), { recursive: true })
  await vendor(
    folderOf(`http-server-${version}`, import.meta.url),
    'http-server',
    folder,
    new Set()
  )
  await writeFile(join(folder, 'site', 'version.txt'), `${label}\n`)
  await writeFile(join(folder, 'site', 'index.html'), `<h1>http-server ${label}</h1>\n`)
  if (bad) {
    await mkdir(join(folder, 'bin'))
    await writeFile(join(folder, program), turnsBad)
  }
  const text = JSON.stringify(otaJson(label, program), null, 2)
  await writeFile(join(folder, 'ota.json'), `${text}\n`)
  return { label, folder }
}

/** Lays out the three releases below `root`: what runs first, the good update, the bad one. */
export async function layReleases(
  root: string
): Promise<{ readonly first: Shipped; readonly good: Shipped; readonly bad: Shipped }> {
  return {
    first: await lay(join(root, 'v1'), '14.1.0', '14.1.0', false),
    good: await lay(join(root, 'v2'), '14.1.1', '14.1.1', false),
    bad: await lay(join(root, 'v3'), '14.1.1', '14.1.2', true)
  }
}
