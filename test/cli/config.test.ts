// A node's configuration: who wins, who set what, and what is refused with its key and origin.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { isOtaError } from '../../lib/base/index.ts'
import { readConfig } from '../../lib/cli/node/config.ts'

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
  t.is(await refused(unknown), `unknown key "swarm.ports" (${unknown})`)
  const odd = await fileOf(t, 'level = "later"\n')
  t.ok((await refused(odd)).startsWith(`level (${odd}): `))
  const broken = await fileOf(t, 'level = \n')
  t.ok((await refused(broken)).startsWith(`${broken} is no TOML: `))
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
    t.ok((await refused(odd)).startsWith(`policy.attest (${odd}): `), text)
  }
})

test('an operator may have releases built here, from their source', async (t) => {
  const file = await fileOf(t, '[policy]\nbuild = true\n')
  t.ok((await readConfig({ file, named: true, env: {}, flags: {} })).config.policy.build)
  const env = { OTA_NODE_POLICY_BUILD: 'false' }
  t.absent((await readConfig({ file, named: true, env, flags: {} })).config.policy.build)
  const odd = await fileOf(t, '[policy]\nbuild = "yes"\n')
  t.ok((await refused(odd)).startsWith(`policy.build (${odd}): `))
})
