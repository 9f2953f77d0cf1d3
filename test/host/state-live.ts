import { mkdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'brittle'
import { noLocalApp } from '../../lib/host/index.ts'
import { Launcher } from '../../lib/host/launcher/main.ts'
import { Conductor, releases, type AppName } from './conductor.ts'

const idle = [process.execPath, '-e', 'setInterval(() => {}, 60000)']
export const local = { ...noLocalApp, shadow: 'off', phoneHome: 'off' } as const

/** A home with a launcher in this process; the test plays the daemon. */
export async function home(t: TestContext): Promise<string> {
  const path = join(await t.tmp(), 'home')
  await mkdir(path, { mode: 0o700 })
  const launcher = new Launcher({ home: path, daemon: idle, output: 'ignore' }, () => undefined)
  await launcher.start()
  t.teardown(async () => await launcher.stop(), { order: 10 })
  return path
}

export async function daemon(t: TestContext, path: string): Promise<Conductor> {
  const conductor = await Conductor.open(path, { local })
  t.teardown(async () => await conductor.close(), { order: 1 })
  return conductor
}

/** Upgrades to an app and waits until that is over, well or not. */
export async function upgraded(conductor: Conductor, app: AppName): Promise<string | undefined> {
  await conductor.upgrade(app)
  const { pointer } = await conductor.until(({ op, slots }) => {
    const running = [slots.a, slots.b].filter((slot) => slot !== null)
    return op === null && running.length === 1 && running[0]?.status === 'healthy'
  })
  return Object.entries(releases).find(([, release]) => release === pointer?.release)?.[0]
}

/** Asks the app that serves, at its public address. */
export async function ask(conductor: Conductor, path: string, body?: string): Promise<string> {
  const { listens } = await conductor.machine.view()
  const port = Number(listens['http']?.split(':').at(-1))
  return await new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'PUT'
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve(text))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}
