// The page for operators: every command on it is run, in its order, against a real conductor behind
// a real control socket, and says what the page shows. `…` on the page stands for anything.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { concat, HOUR, MINUTE } from '../../lib/base/index.ts'
import { controlledBy } from '../../lib/cli/node/controlled.ts'
import { readConfig } from '../../lib/cli/node/config/read.ts'
import { zoneOffset } from '../../lib/cli/node/config/zone.ts'
import { ControlServer } from '../../lib/control/index.ts'
import { socketPath, splitCommand } from '../../lib/host/index.ts'
import { encodeJournalLine, type Release, type Statement } from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { formatJoin, toName } from '../../lib/trust/index.ts'
import { Box } from '../node/box.ts'
import {
  foundNetwork,
  idOfStatement,
  makeRelease,
  nodePair,
  signRelease,
  testNowMs
} from '../tools/people.ts'
import { node } from './operator.ts'

const network = foundNetwork({ membership: 'open' })
const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 1 })

function release(seq: number, fields: Partial<Release> = {}): Statement {
  const body = makeRelease(network.id, { seq, label: `${seq}.0.0`, policy, ...fields })
  return signRelease(network.id, body)
}

const [first, second] = [release(1), release(2)]

interface Shown {
  readonly command: string
  readonly expected: string
}

interface Later {
  readonly laterMs: number
}

/** What the page shows: commands with their answers, and time that passes between them. */
type Part = Shown | Later | { readonly config: string }

function readPage(text: string): readonly Part[] {
  const parts = text.matchAll(
    /```console\n([\s\S]*?)```|<!-- (\d+) (min|h) later -->|```toml\n([\s\S]*?)```/g
  )
  return [...parts].flatMap(([, block, count, unit, config]): readonly Part[] => {
    if (config !== undefined) return [{ config }]
    if (block === undefined) return [{ laterMs: Number(count) * (unit === 'h' ? HOUR : MINUTE) }]
    return block
      .split(/^\$ /m)
      .filter((one) => one !== '')
      .map((one): Shown => {
        const end = one.indexOf('\n')
        return { command: one.slice(0, end), expected: one.slice(end + 1) }
      })
  })
}

/** Whether what was said is what the page shows; `…` is anything, at the end of the line too. */
function isShown(text: string, shown: string): boolean {
  const pattern = shown
    .trimEnd()
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[\\s\\S]*?')
  return new RegExp(`^${pattern}$`).test(text.trimEnd())
}

/** A node that runs the first release and has heard of two more, with a door to speak through. */
async function served(t: TestContext, home: string): Promise<Box> {
  const windows = [{ days: 127, startMinute: 120, lengthMs: 3 * HOUR, tz: 'Europe/Berlin' }]
  const box = await Box.open(network, { wants: { windows, zone: zoneOffset } })
  t.teardown(() => box.close())
  await box.take(network.first, first)
  await box.node.attach()
  await box.run(20 * MINUTE)
  await box.take(second)
  await box.run(MINUTE)
  const { authority, pool } = box
  const around = {
    clock: box.clock,
    identity: { pair: nodePair(1), membership: null },
    authority,
    pool,
    store: { feeds: () => [] },
    wire: { peers: () => [], search: () => undefined, rung: 0 },
    mirrors: { views: () => [] },
    machine: async () =>
      await Promise.resolve({ user: null, overridden: false, limits: null, shadow: [] })
  }
  const control = controlledBy(box.node, around, { take: nothing, give: nothing })
  await mkdir(join(home, 'run'), { recursive: true })
  const server = new ControlServer(control, socketPath(join(home, 'run'), 'ctl.sock'))
  await server.ready()
  t.teardown(() => server.close())
  return box
}

async function nothing(): Promise<never> {
  return await Promise.reject(new Error('no files here'))
}

async function said(command: string, home: string): Promise<string> {
  const [program, ...words] = splitCommand(command)
  if (program !== 'ota-node') throw new Error(`the page runs ${program}`)
  const env = { XDG_STATE_HOME: home, XDG_CONFIG_HOME: home }
  const { stdout, stderr } = await node([...words, '--home', home], env)
  return (stdout + stderr).replaceAll(home, '/srv/demo')
}

test('every command of the page for operators says what the page shows', async (t) => {
  const home = await t.tmp()
  const box = await served(t, home)
  const join0 = formatJoin(network.id, { version: 1, id: network.id })
  await writeFile(join(home, 'ota-node.toml'), `network = "${join0}"\n`)
  const parts = readPage(await readFile('docs/operate.md', 'utf8'))
  let run = 0
  for (const part of parts) {
    if ('laterMs' in part) await box.run(part.laterMs)
    else if ('config' in part) {
      const file = join(home, 'shown.toml')
      await writeFile(file, part.config)
      await readConfig({ file, named: true, env: {}, flags: {} })
    } else {
      const lines = box.machine.lines.map((line, at) => encodeJournalLine(line, at + 1, testNowMs))
      await writeFile(join(home, 'journal'), concat(lines))
      const { running } = await box.node.status()
      const command = part.command
        .replace('RUNNING', running?.release.slice(0, 8) ?? '')
        .replace('NEXT', toName(idOfStatement(second)).slice(0, 8))
      const answer = await said(command, home)
      const ok = isShown(answer, part.expected)
      if (!ok) t.comment(`${part.command} says:\n${answer}`)
      t.ok(ok, part.command)
      run += 1
      await box.run(1_000)
    }
  }
  t.ok(run >= 20, `${run} commands were run`)
})
