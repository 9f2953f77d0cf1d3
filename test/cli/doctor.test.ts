// `ota-node doctor`: each thing it looks at, in its good state, its doubtful and its bad one.
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'brittle'
import { DAY, HOUR, MINUTE } from '../../lib/base/index.ts'
import { judgeNetwork, type NetworkFacts } from '../../lib/cli/node/doctor/network.ts'
import { readConfig } from '../../lib/cli/node/config/read.ts'
import type { NodeStatus } from '../../lib/cli/node/views.ts'
import { VERSION } from '../../lib/cli/version.ts'
import type { MachineFacts } from '../../lib/host/doctor/examine.ts'
import { judgeMachine, type Finding, type Insisted } from '../../lib/host/doctor/findings.ts'
import type { Capabilities, CapabilityName } from '../../lib/host/jail/capabilities.ts'
import { admit, believeNothing } from '../../lib/trust/index.ts'
import { foundNetwork, testNowMs } from '../tools/people.ts'
import { node } from './operator.ts'

const names: readonly CapabilityName[] = [
  'reflink',
  'overlay-userns',
  'netwatch-full',
  'netwatch-count'
]

function able(...has: readonly CapabilityName[]): Capabilities {
  const all = Object.fromEntries(names.map((name) => [name, has.includes(name)]))
  const jail = { kind: 'unshare', path: '', system: { readOnly: [], links: [] } } as const
  return { bits: 0, has: all as Capabilities['has'], jail, why: '' }
}

const good: MachineFacts = {
  home: '/srv/demo',
  uid: 0,
  modes: [
    { path: '/srv/demo', kind: 'folder', mode: 0o711, uid: 0, needs: 'write' },
    { path: '/srv/demo/daemon/keys/node', kind: 'file', mode: 0o600, uid: 0, needs: 'own' }
  ],
  space: { freeBytes: 10_000_000_000, needBytes: 70_000_000 },
  capabilities: able('reflink', 'netwatch-full'),
  means: { cgroup: null, setpriv: '/s', prlimit: '/p', isRoot: true, nofileHard: null },
  systemd: { runs: true, unit: 'ota-node@demo.service' },
  launcherPid: 7,
  isGrouped: true,
  openFiles: 65_536,
  previous: { release: 'r'.repeat(52), fault: null },
  running: 's'.repeat(52)
}
const wants: Insisted = { shadow: 'prefer', phoneHome: 'prefer', user: 'relay' }

const states = (findings: readonly Finding[]): string =>
  findings.map(({ id, state }) => `${id} ${state}`).join(', ')
const of = (id: string, change: Partial<MachineFacts>, by = wants): Finding | undefined =>
  judgeMachine({ ...good, ...change }, by).find((one) => one.id === id)

const space = (freeBytes: number) => of('space', { space: { freeBytes, needBytes: 100 } })?.state
const feeds = (...list: readonly string[]) => ({
  feeds: list.map((word) => ({ key: 'k', state: word }))
})
const slot = (word: string) => ({ slot: { slot: 3, invite: 'i', state: word, reason: 'x' } })

test('a good machine is ok in everything', (t) => {
  const ids = 'modes space jail egress snapshot isolation limits service open-files way-back'
  t.is(states(judgeMachine(good, wants)), ids.replaceAll(/\S+/g, '$& ok').replaceAll('ok ', 'ok, '))
})

test('folders and keys that others can reach fail, with the command that helps', (t) => {
  const keys = '/srv/demo/daemon/keys'
  const one = (change: object) =>
    of('modes', {
      modes: [{ path: keys, kind: 'folder', mode: 0o700, uid: 0, needs: 'own', ...change }]
    })
  t.is(one({})?.state, 'ok')
  t.is(one({ mode: 0o750 })?.state, 'fail')
  t.is(one({ mode: 0o750 })?.next, `run: chmod go-rwx ${keys}`)
  t.is(one({ mode: 0o755, needs: 'write' })?.state, 'ok')
  t.is(one({ mode: 0o775, needs: 'write' })?.state, 'fail')
  t.ok(one({ kind: 'link', mode: 0o777 })?.text.includes('is a link'))
})

test('space is held against what the next install needs', (t) => {
  t.alike([space(200), space(199), space(100), space(99)], ['ok', 'warn', 'warn', 'fail'])
})

test('what this machine cannot do is a warning, and a fault where it is insisted on', (t) => {
  const none = { ...able(), jail: null, why: 'no user namespaces' }
  const jail = (shadow: Insisted['shadow']) =>
    of('jail', { capabilities: none }, { ...wants, shadow })?.state
  t.alike([jail('off'), jail('prefer'), jail('require')], ['ok', 'warn', 'fail'])
  const egress = (phoneHome: Insisted['phoneHome'], ...has: CapabilityName[]) =>
    of('egress', { capabilities: able(...has) }, { ...wants, phoneHome })?.state
  t.alike([egress('off'), egress('prefer'), egress('require')], ['ok', 'warn', 'fail'])
  t.is(egress('require', 'netwatch-count'), 'warn')
  t.is(of('snapshot', { capabilities: able('overlay-userns') })?.state, 'ok')
  t.is(of('snapshot', { capabilities: able() })?.state, 'warn')
})

test('isolation, limits, service, open files and the way back', (t) => {
  t.ok(of('isolation', {}, { ...wants, user: null })?.text.startsWith('isolation: none'))
  const means = { ...good.means, isRoot: false }
  t.is(of('isolation', { means })?.state, 'warn')
  t.ok(of('limits', { isGrouped: false })?.text.includes('prlimit'))
  const bare = { ...good.means, prlimit: null }
  t.is(of('limits', { isGrouped: false, means: bare })?.state, 'warn')
  const unit = of('service', { systemd: { runs: true, unit: null } })
  t.is(unit?.next, 'run: ota-node install --home /srv/demo')
  const files = (openFiles: number | null) => of('open-files', { openFiles })?.state
  t.alike([files(null), files(4_096), files(1_024), files(256)], ['ok', 'ok', 'warn', 'fail'])
  const fault = { release: 'r'.repeat(52), fault: 'its folder is not there' }
  t.is(of('way-back', { previous: fault })?.state, 'fail')
  t.is(of('way-back', { previous: null })?.state, 'ok')
  t.is(of('way-back', { running: null })?.state, 'ok')
})

const network = foundNetwork()
const found = admit(believeNothing(network.id), network.first, testNowMs)
const believed = 'believed' in found && found.believed ? found.believed : null
const status = {
  daemon: VERSION,
  clockSkewMs: 0,
  freshness: { state: 'fresh', ageMs: MINUTE, claim: null },
  peers: 3,
  slot: null
} as unknown as NodeStatus

async function judged(t: { tmp(): Promise<string> }, change: Partial<NetworkFacts> = {}) {
  const file = join(await t.tmp(), 'x.toml')
  const { config } = await readConfig({ file, named: false, env: {}, flags: {} })
  const expiresMs = believed?.trust?.body.expiresMs ?? 0
  const nowMs = expiresMs - 61 * DAY
  return judgeNetwork({ nowMs, status, ...feeds('reading'), believed, config, ...change })
}

test('a node that sees its network is ok; without a daemon it says what is left out', async (t) => {
  const ok = 'daemon ok, clock ok, trust ok, freshness ok, feeds ok, peers ok, slot ok'
  t.is(states(await judged(t)), ok)
  t.is(states(await judged(t, { status: null })), 'daemon warn, clock ok, trust ok')
})

test('a trust is to be renewed sixty days before it ends, and a wrong clock is told', async (t) => {
  const state = async (id: string, change: Partial<NetworkFacts>) =>
    (await judged(t, change)).find((one) => one.id === id)?.state
  const expiresMs = believed?.trust?.body.expiresMs ?? 0
  t.is(await state('trust', { nowMs: expiresMs - 59 * DAY }), 'fail')
  t.is(await state('trust', { nowMs: expiresMs + 1 }), 'fail')
  t.is(await state('trust', { believed: null }), 'warn')
  t.is(await state('clock', { nowMs: 0 }), 'fail', 'before what was signed')
  const skew = async (clockSkewMs: number | null) =>
    await state('clock', { status: { ...status, clockSkewMs } })
  t.alike(
    [await skew(null), await skew(MINUTE), await skew(-HOUR), await skew(2 * HOUR)],
    ['ok', 'ok', 'warn', 'fail']
  )
})

test('nobody connected, dead feeds, a doubled slot, an old daemon, a freeze: told', async (t) => {
  const state = async (id: string, change: object, more: Partial<NetworkFacts> = {}) =>
    (await judged(t, { status: { ...status, ...change }, ...more })).find((one) => one.id === id)
  t.is((await state('peers', { peers: 0 }))?.state, 'fail')
  t.is((await state('daemon', { daemon: '0.0.1' }))?.state, 'warn')
  const fresh = async (word: string) =>
    (await state('freshness', { freshness: { state: word, ageMs: null } }))?.state
  t.alike(
    [await fresh('none'), await fresh('stale'), await fresh('frozen')],
    ['ok', 'warn', 'fail']
  )
  t.is((await state('feeds', {}, feeds('reading', 'dead')))?.state, 'warn')
  t.is((await state('feeds', {}, feeds('dead', 'forked')))?.state, 'fail')
  t.is((await state('slot', slot('held')))?.state, 'ok')
  t.is((await state('slot', slot('doubled')))?.state, 'fail')
  t.is((await state('slot', slot('refused')))?.state, 'fail')
})

test('doctor looks at a real home without a daemon, ends with 1 if anything fails', async (t) => {
  const home = await t.tmp()
  await mkdir(join(home, 'daemon', 'keys'), { recursive: true })
  await chmod(home, 0o711)
  await chmod(join(home, 'daemon'), 0o700)
  await chmod(join(home, 'daemon', 'keys'), 0o700)
  await writeFile(join(home, 'daemon', 'keys', 'node'), 'x')
  await chmod(join(home, 'daemon', 'keys', 'node'), 0o644)
  const { exit, lines } = await node(['doctor', '--home', home, '--json'])
  t.is(exit, 1)
  const final = lines.at(-1) as { readonly code: string }
  t.is(final.code, 'FAULTS_FOUND')
  const findings = lines
    .filter(({ tag }) => tag === 'finding')
    .map(({ data }) => data as unknown as Finding)
  const modes = findings.find(({ id }) => id === 'modes')
  t.is(modes?.state, 'fail')
  t.ok(modes?.text.startsWith('daemon/keys/node is open to others'))
  t.ok(findings.some(({ id, state }) => id === 'daemon' && state === 'warn'))
  t.ok(findings.length >= 13, `${findings.length} things were looked at`)
  const absent = await node(['doctor', '--home', join(home, 'none'), '--json'])
  t.is(absent.exit, 1)
})
