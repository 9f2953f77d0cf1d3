// What `status` and `why` print, for a person at a terminal.
import test from 'brittle'
import { DAY, MINUTE } from '../../lib/base/index.ts'
import { sentenceOf } from '../../lib/cli/node/alarms.ts'
import { statusLines as linesAt, whyLines, type NodeStatus } from '../../lib/cli/node/views.ts'
import type { StatusView, WhyView } from '../../lib/node/index.ts'

const nowMs = 1_760_000_000_000
const statusLines = (view: NodeStatus): readonly string[] => linesAt(view, nowMs)

const release = (letter: string, label: string) => ({
  release: letter.repeat(52),
  label,
  epoch: 1,
  seq: 2
})

/** A node that was just started and knows nothing. */
const fresh: NodeStatus = {
  network: 'n'.repeat(52),
  name: null,
  node: 'k'.repeat(52),
  member: false,
  state: 'idle',
  channel: 'stable',
  level: 'auto',
  held: false,
  hold: null,
  pinned: null,
  skipped: [],
  labels: {},
  running: null,
  previous: null,
  next: null,
  gen: null,
  wayBack: null,
  rehearsal: null,
  app: null,
  treatment: null,
  rollout: null,
  quarantine: [],
  attempts: [],
  trust: null,
  freshness: { state: 'none', ageMs: null, claim: null },
  worst: null,
  slot: null,
  peers: 0,
  clockSkewMs: null,
  daemon: '0.2.0',
  address: null,
  pids: { daemon: 2, launcher: 1 },
  alarms: []
}

const trust = { version: 3, expiresMs: nowMs + 41 * DAY, forked: false }

function row(view: NodeStatus, name: string): string | undefined {
  const line = statusLines(view).find((text) => text.startsWith(`${name} `))
  return line?.slice(name.length).trim()
}

test('a node that knows nothing yet says so', (t) => {
  t.alike(statusLines(fresh), [
    'network  not known yet  nnnnnnnn',
    'running  nothing',
    'state    idle',
    'trust    none yet: waiting for a peer',
    'peers    0'
  ])
})

test('a node in its trial shows what runs, the way back and its app', (t) => {
  const view: NodeStatus = {
    ...fresh,
    name: 'demo',
    state: 'trial',
    running: release('b', '2.0.0'),
    previous: release('a', '1.0.0'),
    app: { pid: 4711, restarts: 1, lost: 0 },
    trust,
    peers: 4,
    address: '127.0.0.1:9#key'
  }
  t.is(row(view, 'network'), 'demo  nnnnnnnn')
  t.is(row(view, 'running'), '2.0.0  bbbbbbbb  (epoch 1 seq 2)')
  t.is(row(view, 'way back'), '1.0.0  aaaaaaaa  (epoch 1 seq 2)')
  t.is(row(view, 'app'), 'pid 4711, 1 restarts, 0 requests cut')
  t.ok(row(view, 'trust')?.startsWith('3, expires 2025-11-'))
  t.ok(row(view, 'trust')?.endsWith(', 41 days left'))
  const over = { ...trust, expiresMs: nowMs }
  t.ok(row({ ...view, trust: over }, 'trust')?.endsWith(', expired'))
  t.is(row(view, 'address'), '127.0.0.1:9#key')
  t.is(row(view, 'next'), undefined, 'what is not there has no line')
  t.is(
    row({ ...view, app: { pid: null, restarts: 3, lost: 2 } }, 'app'),
    'not running, 3 restarts, 2 requests cut'
  )
})

test('a hold, a fork, a quarantine and every alarm are shown', (t) => {
  const view: NodeStatus = {
    ...fresh,
    held: true,
    hold: { untilMs: null, reason: '' },
    state: 'waiting',
    next: release('c', '3.0.0'),
    trust: { ...trust, forked: true },
    quarantine: [{ release: 'd'.repeat(52), why: 'own', code: 'CRASH_LOOP', retryMs: null }],
    alarms: ['TRUST_FORK', 'CLOCK_SKEW']
  }
  t.is(row(view, 'state'), 'waiting, held by the operator')
  t.is(row(view, 'next'), '3.0.0  cccccccc  (epoch 1 seq 2)')
  t.ok(row(view, 'trust')?.endsWith(', forked: no installs'))
  t.is(row(view, 'quarantine'), 'dddddddd own, CRASH_LOOP')
  const alarms = statusLines(view).filter((line) => line.startsWith('alarm'))
  t.alike(
    alarms.map((line) => line.replace(/\s+/, ' ')),
    ['TRUST_FORK', 'CLOCK_SKEW'].map((code) => `alarm ${code}: ${sentenceOf(code)}`)
  )
})

const freshLine = (freshness: StatusView['freshness']): string | undefined =>
  row({ ...fresh, trust, freshness }, 'freshness')

test('S37 how fresh the news is, and what beacons name that nobody shows', (t) => {
  const of = (state: StatusView['freshness']['state'], ageMs: number | null) =>
    freshLine({ state, ageMs, claim: null })
  t.is(of('none', null), 'none: no beacon is listed, the expiry of the trust alone counts')
  t.is(of('fresh', 3 * MINUTE), 'fresh 3 min')
  t.is(of('stale', 90 * MINUTE), 'stale 1.5 h')
  t.is(of('frozen', 2 * DAY), 'frozen 2 d')
  t.is(of('frozen', null), 'frozen no beacon heard yet')
  t.is(of('expired', null), 'expired with the trust')
  const claim = { code: 'TRUST_WITHHELD', by: ['b1', 'b2'], majority: true, trustVersion: 9 }
  const withheld = freshLine({ state: 'fresh', ageMs: 0, claim })
  t.is(
    withheld,
    'fresh 0 ms; b1, b2 names trust 9 that no peer shows: nothing is installed until it is shown'
  )
  const lone = { ...claim, code: 'WITHHELD', by: ['b\u202e1'], majority: false }
  t.is(
    freshLine({ state: 'fresh', ageMs: 0, claim: lone }),
    'fresh 0 ms; b\\u{202e}1 names statements that no peer shows'
  )
})

test('S103 a node is told that its slot is doubled, and what to do', (t) => {
  const slot = { slot: 3, invite: 'i'.repeat(52), state: 'held', reason: '' } as const
  t.is(row({ ...fresh, slot }, 'slot'), '3 of invite iiiiiiii')
  const doubled = row({ ...fresh, slot: { ...slot, state: 'doubled' } }, 'slot')
  t.ok(doubled?.includes('another node claims it too'), doubled)
  t.ok(doubled?.includes('join with another --slot'))
  const gone = { ...slot, state: 'refused', reason: 'slot 3 of the invite is revoked' } as const
  t.ok(row({ ...fresh, slot: gone }, 'slot')?.endsWith('slot 3 of the invite is revoked'))
})

test('the worst state has its line even where no alarm names it', (t) => {
  const held = row({ ...fresh, worst: 'HELD' }, 'alarm')
  t.is(held, `HELD: ${sentenceOf('HELD')}`)
  const once = statusLines({ ...fresh, worst: 'TRUST_FORK', alarms: ['TRUST_FORK'] })
  t.is(once.filter((line) => line.startsWith('alarm')).length, 1)
  t.ok(sentenceOf('NO_SUCH_CODE').includes('README'))
})

test('a rollout shows its phase, its counts and each reason on a line of its own', (t) => {
  const rollout: NonNullable<StatusView['rollout']> = {
    release: 'c'.repeat(52),
    label: '3.0.0',
    phase: 'baking',
    stage: 2,
    stages: 4,
    widthPpm: 250_000,
    treated: 12,
    good: 9,
    failed: 1,
    controls: 30,
    e: 1,
    reasons: ['bakes for 6 h', 'needs 3 more']
  }
  const lines = statusLines({ ...fresh, rollout })
  const at = lines.findIndex((line) => line.startsWith('rollout'))
  t.is(lines[at], 'rollout  3.0.0 baking: 12 treated, 9 good, 1 failed, 30 controls')
  t.alike(lines.slice(at + 1, at + 3), ['         bakes for 6 h', '         needs 3 more'])
})

const why: WhyView = {
  release: 'c'.repeat(52),
  label: '3.0.0',
  state: 'waiting',
  sentence: 'waiting: 1 of 2 signatures',
  first: 'signatures',
  conditions: [
    { id: 'trust', ok: true, text: 'trust stands' },
    { id: 'signatures', ok: false, text: '1 of 2 signatures' },
    { id: 'place', ok: null, text: 'not reached yet' },
    { id: 'gate', ok: null, text: 'not reached yet' },
    { id: 'ready', ok: true, text: 'tree is here' },
    { id: 'space', ok: null, text: 'looked at last' }
  ],
  place: null,
  nextAtMs: null
}

test('why is one sentence, and then every condition in the order it is checked', (t) => {
  t.alike(whyLines(why), [
    'waiting: 1 of 2 signatures',
    '  ok  trust stands',
    '  no  1 of 2 signatures',
    '  ?   place, gate (not reached yet)',
    '  ok  tree is here',
    '  ?   space (looked at last)'
  ])
  const none = { ...why, release: null, sentence: 'there is no release', conditions: [] }
  t.alike(whyLines(none), ['there is no release'])
})

const hostile = '\u001b[2J\u202e1.0\nrunning  9.9.9\u200b'
const escaped = '\\u{1b}[2J\\u{202e}1.0\\nrunning  9.9.9\\u{200b}'

test('what signers wrote cannot repaint the terminal or forge a line', (t) => {
  const named = { ...release('b', hostile) }
  const counts = { treated: 0, good: 0, failed: 0, controls: 0, e: 1, reasons: [hostile] }
  const place = { phase: 'filling', stage: 1, stages: 1, widthPpm: 0 }
  const rollout = { release: named.release, label: hostile, ...place, ...counts }
  const view = { ...fresh, name: hostile, running: named, previous: named, next: named, rollout }
  const lines = statusLines(view)
  // Name, three releases, the rollout and its reason.
  t.is(lines.filter((line) => line.includes(escaped)).length, 6)
  t.alike(lines.filter((line) => line.startsWith('running')).length, 1)
  const told = whyLines({
    ...why,
    sentence: `ready: ${hostile}`,
    conditions: [{ id: 'channel', ok: false, text: hostile }]
  })
  t.alike(told, [`ready: ${escaped}`, `  no  ${escaped}`])
  const all = [...lines, ...told].join('')
  t.absent(/[\p{Cc}\p{Cf}]/u.test(all), 'no control or format character is left')
})

test('what holds the app, what a shadow found and the way back have lines of their own', (t) => {
  const nothing = { value: null, by: 'nothing' } as const
  const machine: NonNullable<NodeStatus['machine']> = {
    user: null,
    overridden: true,
    limits: { memory: { value: 512_000_000, by: 'cgroup' }, pids: nothing, nofile: nothing },
    shadow: ['shadow pass, phone-home unavailable', 'a \u001b[31mred line']
  }
  const view: NodeStatus = {
    ...fresh,
    running: release('b', '2.0.0'),
    gen: '7-3',
    rehearsal: { shadow: 'pass', phoneHome: 'unavailable' },
    machine
  }
  t.is(row(view, 'way back'), 'none: no version before it is kept')
  t.is(row(view, 'generation'), '7-3')
  t.is(row(view, 'rehearsal'), 'shadow pass, phone-home unavailable')
  t.is(row(view, 'command'), 'the operator’s, in place of the release’s')
  t.is(row(view, 'isolation'), 'none: app and daemon are one user')
  t.is(row(view, 'limits'), 'memory 512.0 MB by cgroup')
  t.is(row(view, 'shadow'), 'shadow pass, phone-home unavailable')
  t.ok(statusLines(view).some((line) => line.endsWith('a \\u{1b}[31mred line')))
  const back = (wayBack: StatusView['wayBack']) =>
    row({ ...view, previous: release('a', '1.0.0'), wayBack }, 'way back')
  t.is(back('code'), '1.0.0  aaaaaaaa  (epoch 1 seq 2)')
  t.ok(back('snapshot')?.endsWith(', with the state made back'))
  t.ok(back('none')?.endsWith(', only with --accept-loss'))
  const held = { ...machine, user: 'relay', overridden: false, limits: null, shadow: [] }
  t.is(row({ ...view, machine: held }, 'isolation'), 'user relay')
  t.is(row({ ...view, machine: held }, 'limits'), undefined)
})

test('a pin, a skip, labels and a hold with its end are shown', (t) => {
  const hold = { untilMs: nowMs + DAY, reason: 'fair\u0007' }
  const view: NodeStatus = {
    ...fresh,
    held: true,
    hold,
    pinned: 'p'.repeat(52),
    skipped: ['s'.repeat(52), 't'.repeat(52)],
    labels: { site: 'berlin', ring: 'a' }
  }
  t.is(row(view, 'pinned'), 'pppppppp: no other is taken')
  t.is(row(view, 'skipped'), 'ssssssss, tttttttt')
  t.is(row(view, 'labels'), 'site=berlin ring=a')
  t.ok(row(view, 'state')?.startsWith('idle, held by the operator until 2025-10-10 '))
  t.ok(row(view, 'state')?.endsWith(': fair\\u{7}'))
})
