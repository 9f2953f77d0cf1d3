// A node's configuration: who wins, who set what, and what is refused with its key and origin.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { isOtaError } from '../../lib/base/index.ts'
import { lineOf, linesOf } from '../../lib/cli/node/config/lines.ts'
import { localApp } from '../../lib/cli/node/config/local.ts'
import { judgeConfig, readConfig } from '../../lib/cli/node/config/read.ts'

type Given = Partial<Parameters<typeof readConfig>[0]>

async function fileOf(t: TestContext, text: string): Promise<string> {
  const file = join(await t.tmp(), 'ota-node.toml')
  await writeFile(file, text)
  return file
}

async function refused(file: string, given: Given = {}): Promise<string> {
  try {
    await readConfig({ file, named: true, env: {}, flags: {}, ...given })
  } catch (error) {
    if (isOtaError(error, 'CONFIG_INVALID')) return error.message
    throw error
  }
  return 'accepted'
}

test('no file at all is fine, unless it was named', async (t) => {
  const file = join(await t.tmp(), 'none.toml')
  const { config } = await readConfig({ file, named: false, env: {}, flags: {} })
  t.alike([config.level, config.channel, config.policy.tier], ['auto', 'stable', 0])
  t.comment('tier 0 is the label of the certificate: readers count by that one')
  t.is(await refused(file), `there is no file ${file}`)
})

test('a flag wins over the environment, over drop-ins, over the file', async (t) => {
  const file = await fileOf(t, 'level = "auto"\nchannel = "a"\n[swarm]\nport = 1\nhost = "h"\n')
  await mkdir(`${file}.d`)
  await writeFile(join(`${file}.d`, '10-a.toml'), 'channel = "b"\n[swarm]\nport = 2\n')
  await writeFile(join(`${file}.d`, '20-b.toml'), '[swarm]\nport = 3\n')
  await writeFile(join(`${file}.d`, 'note.toml'), 'channel = "never"\n')
  const env = { OTA_NODE_SWARM_PORT: '4', OTA_NODE_APP_DRAIN: '5s' }
  const given = { file, named: true, env, flags: { level: 'stage' } }
  const { config, origins } = await readConfig(given)
  t.alike([config.level, config.channel, config.swarm.port], ['stage', 'b', 4])
  t.is(config.swarm.host, 'h', 'a table is laid over another key by key')
  t.is(config.app.drain, 5_000)
  t.alike([origins.get('level'), origins.get('swarm.port')], ['flag', 'environment'])
  t.is(origins.get('channel'), join(`${file}.d`, '10-a.toml'))
})

test('what is unknown or out of range is refused, with its key and who set it', async (t) => {
  const unknown = await fileOf(t, '[swarm]\nports = 1\n')
  t.is(await refused(unknown), `swarm.ports (${unknown}:2): unknown key, did you mean "port"?`)
  const odd = await fileOf(t, 'level = "later"\n')
  t.ok((await refused(odd)).startsWith(`level (${odd}:1): `))
  const broken = await fileOf(t, 'level = \n')
  t.ok((await refused(broken)).startsWith(`${broken}:1 is no TOML: `))
  const fine = await fileOf(t, '')
  const port = { env: { OTA_NODE_SWARM_PORT: '70000' } }
  t.ok((await refused(fine, port)).startsWith('swarm.port (environment): '))
  const drain = { env: { OTA_NODE_APP_DRAIN: '5' } }
  t.is(await refused(fine, drain), 'app.drain (environment): the value is a duration, got "5"')
  t.is(await refused(fine), 'accepted')
})

test('an operator may ask for more attestations than the trust', async (t) => {
  const file = await fileOf(t, '[policy]\nattest = 2\n')
  const { config, origins } = await readConfig({ file, named: true, env: {}, flags: {} })
  t.alike([config.policy.attest, config.policy.tier], [2, 0])
  t.is(origins.get('policy.attest'), file)
  const env = { OTA_NODE_POLICY_ATTEST: '3' }
  t.is((await readConfig({ file, named: true, env, flags: {} })).config.policy.attest, 3)
  const none = await readConfig({ file: `${file}.no`, named: false, env: {}, flags: {} })
  t.is(none.config.policy.attest, 0, 'what trust and release ask for')
  for (const text of ['-1', '1.5', '65', '"two"']) {
    const odd = await fileOf(t, `[policy]\nattest = ${text}\n`)
    t.ok((await refused(odd)).startsWith(`policy.attest (${odd}:2): `), text)
  }
})

test('an operator may have releases built here, from their source', async (t) => {
  const file = await fileOf(t, '[policy]\nbuild = true\n')
  t.ok((await readConfig({ file, named: true, env: {}, flags: {} })).config.policy.build)
  const env = { OTA_NODE_POLICY_BUILD: 'false' }
  t.absent((await readConfig({ file, named: true, env, flags: {} })).config.policy.build)
  const odd = await fileOf(t, '[policy]\nbuild = "yes"\n')
  t.ok((await refused(odd)).startsWith(`policy.build (${odd}:2): `))
})

const badEverywhere = `network = "nonsense"
level = "later"
chanel = "x"

[app]
env = { NODE_OPTIONS = "--require x", LD_PRELOAD = "y", FINE = "z" }
listen = ["http:8080"]
health = [{ htp = "http:/x" }]

[policy]
consent = "maybe"
windows = [{ days = "sun-fri,someday", start = "25:00", length = "1m", tz = "Europe/Atlantis" }]

[[policy.more]]
a = 1

[limits]
memory = "much"
pids = 0
`

test('all faults of a configuration are told at once, each with its line and key', async (t) => {
  const file = await fileOf(t, badEverywhere)
  await mkdir(`${file}.d`)
  await writeFile(join(`${file}.d`, '10-broken.toml'), 'a = 1\nb = \n')
  const env = { OTA_NODE_SWARM_PORT: 'abc' }
  const { found, faults } = await judgeConfig({ file, named: true, env, flags: { slot: -1 } })
  t.is(found, null)
  const short = (origin: string): string => origin.replace(file, 'FILE')
  const told = faults.map((one) => `${one.key} ${short(one.origin)}:${one.line} ${one.text}`)
  t.alike(told.map((text) => text.split(' ').slice(0, 2).join(' ')).toSorted(), [
    ' FILE.d/10-broken.toml:2',
    'app.env FILE:6',
    'app.env FILE:6',
    'app.health.0 FILE:8',
    'app.listen.0 FILE:7',
    'chanel FILE:3',
    'level FILE:2',
    'limits.memory FILE:18',
    'limits.pids FILE:19',
    'network FILE:1',
    'policy.consent FILE:11',
    'policy.more FILE:14',
    'policy.windows.0 FILE:12',
    'policy.windows.0 FILE:12',
    'policy.windows.0 FILE:12',
    'policy.windows.0 FILE:12',
    'slot flag:null',
    'swarm.port environment:null'
  ])
  const text = told.join('\n')
  t.ok(text.includes('unknown key, did you mean "channel"?'))
  t.ok(text.includes('this machine knows no time zone "Europe/Atlantis"'))
  t.ok(text.includes('the variable NODE_OPTIONS is reserved'))
  t.ok((await refused(file)).includes('(and 15 more)'), await refused(file))
})

test('what an operator wants of windows, limits, probes and hooks is read', async (t) => {
  const file = await fileOf(
    t,
    `[app]
health = [{ http = "web:/healthz" }, { tcp = "web" }, { command = ["./probe"] }]
[policy]
jitter = "2h"
[[policy.windows]]
days = "fri-mon"
start = "23:30"
length = "4h"
tz = "Europe/Berlin"
[limits]
memory = "512MiB"
[hooks]
dialect = "mender"
before = ["/usr/local/bin/drain", "now"]
`
  )
  const { config } = await readConfig({ file, named: true, env: {}, flags: {} })
  const window = { days: 0b111_0001, startMinute: 1_410, lengthMs: 14_400_000, tz: 'Europe/Berlin' }
  t.alike(config.policy.windows, [window])
  t.is(config.policy.jitter, 7_200_000)
  const local = localApp(config, ['node', 'mine.js'])
  t.alike(local.command, ['node', 'mine.js'])
  t.alike(local.probes, [
    { tag: 'http', listen: 'web', path: '/healthz', expect: 200 },
    { tag: 'tcp', listen: 'web' },
    { tag: 'command', run: ['./probe'] }
  ])
  t.alike(local.limits, { memory: 536_870_912, pids: null, nofile: null, disk: null })
  t.alike(local.hooks.before, ['/usr/local/bin/drain', 'now'])
  t.is(local.hooks.timeoutMs, 600_000)
})

test('a line is found in tables, lists of tables and inline', (t) => {
  const lines = linesOf('a = 1\n[b."c"]\n# d = 2\nd = 3\n[[e]]\nf = 1\n[[e]]\nf = 2\n')
  const of = (path: string) => lineOf(lines, path)
  t.alike(['a', 'b.c.d', 'e.0.f', 'e.1.f', 'e.1', 'b.c.x.y', 'z'].map(of), [1, 4, 6, 8, 7, 2, null])
})
