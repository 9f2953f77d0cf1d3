import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isInstalled, run } from './delta/run.ts'
import { table } from './delta/report.ts'
import type { Outcome, Setting } from './spread/contest.ts'
import { makeNet, whyNoNet } from './spread/net.ts'
import { runAria2, runHttp } from './spread/others.ts'
import { runOurs } from './spread/ours.ts'

/**
 * How fast a release spreads when every uplink is narrow, beside one web server and BitTorrent:
 *
 *   npm run bench:spread [-- --receivers 8,16,32] [--mb 20] [--uplink 10] [--only upswell,http]
 *
 * One seed and N receivers, each a process in a network namespace of its own with a capped uplink
 * (Mbit/s); all begin at the same moment, which is worse than the drawn moments of a real release.
 * Needs Linux, root, ip and tc; the namespaces are apart from the host's network. A web server is
 * given a smaller file, for about 20 seconds, and its times are scaled: they grow as the file does.
 */
const options = {
  receivers: { type: 'string', default: '8,16,32' },
  mb: { type: 'string', default: '20' },
  uplink: { type: 'string', default: '10' },
  only: { type: 'string', default: 'upswell,http,aria2' }
} as const

const httpForS = 20

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Seconds in which one uplink sends so many bytes. */
function uplinkS(bytes: number, uplinkMbit: number): number {
  return (bytes * 8) / (uplinkMbit * 1e6)
}

/** A file that nothing makes smaller, alone in a folder. */
async function makeFile(folder: string, bytes: number): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'release.bin')
  await writeFile(file, randomBytes(bytes))
  return file
}

type Contest = (setting: Setting) => Promise<Outcome>

const contests: Readonly<Record<string, Contest>> = {
  upswell: async (setting) => {
    const tree = join(setting.scratch, 'tree')
    await makeFile(tree, setting.bytes)
    return await runOurs(setting, tree)
  },
  http: async (setting) => {
    const wholeS = setting.receivers * uplinkS(setting.bytes, setting.uplinkMbit)
    const share = Math.min(1, httpForS / wholeS)
    const part = { ...setting, bytes: Math.round(setting.bytes * share) }
    const found = await runHttp(part, await makeFile(join(setting.scratch, 'file'), part.bytes))
    const note = share < 1 ? `times of ${(part.bytes / 1e6).toFixed(1)} MB, scaled` : ''
    return { ...found, lastS: found.lastS / share, medianS: found.medianS / share, note }
  },
  aria2: async (setting) =>
    await runAria2(setting, await makeFile(join(setting.scratch, 'file'), setting.bytes))
}

async function bench(): Promise<void> {
  const { values } = parseArgs({ options })
  const why = await whyNoNet()
  if (why !== null) {
    say(`skipped: ${why}`)
    return
  }
  const bytes = Number(values.mb) * 1e6
  const uplinkMbit = Number(values.uplink)
  const names = values.only.split(',').filter((name) => name !== 'aria2' || isInstalled('aria2c'))
  if (!isInstalled('aria2c')) say('aria2 is not installed: not compared')
  const found: Outcome[] = []
  for (const receivers of values.receivers.split(',').map(Number)) {
    for (const name of names) {
      say(`${name}: ${receivers} receivers, ${values.mb} MB, uplinks of ${uplinkMbit} Mbit/s ...`)
      try {
        found.push(await runOne(name, { receivers, bytes, uplinkMbit }))
      } catch (error) {
        // what was measured before stays
        say(`${name}: ${receivers} receivers: failed, ${String(error)}`)
        process.exitCode = 1
      }
    }
  }
  if (found.length > 0) report(found, { bytes, uplinkMbit })
}

async function runOne(
  name: string,
  given: Pick<Setting, 'receivers' | 'bytes' | 'uplinkMbit'>
): Promise<Outcome> {
  const contest = contests[name]
  if (contest === undefined) throw new Error(`nothing is named "${name}"`)
  const scratch = await mkdtemp(join(tmpdir(), 'upswell-bench-spread-'))
  const net = await makeNet(given.receivers + 1, given.uplinkMbit)
  try {
    return await contest({ ...given, net, scratch })
  } finally {
    await net.close()
    await run('chmod', ['-R', 'u+rwX', scratch])
    await rm(scratch, { recursive: true, force: true })
  }
}

/** No way is faster: the seed sends each byte once, and all uplinks together each copy. */
function boundS(receivers: number, bytes: number, uplinkMbit: number): number {
  return uplinkS(bytes, uplinkMbit) * Math.max(1, receivers / (receivers + 1))
}

function report(
  found: readonly Outcome[],
  { bytes, uplinkMbit }: { readonly bytes: number; readonly uplinkMbit: number }
): void {
  const head = ['way', 'receivers', 'last s', 'median s', 'last / bound', 'sent / ideal']
  const rows = found.map((one) => [
    one.name,
    one.receivers,
    one.lastS.toFixed(1),
    one.medianS.toFixed(1),
    (one.lastS / boundS(one.receivers, bytes, uplinkMbit)).toFixed(2),
    (one.sentBytes / (one.receivers * one.bytes)).toFixed(3),
    `${((100 * one.seedBytes) / one.sentBytes).toFixed(1)} %`,
    ((1e6 * one.cpuS) / (one.receivers * one.bytes)).toFixed(3),
    one.note
  ])
  say(`\n${table([...head, 'by the seed', 'CPU s per MB', ''], rows)}`)
  say('\nbound: no way is faster. ideal: each receiver gets each byte once, without any header')
}

await bench()
