import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'brittle'
import * as fc from 'fast-check'
import { fromText, isOtaError } from '../../lib/base/index.ts'
import { makeRunSpec, noLocalApp, readRunSpec } from '../../lib/host/app/runspec.ts'
import { writeRunSpec, type LocalApp, type RunSpec } from '../../lib/host/app/runspec.ts'
import { realDisk } from '../../lib/host/index.ts'
import { planOf } from '../../lib/host/state/plan.ts'
import { decodeOtaJson, type OtaJson } from '../../lib/records/index.ts'
import { Lab, one, two } from './state-lab.ts'

const facts = { platform: 'linux', arch: 'x64', node: '20.20.2', daemon: '0.2.0' }
const insistence = fc.constantFrom('off', 'prefer', 'require' as const)
const seconds = fc.integer({ min: 1, max: 900 })
const size = fc.option(fc.integer({ min: 2 ** 20, max: 2 ** 30 }), { nil: undefined })
const count = fc.option(fc.integer({ min: 16, max: 4_096 }), { nil: undefined })
const words = fc.dictionary(fc.constantFrom('MODE', 'REGION', 'LEVEL'), fc.constantFrom('a', 'b'))
const places = ['tcp:a.example.org:443', 'udp:dht', 'tcp:10.0.0.0/8:*']

const ports = fc.uniqueArray(fc.constantFrom('http', 'admin', 'mesh'), { minLength: 1 })

/** A release, as its signers may write it. */
const release = fc
  .record({
    start: fc.constantFrom(['node', 'a.js'], ['node', 'b.js', '{state}']),
    env: words,
    startTimeout: seconds,
    names: ports,
    handover: fc.record({
      class: fc.constantFrom('overlap', 'exclusive'),
      warm: seconds,
      observe: seconds,
      linger: fc.integer({ min: 0, max: 60 }),
      drainMax: seconds
    }),
    interval: seconds,
    limits: fc.record({ memory: size, pids: count, nofile: count, disk: size }),
    shadow: insistence,
    phoneHome: insistence,
    expect: fc.uniqueArray(fc.constantFrom(...places))
  })
  .map((made): OtaJson => {
    const { names, handover, interval, shadow, phoneHome, expect, ...rest } = made
    const value = {
      ota: 1,
      name: 'app',
      ...rest,
      listen: names.map((name, index) => ({ name, default: `0.0.0.0:${8_000 + index}` })),
      handover: { ...handover, proxy: 'bytes' },
      health: { interval },
      state: { class: 'none' },
      shadow: { policy: shadow },
      network: { policy: phoneHome, expect }
    }
    return decodeOtaJson(fromText(JSON.stringify(value)))
  })

const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(value, { nil: null })

/** What an operator may set. */
const operator: fc.Arbitrary<LocalApp> = fc
  .record({
    command: nullable(fc.constantFrom(['node', 'mine.js'], ['bin/mine', '--fast'])),
    env: words,
    listen: fc.dictionary(fc.constantFrom('http', 'admin', 'mesh'), fc.constant('127.0.0.1:9000')),
    handover: fc.constantFrom('auto', 'overlap', 'exclusive', 'proxy' as const),
    startTimeoutMs: nullable(seconds),
    drainMaxMs: nullable(seconds),
    lingerMs: nullable(seconds),
    probes: fc.constantFrom([], [{ tag: 'command' as const, run: ['true'] }]),
    healthIntervalMs: nullable(seconds),
    limits: fc.record({
      memory: nullable(fc.integer({ min: 1, max: 2 ** 30 })),
      pids: nullable(fc.integer({ min: 1, max: 4_096 })),
      nofile: nullable(fc.integer({ min: 1, max: 4_096 })),
      disk: nullable(fc.integer({ min: 1, max: 2 ** 30 }))
    }),
    shadow: insistence,
    phoneHome: insistence,
    strike: fc.uniqueArray(fc.constantFrom(...places))
  })
  .map((made): LocalApp => ({ ...noLocalApp, ...made }))

const ranks = ['off', 'prefer', 'require']

/** Each row of the table: what the operator set, or the stricter of both; the first that fails. */
function broken(spec: RunSpec, ota: OtaJson, local: LocalApp, trialMs: number): string | null {
  const { handover, health, limits, shadow, network } = ota
  const rows: readonly (readonly [string, boolean])[] = [
    ['argv', isSame(spec.argv, local.command ?? ota.start)],
    ['overridden', spec.overridden === (local.command !== null)],
    ['env', Object.entries(local.env).every(([key, value]) => spec.env[key] === value)],
    ['env of both', [...ota.env.keys()].every((key) => key in spec.env)],
    [
      'names',
      isSame(
        spec.listen.map(({ name }) => name),
        ota.listen.map(({ name }) => name)
      )
    ],
    [
      'ports',
      spec.listen.every(({ name, address }) => address === (local.listen[name] ?? address))
    ],
    [
      'default ports',
      spec.listen.every(
        ({ name, address }, index) => name in local.listen || address === `0.0.0.0:${8_000 + index}`
      )
    ],
    ['overlap', spec.handover === 'exclusive' || handover.class === 'overlap'],
    ['exclusive', local.handover !== 'exclusive' || spec.handover === 'exclusive'],
    ['proxy', spec.proxy && !spec.passes],
    ['linger', spec.lingerMs === (local.lingerMs ?? handover.lingerMs)],
    ['drain', spec.drainMaxMs === (local.drainMaxMs ?? handover.drainMaxMs)],
    [
      'startTimeout',
      spec.startTimeoutMs === Math.min(ota.startTimeoutMs, local.startTimeoutMs ?? Infinity)
    ],
    [
      'trial',
      spec.warmMs + spec.observeMs === Math.max(handover.warmMs + handover.observeMs, trialMs)
    ],
    [
      'interval',
      spec.intervalMs === Math.min(health.intervalMs, local.healthIntervalMs ?? Infinity)
    ],
    ['probes', spec.probes.length === 1 + local.probes.length],
    [
      'limits',
      (['memory', 'pids', 'nofile', 'disk'] as const).every(
        (key) => spec.limits[key] === least(limits[key], local.limits[key])
      )
    ],
    ['shadow', rank(spec.shadow.policy) === Math.max(rank(shadow.policy), rank(local.shadow))],
    ['phoneHome', rank(spec.phoneHome) === Math.max(rank(network.policy), rank(local.phoneHome))],
    [
      'expect',
      spec.expect.every((place) => network.expect.includes(place) && !local.strike.includes(place))
    ]
  ]
  return rows.find(([, holds]) => !holds)?.[0] ?? null
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function rank(wish: string): number {
  return ranks.indexOf(wish)
}

function least(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}

test('what an operator set survives every upgrade, row by row of the table', (t) => {
  const trial = fc.integer({ min: 0, max: 3_600_000 })
  fc.assert(
    fc.property(
      operator,
      fc.array(release, { minLength: 2, maxLength: 4 }),
      trial,
      (local, upgrades, trialMs) => {
        for (const ota of upgrades) {
          const deadlines = { startMs: Infinity, trialMs }
          const spec = makeRunSpec({ release: one, ota, deadlines }, local, facts)
          const wrong = broken(spec, ota, local, trialMs)
          if (wrong !== null) throw new Error(`${wrong}: ${JSON.stringify(spec)}`)
        }
      }
    ),
    { numRuns: 300 }
  )
  t.pass()
})

test('a run spec is read as it was written, an earlier one with defaults', async (t) => {
  const path = join(await t.tmp(), 'spec.run')
  const disk = realDisk()
  const [ota] = fc.sample(release, 1)
  const spec = makeRunSpec({ release: one, ota: ota! }, noLocalApp, facts)
  await writeRunSpec(disk, path, spec)
  t.alike(await readRunSpec(disk, path), spec)
  const { limits, level, shadow, expect, stateClass, ...earlier } = spec
  t.ok([limits, level, shadow, expect, stateClass].every((value) => value !== undefined))
  await writeFile(path, JSON.stringify(earlier))
  const read = await readRunSpec(disk, path)
  t.alike([read.level, read.expect, read.stateClass], [0, [], 'none'])
  t.is(read.limits.memory, null)
  await writeFile(path, JSON.stringify({ ...spec, v: 2 }))
  await t.exception(readRunSpec(disk, path), /another format/)
})

test("an operator's command that is not in the new tree keeps the old version", async (t) => {
  const lab = await Lab.open(t)
  const from = await lab.first({ ada: 'Ada' })
  await lab.place(two, 'stateful-1')
  const tried = async (command: readonly string[]) => {
    lab.local = { ...noLocalApp, command }
    return await lab.prepare(2, two, from)
  }
  t.alike(await tried(['bin/gone', '{state}']), { tag: 'failed', op: 2, reason: 'command' })
  t.alike(await tried(['no-such-program']), { tag: 'failed', op: 2, reason: 'command' })
  t.is((await tried(['node', 'server.js'])).tag, 'prepared')
  await writeFile(join(lab.home.tree(two), 'run'), '#!/bin/sh\n', { mode: 0o755 })
  t.is((await tried(['./run'])).tag, 'prepared')
  const said = await readFile(lab.home.runSpec(two), 'utf8')
  t.ok(said.includes('"overridden":true'))
})

const rules = (change: object, more: object = {}): OtaJson =>
  decodeOtaJson(
    fromText(
      JSON.stringify({
        ota: 1,
        name: 'app',
        start: ['node', 'a.js'],
        check: { run: ['node', 'check.js'] },
        migrate: { run: ['node', 'm.js'], down: ['node', 'd.js'] },
        state: { class: 'snapshot', schema: 2, from: [1], ...change },
        ...more
      })
    )
  )

function plan(ota: OtaJson, schema: number): readonly [string, boolean] {
  const spec = makeRunSpec({ release: one, ota }, noLocalApp, facts)
  const before = { schema, rules: null }
  const { back, transition } = planOf({ spec, rules: ota.state, before, gen: '1-1' })
  return [back, transition]
}

test('how far a release can be taken back follows from what it says of its state', (t) => {
  t.alike(plan(rules({}), 2), ['code', false])
  t.alike(plan(rules({}), 1), ['none', true])
  t.alike(plan(rules({ downTo: [1] }), 1), ['snapshot', true])
  t.alike(plan(rules({ lossOk: true }), 1), ['snapshot', true])
  for (const kind of ['append-only', 'external']) {
    const ota = rules({ class: kind }, { migrate: undefined })
    t.alike(plan(ota, 1), ['code', false], kind)
  }
})

test('two schemas never serve at once; a first install is looked at where it must be', (t) => {
  const state = { class: 'append-only', schema: 2, from: [1], shared: true }
  const ota = decodeOtaJson(
    fromText(
      JSON.stringify({
        ota: 1,
        name: 'app',
        start: ['node', 'a.js'],
        listen: [{ name: 'http', default: '0.0.0.0:80' }],
        handover: { class: 'overlap', proxy: 'bytes' },
        state
      })
    )
  )
  const spec = makeRunSpec({ release: one, ota }, noLocalApp, facts)
  const of = (schema: number) =>
    planOf({ spec, rules: ota.state, before: { schema, rules: null }, gen: '1-1' })
  t.is(of(2).handover, 'overlap')
  t.is(of(1).handover, 'exclusive')
  const first = planOf({ spec, rules: ota.state, before: null, gen: '2-1' })
  t.alike([first.shadow, first.phoneHome, first.handover], ['off', 'off', 'overlap'])
  const strict = makeRunSpec({ release: one, ota }, { ...noLocalApp, shadow: 'require' }, facts)
  t.is(planOf({ spec: strict, rules: ota.state, before: null, gen: '2-1' }).shadow, 'require')
})

test('a node may refuse to migrate at all, and never leave a migration out', (t) => {
  try {
    makeRunSpec({ release: one, ota: rules({}) }, { ...noLocalApp, migrations: 'refuse' }, facts)
    t.fail('it was taken')
  } catch (error) {
    t.ok(isOtaError(error, 'NOT_ELIGIBLE'))
  }
})
