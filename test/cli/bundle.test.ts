// A publisher writes a file; nodes that reach nobody take it in, install from it, write files of
// their own. Everything between them is a file.
import test, { type TestContext } from 'brittle'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isOtaError } from '../../lib/base/index.ts'
import { callDaemon } from '../../lib/control/index.ts'
import { livingPid, signalGroup } from '../../lib/host/launcher/pids.ts'
import type { NodeStatus } from '../demo/fleet.ts'
import { start as startProgram, stop } from '../demo/proc.ts'
import { disk } from '../artifact/trees.ts'
import { hasGit, jail, layRepository, recipe } from '../host/sources.ts'
import { InsideDesk, stretchLess } from './inside.ts'
import { node, type Said } from './operator.ts'
import { errorOf } from './signers.ts'

stretchLess()

/** One signer, a network of nodes that need no invite, an app that answers with its label. */
class World {
  readonly desk: InsideDesk
  readonly told: string

  private constructor(desk: InsideDesk, told: string) {
    this.desk = desk
    this.told = told
  }

  static async found(folder: string): Promise<World> {
    const desk = new InsideDesk(folder)
    return new World(desk, await desk.found(['a'], '--open'))
  }

  /** The id of a release that is committed, with patches from those before. */
  async release(label: string): Promise<string> {
    const { desk } = this
    const app = join(process.cwd(), 'fixtures', 'apps', 'good')
    const folder = desk.file(`build-${label}`)
    cpSync(app, folder, { recursive: true })
    const given = JSON.parse(readFileSync(join(app, 'ota.json'), 'utf8')) as object
    const start = ['node', 'server.js', '${PORT}', label]
    writeFileSync(join(folder, 'ota.json'), JSON.stringify({ ...given, version: label, start }))
    const name = `r${label}`
    return await this.commit(name, folder)
  }

  /** The id of a release of this tree, perhaps with the source it is said to come from. */
  async commit(name: string, folder: string, source: string | null = null): Promise<string> {
    const { desk } = this
    await desk.must('a', 'pack', folder, '-o', `file:${name}.pack`)
    const kind = ['--channel', 'stable', '--kind', 'code', '-o', `file:${name}.req`]
    const sources = source === null ? [] : [source]
    const { release } = await desk.must('a', 'propose', `file:${name}.pack`, ...sources, ...kind)
    const answers = await desk.sign(name, 'a')
    await desk.must('a', 'commit', `file:${name}.req`, ...answers, '--alone')
    return String(release)
  }
}

/** The home of a node that looks for nobody. */
class Machine {
  readonly home: string

  constructor(home: string) {
    this.home = home
  }

  static async lay(
    t: TestContext,
    told: string,
    { mirrors = [], more = [] }: { mirrors?: readonly string[]; more?: readonly string[] } = {}
  ): Promise<Machine> {
    // Short: the sockets of the launcher have names of their own.
    const home = await mkdtemp(join(tmpdir(), 'upswell-file-'))
    const machine = new Machine(home)
    const lines = [
      `network = "${told}"`,
      '[app]',
      `listen = ["http=tcp:127.0.0.1:${await port()}"]`
    ]
    const swarm = ['[swarm]', 'host = "127.0.0.1"', 'bootstrap = "none"']
    const urls = ['[mirrors]', `urls = ${JSON.stringify(mirrors)}`, ...more, '']
    writeFileSync(join(home, 'ota-node.toml'), [...lines, ...swarm, ...urls].join('\n'))
    t.teardown(() => {
      for (const name of ['daemon', 'a', 'b']) {
        const pid = livingPid(join(home, 'run', 'pids'), name)
        if (pid !== null) signalGroup(pid, 'SIGKILL')
      }
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    })
    return machine
  }

  async say(...argv: readonly string[]): Promise<Said> {
    return await node([...argv, '--home', this.home, '--json'])
  }

  run(t: TestContext): { stop: () => Promise<void> } {
    const { home } = this
    const options = { cwd: home, logFile: join(home, 'node.log') }
    const launcher = startProgram('ota-node', ['run', '--home', home], options)
    const end = async (): Promise<void> => await stop(launcher, 12_000)
    t.teardown(end, { order: -1 })
    return { stop: end }
  }

  async status(): Promise<NodeStatus | null> {
    try {
      const call = { method: 'GET', path: '/status' } as const
      return (await callDaemon(join(this.home, 'run', 'ctl.sock'), call)) as NodeStatus
    } catch (error) {
      if (!isOtaError(error, 'NO_PEERS')) throw error
      return null
    }
  }

  /** Waits until it is so; the test's own time limit is the end of it. */
  async until(holds: (status: NodeStatus) => boolean): Promise<NodeStatus> {
    for (;;) {
      const status = await this.status()
      if (status !== null && holds(status)) return status
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function port(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('a node that reaches nobody installs from a file', { timeout: 120_000 }, async (t) => {
  const world = await World.found(await t.tmp())
  const release = await world.release('1.0.0')
  const { desk } = world
  const file = desk.file('r1.bundle')
  const wrote = await desk.run('a', 'export', '-o', file)
  t.is(wrote.exit, 0, errorOf(wrote))
  t.ok(wrote.stdout.includes(`join    ${world.told}`), 'it prints the newest join string')

  // The launcher is not started yet: the next start finds what was put into the home.
  const first = await Machine.lay(t, world.told)
  const taken = await first.say('import', file)
  t.is(taken.exit, 0, taken.stderr)
  t.alike(taken.final?.data['releases'], [release])
  first.run(t)
  await first.until(({ running, state }) => running?.label === '1.0.0' && state === 'idle')

  // This one runs already, and knows nothing but the network.
  const second = await Machine.lay(t, world.told)
  second.run(t)
  await second.until(() => true)
  const given = await second.say('import', file)
  t.is(given.exit, 0, given.stderr)
  await second.until(({ running }) => running?.label === '1.0.0')

  // What a node installed, it gives on.
  const copy = desk.file('again.bundle')
  const again = await second.say('export', release, '-o', copy)
  t.is(again.exit, 0, again.stderr)
  t.is(again.final?.data['join'], world.told)
  const third = await Machine.lay(t, world.told)
  t.is((await third.say('import', copy)).exit, 0)
  const twice = await third.say('import', copy)
  t.alike(
    twice.final?.data['cores'],
    { new: 0, known: 2, left: 0 },
    'a second time changes nothing'
  )
})

test('a node that reaches only a mirror installs from it', { timeout: 120_000 }, async (t) => {
  const world = await World.found(await t.tmp())
  const release = await world.release('1.0.0')
  const { desk } = world
  const folder = desk.file('mirror')
  const made = await desk.must('a', 'export', '--mirror', folder)
  t.alike(made['releases'], [release])
  const machine = await Machine.lay(t, world.told, { mirrors: [folder] })
  machine.run(t)
  await machine.until(({ running, state }) => running?.label === '1.0.0' && state === 'idle')

  // What it installed, it mirrors for the next, through its daemon.
  const own = desk.file('own')
  const mirrored = await machine.say('export', '--mirror', own)
  t.is(mirrored.exit, 0, mirrored.stderr)
  t.alike(mirrored.final?.data['releases'], [release])
  const far = await Machine.lay(t, world.told, { mirrors: [own] })
  far.run(t)
  await far.until(({ running, state }) => running?.label === '1.0.0' && state === 'idle')
  const two = await machine.say('export', '-o', desk.file('x'), '--mirror', own)
  t.is(two.exit, 2)

  // The next one is fetched and waits for its place, as with any peer.
  const next = await world.release('2.0.0')
  const file = desk.file('r2.bundle')
  await desk.must('a', 'export', next, '-o', file)
  const taken = await machine.say('import', file)
  t.is(taken.exit, 0, taken.stderr)
  for (;;) {
    const { final } = await machine.say('why', next)
    const all = final?.data['conditions'] as readonly { id: string; ok: boolean | null }[]
    if (all.find(({ id }) => id === 'ready')?.ok !== true) continue
    t.is(final?.data['first'], 'place', 'its tree is here, and nothing of the plan was skipped')
    break
  }
})

test('what is in a file is not believed because it is there', async (t) => {
  const world = await World.found(await t.tmp())
  const { desk } = world
  const release = await world.release('1.0.0')
  const file = desk.file('r1.bundle')
  await desk.must('a', 'export', '-o', file)
  const whole = readFileSync(file)
  const spoilt = (name: string, bytes: Uint8Array): string => {
    writeFileSync(desk.file(name), bytes)
    return desk.file(name)
  }
  const machine = await Machine.lay(t, world.told)
  const codeOf = async (path: string): Promise<unknown> =>
    (await machine.say('import', path)).final?.code
  t.is(await codeOf(desk.file('none')), 'USAGE')
  t.is(await codeOf(spoilt('short', whole.subarray(0, whole.length - 40))), 'INCOMPLETE')
  t.is(await codeOf(spoilt('long', Buffer.concat([whole, Buffer.alloc(9)]))), 'LENGTH_EXCEEDED')
  const bent = Buffer.from(whole)
  bent[whole.length - 100]! ^= 1
  t.is(await codeOf(spoilt('bent', bent)), 'HASH_MISMATCH')
  t.is(await codeOf(spoilt('text', Buffer.from('a letter to somebody'))), 'NOT_CANONICAL')

  // A file of another network, whole and signed by its own people.
  const other = await World.found(await t.tmp())
  await other.release('1.0.0')
  const strange = other.desk.file('strange.bundle')
  await other.desk.must('a', 'export', '-o', strange)
  const wrong = await machine.say('import', strange)
  t.alike([wrong.exit, wrong.final?.code], [11, 'WRONG_NETWORK'])
  t.ok(wrong.final?.message?.includes('is of network'), wrong.final?.message)

  // Nothing of all this is left in the home, and the good one still goes in.
  const held = await disk.list(join(machine.home, 'trusted'))
  t.alike(held, [], 'nothing was believed')
  const dry = await machine.say('import', file, '--dry-run')
  t.alike([dry.exit, dry.final?.data['cores']], [0, 2])
  const taken = await machine.say('import', file)
  t.alike([taken.exit, taken.final?.data['releases']], [0, [release]])
  const bare = await Machine.lay(t, world.told)
  writeFileSync(join(bare.home, 'ota-node.toml'), '')
  t.is((await bare.say('import', file)).final?.code, 'CONFIG_INVALID', 'no network is named')
})

test('an export names one place, and one release that is here', async (t) => {
  const world = await World.found(await t.tmp())
  const { desk } = world
  const first = await world.release('1.0.0')
  const second = await world.release('2.0.0')
  const both = await desk.run('a', 'export', '-o', 'x', '--mirror', 'y')
  t.alike([both.exit, errorOf(both)], [2, 'a file and a mirror are two exports'])
  const nowhere = await desk.run('a', 'export')
  t.alike([nowhere.exit, errorOf(nowhere)], [2, 'a bundle is written to a file'])
  const unknown = await desk.run('a', 'export', 'zzzzzzzz', '-o', desk.file('x'))
  t.is(unknown.exit, 2)
  const older = await desk.must('a', 'export', first, '-o', desk.file('old.bundle'))
  t.alike(older['releases'], [first])
  const machine = await Machine.lay(t, world.told)
  await machine.say('import', desk.file('old.bundle'))
  const known = (await machine.say('trust')).stdout
  t.ok(known.includes(first))
  t.absent(known.includes(second), 'nobody waits for bytes that did not come along')
  const lacking = await machine.say('export', first, '-o', desk.file('z'))
  t.is(lacking.exit, 0, 'a node that has not run yet gives on what it took')
})

/** A repository whose build copies the app of the fixtures; the id of its source. */
async function packSource({ desk }: World): Promise<string> {
  const app = join(process.cwd(), 'fixtures', 'apps', 'good')
  const given = JSON.parse(readFileSync(join(app, 'ota.json'), 'utf8')) as object
  const start = ['node', 'server.js', '${PORT}', 'built']
  const copies = ['server.js', 'ota.json'].map(
    (name) => `fs.copyFileSync('${name}', 'dist/${name}')`
  )
  layRepository(desk.file('repository'), {
    'server.js': readFileSync(join(app, 'server.js'), 'utf8'),
    'ota.json': JSON.stringify({ ...given, version: '1.0.0', start }),
    'build.js': ["const fs = require('fs')", "fs.mkdirSync('dist')", ...copies, ''].join('\n'),
    'ota-build.json': recipe({ env: {}, vendor: [], dependencies: [] })
  })
  const from = ['--git', desk.file('repository'), '--tag', 'v1', '--into', desk.file('tree')]
  await desk.must('a', 'pack', ...from, '-o', 'file:app.source')
  return 'file:app.source'
}

test(
  'S52 a node that builds installs what its own build gives, and nothing else',
  { skip: jail === null || !hasGit, timeout: 120_000 },
  async (t) => {
    const world = await World.found(await t.tmp())
    const { desk } = world
    const source = await packSource(world)
    await world.commit('r1', desk.file('tree'), source)
    await desk.must('a', 'export', '-o', desk.file('r1.bundle'))
    const builds = { more: ['[policy]', 'build = true'] }
    const machine = await Machine.lay(t, world.told, builds)
    const taken = await machine.say('import', desk.file('r1.bundle'))
    t.alike(taken.final?.data['cores'], { new: 3, known: 0, left: 0 }, 'tree, patches, source')
    const running = machine.run(t)
    await machine.until(({ running: now, state }) => now?.label === '1.0.0' && state === 'idle')
    await running.stop()
    const log = readFileSync(join(machine.home, 'node.log'), 'utf8')
    t.ok(/"?event"?[:=] ?"?built"?/.test(log) || / built /.test(log), 'by its own build')

    // Signed is another tree than the source gives: those who fetch run it, who builds does not.
    const second = await World.found(await t.tmp())
    const other = await packSource(second)
    writeFileSync(join(second.desk.file('tree'), 'more.js'), '// from nowhere')
    await second.commit('r1', second.desk.file('tree'), other)
    await second.desk.must('a', 'export', '-o', second.desk.file('r1.bundle'))
    const wary = await Machine.lay(t, second.told, builds)
    await wary.say('import', second.desk.file('r1.bundle'))
    wary.run(t)
    const status = await wary.until(({ quarantine }) => quarantine.length > 0)
    t.alike([status.quarantine[0]?.why, status.quarantine[0]?.code], ['own', 'BUILD_MISMATCH'])
    t.is(status.running, null, 'nothing of it runs')
    const said = readFileSync(join(wary.home, 'node.log'), 'utf8')
    t.ok(/the build gives tree [0-9a-f]{64}, signed is [0-9a-f]{64}/.test(said), 'both digests')
  }
)

test('a bundle is judged offline, its statements and its bytes', async (t) => {
  const world = await World.found(await t.tmp())
  await world.release('1.0.0')
  const { desk } = world
  const file = desk.file('r1.bundle')
  await desk.must('a', 'export', '-o', file)
  const judged = await node(['verify', file, '--network', world.told, '--json'])
  t.is(judged.exit, 0, judged.stderr)
  t.alike([judged.final?.data['judged'], judged.final?.data['refused']], [2, 0])
  const other = await World.found(await t.tmp())
  const strange = await node(['verify', file, '--network', other.told, '--json'])
  t.not(strange.exit, 0, 'of another network')
  const bent = Buffer.from(readFileSync(file))
  bent[bent.length - 100]! ^= 1
  writeFileSync(file, bent)
  const broken = await node(['verify', file, '--network', world.told, '--json'])
  t.is(broken.final?.code, 'HASH_MISMATCH')
})
