import test from 'brittle'
import * as fc from 'fast-check'
import { fromText, isOtaError } from '../../lib/base/index.ts'
import {
  decodeCheckResult,
  decodeOtaJson,
  isReservedEnv,
  portVariable,
  stateFaults,
  type StateRules
} from '../../lib/records/index.ts'

type Loose = Readonly<Record<string, unknown>>

const least: Loose = {
  ota: 1,
  name: 'relay',
  start: ['node', 'main.js'],
  state: { class: 'none' }
}

const relayed: Loose = {
  ...least,
  start: ['node', 'bin/http-server', '{tree}/public', '-p', '${PORT}'],
  listen: [{ name: 'http', default: '127.0.0.1:8080' }],
  handover: { class: 'overlap', proxy: 'bytes' },
  health: { probe: { http: 'http:/' } }
}

const whole: Loose = {
  ota: 1,
  name: 'relay',
  version: '2.4.0',
  level: 2,
  requires: { daemon: '1.4', os: ['linux'], arch: ['x64', 'arm64'], node: '>=20' },
  start: ['node', 'main.js', '--data', '{state}'],
  env: { MODE: 'edge' },
  startTimeout: 60,
  stop: { signal: 'SIGTERM', timeout: 30 },
  listen: [{ name: 'http', proto: 'tcp', default: '[::]:8080', spares: 4 }],
  health: {
    probe: { http: 'http:/healthz', expect: 204 },
    interval: 0.5,
    badFor: 10,
    watchdog: 10
  },
  handover: {
    class: 'exclusive',
    split: false,
    warm: 60,
    observe: 600,
    linger: 1.5,
    drainMax: 30,
    maxPause: 5,
    proxy: 'off'
  },
  state: {
    class: 'snapshot',
    schema: 7,
    from: [5, 6],
    downTo: [6],
    lossOk: false,
    shared: false,
    snapshot: 'freeze',
    retired: ['legacy-index'],
    kinds: { users: { is: 'durable', count: 'atLeast' }, cache: { is: 'ephemeral' } }
  },
  migrate: { run: ['node', 'tools/migrate.js'], down: ['node', 'tools/down.js'], timeout: 600 },
  check: { run: ['node', 'tools/check.js'], timeout: 60 },
  shadow: { policy: 'prefer', window: 60, probe: ['node', 'tools/probe.js'] },
  limits: { memory: 536_870_912, pids: 64, nofile: 4_096, disk: 2_147_483_648 },
  network: {
    policy: 'prefer',
    expect: ['tcp:*.example.org:443', 'udp:10.0.0.0/8:*', 'udp:dht', 'tcp:[::1]/128:53']
  },
  responsibility: { from: 'app' },
  eras: ['mesh-2'],
  params: 'restart',
  build: {
    run: ['npm', 'run', 'build'],
    out: 'dist',
    toolchain: { node: '20.20.2' },
    vendor: ['vendor/a.tgz']
  }
}

const decode = (value: unknown) =>
  decodeOtaJson(fromText(typeof value === 'string' ? value : JSON.stringify(value)))

/** Path of the refusal; fails the test run if it is not `BAD_TREE` with a hint. */
const refusedAt = (value: unknown): string => {
  try {
    decode(value)
    return 'accepted'
  } catch (error) {
    if (!isOtaError(error, 'BAD_TREE')) throw error
    if (error.hint === null) throw new Error('no hint', { cause: error })
    return String(error.facts['path'])
  }
}

test('four keys are enough, every default is at its strict end', (t) => {
  const ota = decode(least)
  t.is(ota.level, 0)
  t.alike(ota.start, ['node', 'main.js'])
  t.alike([ota.handover.class, ota.handover.proxy, ota.handover.split], ['exclusive', 'off', false])
  t.alike(
    [ota.handover.warmMs, ota.handover.observeMs, ota.handover.lingerMs],
    [60_000, 600_000, 1_500]
  )
  t.alike([ota.state.lossOk, ota.state.shared, ota.state.schema], [false, false, 0])
  t.alike(ota.health.probe, { tag: 'alive', aliveMs: 20_000 })
  t.alike([ota.shadow.policy, ota.network.policy, ota.network.expect], ['prefer', 'prefer', []])
  t.alike(ota.responsibility, { tag: 'fixed', value: 0 })
  t.alike([ota.migrate, ota.check, ota.build, ota.params], [null, null, null, 'restart'])
  t.alike([ota.startTimeoutMs, ota.stop.timeoutMs, ota.stop.signal], [60_000, 30_000, 'SIGTERM'])
})

test('every key of the format is read, seconds become milliseconds', (t) => {
  const ota = decode(whole)
  t.alike(ota.listen, [{ name: 'http', proto: 'tcp', host: '::', port: 8_080, spares: 4 }])
  t.alike(ota.health, {
    probe: { tag: 'http', listen: 'http', path: '/healthz', expect: 204 },
    intervalMs: 500,
    badForMs: 10_000,
    watchdogMs: 10_000
  })
  t.is(ota.env.get('MODE'), 'edge')
  t.alike(ota.state.kinds.get('users'), { is: 'durable', count: 'atLeast' })
  t.alike(ota.state.kinds.get('cache'), { is: 'ephemeral', count: 'same' })
  t.alike(ota.migrate?.down, ['node', 'tools/down.js'])
  t.is(ota.limits.disk, 2_147_483_648)
  t.is(ota.build?.toolchain.get('node'), '20.20.2')
})

test('an app behind the relay names its port in the start line', (t) => {
  const ota = decode(relayed)
  t.is(ota.start.at(-1), '${PORT}')
  t.alike(ota.health.probe, { tag: 'http', listen: 'http', path: '/', expect: 200 })
  t.alike([portVariable('http', 0), portVariable('my-admin.1', 1)], ['PORT', 'PORT_MY_ADMIN_1'])
  const probe = decode({ ...relayed, health: {} }).health.probe
  t.alike(probe, { tag: 'tcp', listen: 'http' }, 'without a probe the first port must accept')
})

test('each minimum key is asked for by name', (t) => {
  for (const key of ['ota', 'name', 'start', 'state']) {
    const { [key]: _, ...rest } = least
    t.is(refusedAt(rest), key)
  }
  t.is(refusedAt({ ...least, state: {} }), 'state.class')
})

test('an unknown key anywhere is refused, one that begins with x- is nobody’s business', (t) => {
  t.is(refusedAt({ ...whole, strat: 1 }), '')
  for (const [key, value] of Object.entries(whole)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    if (key === 'env') continue
    t.is(refusedAt({ ...whole, [key]: { ...value, extra: 1 } }), key, key)
    t.is(
      refusedAt({ ...whole, [key]: { ...value, 'x-mine': { any: [1, null] } } }),
      'accepted',
      key
    )
  }
  t.is(refusedAt({ ...whole, 'x-note': 'hello' }), 'accepted')
})

test('every wrong type or range is refused with its path', (t) => {
  const cases: readonly (readonly [string, Loose])[] = [
    ['ota', { ota: 2 }],
    ['ota', { ota: '1' }],
    ['name', { name: 'Relay' }],
    ['name', { name: 'x'.repeat(33) }],
    ['version', { version: 'a\nb' }],
    ['level', { level: 3 }],
    ['level', { level: '0' }],
    ['requires.daemon', { requires: { daemon: 'new' } }],
    ['requires.os[1]', { requires: { os: ['linux', 5] } }],
    ['requires.os', { requires: { os: ['linux', 'linux'] } }],
    ['requires.node', { requires: { node: '^20' } }],
    ['start', { start: [] }],
    ['start', { start: 'node main.js' }],
    ['start', { start: ['/usr/bin/node'] }],
    ['start', { start: ['../node'] }],
    ['start', { start: ['node', '{home}'] }],
    ['start', { start: ['node', '${PORT}'] }],
    ['start', { start: ['node', '${HOME}'] }],
    ['start[1]', { start: ['node', 'a\u0000b'] }],
    ['startTimeout', { startTimeout: 0 }],
    ['startTimeout', { startTimeout: null }],
    ['stop.signal', { stop: { signal: 'SIGKILL' } }],
    ['listen[0].default', { listen: [{ name: 'http', default: '8080' }] }],
    ['listen[0].default', { listen: [{ name: 'http', default: 'h:70000' }] }],
    ['listen[0].proto', { listen: [{ name: 'http', default: 'h:1', proto: 'udp' }] }],
    ['listen', { listen: [1, 2].map(() => ({ name: 'http', default: 'h:1' })) }],
    ['health.probe', { health: { probe: {} } }],
    ['health.probe', { health: { probe: { alive: 5, command: ['x'] } } }],
    ['health.probe.expect', { health: { probe: { alive: 5, expect: 200 } } }],
    ['health.probe.http', { health: { probe: { http: 'admin:/' } } }],
    ['health.probe.http', { health: { probe: { http: '/healthz' } } }],
    ['health.probe.tcp', { health: { probe: { tcp: 'http' } } }],
    ['health.probe.command', { health: { probe: { command: [] } } }],
    ['health.interval', { health: { interval: 0 } }],
    ['handover.class', { handover: { class: 'rolling' } }],
    ['handover.linger', { handover: { linger: -1 } }],
    ['state.class', { state: { class: 'sql' } }],
    ['state.schema', { state: { class: 'none', schema: 1.5 } }],
    ['state.lossOk', { state: { class: 'none', lossOk: 'no' } }],
    ['state.kinds.users.is', { state: { class: 'external', kinds: { users: {} } } }],
    ['migrate.run', { migrate: { run: ['/bin/sh'] } }],
    ['check.run', { check: { run: ['node', '../check.js'] } }],
    ['check.run', { check: { run: ['node', '/etc/check.js'] } }],
    ['check.timeout', { check: { run: ['node'], timeout: 1e9 } }],
    ['limits.pids', { limits: { pids: 0 } }],
    ['network.expect[0]', { network: { expect: ['example.org'] } }],
    ['responsibility.fixed', { responsibility: { fixed: 101 } }],
    ['responsibility.from', { responsibility: {} }],
    ['responsibility.run', { responsibility: { from: 'app', run: ['x'] } }],
    ['eras[0]', { eras: ['Mesh 2'] }],
    ['params', { params: 'hot' }],
    ['build.out', { build: { run: ['make'], out: '../dist' } }],
    ['build.vendor[0]', { build: { run: ['make'], out: 'dist', vendor: ['/x'] } }]
  ]
  for (const [path, change] of cases) t.is(refusedAt({ ...least, ...change }), path, path)
})

test('reserved environment is refused from a release, whatever its case', (t) => {
  const names = [
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'DYLD_INSERT_LIBRARIES',
    'OTA_FD',
    'LISTEN_FDS',
    'PATH'
  ]
  for (const name of [...names, 'Path', 'ld_preload', 'HOME', 'PORT', 'PORT_ADMIN']) {
    t.ok(isReservedEnv(name), name)
    t.is(refusedAt({ ...least, env: { [name]: 'x' } }), `env.${name}`)
  }
  for (const name of ['MODE', 'TZ', 'LANG', 'PORTAL']) t.absent(isReservedEnv(name), name)
  t.is(refusedAt({ ...least, env: { 'a b': 'x' } }), 'env.a b')
  t.is(refusedAt({ ...least, env: { MODE: 5 } }), 'env.MODE')
})

test('parts that do not fit each other are refused at the part to change', (t) => {
  const state = { class: 'snapshot', schema: 2, from: [1] }
  const check = { run: ['node', 'check.js'] }
  const migrate = { run: ['node', 'migrate.js'] }
  const cases: readonly (readonly [string, Loose])[] = [
    ['handover', { handover: { class: 'overlap' } }],
    ['handover', { handover: { proxy: 'bytes' } }],
    ['handover', { ...relayed, state, check, migrate }],
    ['check', { state: { class: 'snapshot' } }],
    ['migrate', { state, check }],
    ['migrate', { migrate }],
    ['migrate', { state: { ...state, downTo: [1] }, check, migrate }],
    ['state', { state: { ...state, downTo: [2] }, check, migrate: { ...migrate, down: ['x'] } }],
    ['state', { state: { class: 'external', retired: ['a'], kinds: { a: { is: 'durable' } } } }],
    ['state', { state: { class: 'external', snapshot: 'freeze' } }],
    ['state', { state: { class: 'append-only', lossOk: true } }],
    ['state', { state: { class: 'none', kinds: { a: { is: 'durable' } } } }],
    ['state', { state: { ...state, from: [3] }, check, migrate }],
    ['migrate', { state: { class: 'append-only' }, migrate }],
    ['migrate', { state: { class: 'external', schema: 2, from: [1] }, migrate }],
    ['health', { health: { watchdog: 5 } }],
    ['params', { params: 'live' }],
    ['level', { responsibility: { from: 'app' } }]
  ]
  for (const [path, change] of cases) t.is(refusedAt({ ...least, ...change }), path, path)
  t.is(refusedAt({ ...relayed, state: { ...state, shared: true }, check, migrate }), 'accepted')
})

const rulesOf = (change: object): StateRules =>
  decode({
    ...least,
    check: { run: ['node', 'check.js'] },
    migrate: { run: ['node', 'migrate.js'] },
    state: { class: 'snapshot', schema: 2, from: [1], ...change }
  }).state

test('a kind of data is added for nothing, and goes only by name', (t) => {
  const users = { is: 'durable' }
  const cache = { is: 'ephemeral' }
  const store = { is: 'inPlace' }
  const before = { schema: 1, rules: rulesOf({ kinds: { users, cache, store } }) }
  const faults = (change: object) => stateFaults(before, rulesOf(change))
  t.alike(faults({ kinds: { users, store, profiles: users } }), [])
  t.alike(faults({ kinds: { store }, retired: ['users'] }), [])
  t.alike(faults({ kinds: { store } }), ['kind "users" of the state is neither kept nor retired'])
  t.alike(faults({ kinds: { users: cache, store } }), [
    'kind "users" of the state becomes ephemeral'
  ])
  t.is(faults({ kinds: {} }).length, 2)
  t.alike(faults({ kinds: { users, store }, from: [] }), [
    'state schema 1 is not among those it goes on from (none)'
  ])
  t.alike(stateFaults({ schema: 1, rules: null }, rulesOf({})), [], 'nothing else is known')
  const none = decode(least).state
  t.is(stateFaults(before, none).length, 2, 'state that goes whole goes by name too')
  t.alike(stateFaults({ schema: 7, rules: null }, none), [])
})

const read = (text: string) => decodeCheckResult(fromText(text))

test('what a check says is read as strictly as the file that names it', (t) => {
  const { schema, kinds } = read('{"schema":2,"kinds":{"users":{"count":3,"hash":"ab"}},"x-at":1}')
  t.alike([schema, kinds.get('users')], [2, { count: 3, hash: 'ab' }])
  t.is(read('{"schema":2}').kinds.size, 0)
  const wrong = ['', '[]', '{}', '{"schema":"2"}', '{"schema":-1}', '{"schema":2,"more":1}']
  const kind = ['{}', '{"count":-1}', '{"count":1.5}', '{"count":1,"hash":2}', '{"count":1,"is":2}']
  for (const text of [...wrong, ...kind.map((one) => `{"schema":2,"kinds":{"users":${one}}}`)]) {
    try {
      read(text)
      t.fail(text)
    } catch (error) {
      t.ok(isOtaError(error, 'BAD_TREE'), text)
    }
  }
})

test('it is strict JSON: no comment, no trailing comma, no key twice, UTF-8, bounded', (t) => {
  const texts = [
    '',
    '{',
    '{"ota":1,}',
    '{"ota":1}//',
    "{'ota':1}",
    '{"ota":01}',
    '{"ota":1,"ota":1}',
    '{"a":"\u0001"}',
    '{"a":"\\x41"}',
    '[1,]',
    'nul',
    '{"ota":1e999}',
    '\ufeff{}',
    '['.repeat(5_000),
    `"${'x'.repeat(70_000)}"`
  ]
  for (const text of texts) t.is(refusedAt(text), '', JSON.stringify(text).slice(0, 40))
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc3, 0x28, 0x22]
  ]) {
    try {
      decodeOtaJson(Uint8Array.from(bytes))
      t.fail('bad UTF-8 taken')
    } catch (error) {
      t.ok(isOtaError(error, 'BAD_TREE'))
    }
  }
})

test('our strict reader takes what JSON takes, and no other text', (t) => {
  const spaced = fc.tuple(fc.json({ maxDepth: 4 }), fc.constantFrom(0, 1, '\t'))
  fc.assert(
    fc.property(spaced, ([json, indent]) => {
      // A key twice is the one thing that JSON.parse takes and we do not; fc.json never writes it.
      const text = JSON.stringify({ ...least, 'x-any': JSON.parse(json) as unknown }, null, indent)
      return refusedAt(text) === 'accepted'
    }),
    { numRuns: 200 }
  )
  fc.assert(
    fc.property(fc.nat(), fc.string({ maxLength: 3 }), (at, noise) => {
      const text = JSON.stringify(whole)
      const from = at % text.length
      const mixed = text.slice(0, from) + noise + text.slice(from + 1)
      let valid = true
      try {
        JSON.parse(mixed)
      } catch {
        valid = false
      }
      return valid || refusedAt(mixed) === ''
    }),
    { numRuns: 300 }
  )
  t.pass('500 texts')
})
