// A node is asked by its operator to take a release: what stands against it is refused by code,
// what only takes its time is not. Real statements, real decisions, the views of the daemon.
import test from 'brittle'
import { HOUR, SECOND, type Bytes } from '../../lib/base/index.ts'
import { emptyState, type State } from '../../lib/cutover/index.ts'
import { refusalOf } from '../../lib/node/refusal.ts'
import { tellsOnly, type Shown } from '../../lib/node/shown.ts'
import { noWords } from '../../lib/node/words.ts'
import { statusOf } from '../../lib/node/status.ts'
import { whyOf } from '../../lib/node/why.ts'
import type { WhyView } from '../../lib/node/views.ts'
import { conditionOrder } from '../../lib/rollout/decide/types.ts'
import {
  decide,
  readPolicyFile,
  type DecideInput,
  type SelfFacts
} from '../../lib/rollout/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { nodePair } from '../tools/people.ts'
import { World } from '../rollout/world.ts'

const policy = readPolicyFile({ plan: 'small' }, { nodes: 3 }).policy
const nothing = { connections: 0, lost: 0 } as never

/** Three nodes on the first of two releases. */
function fleet(): { readonly world: World; readonly first: Bytes; readonly next: Bytes } {
  const world = new World({ nodes: 3 })
  const first = world.release(1, policy)
  world.installed(first)
  world.run(5 * SECOND)
  return { world, first, next: world.release(2, policy) }
}

interface Twist {
  readonly self?: Partial<SelfFacts>
  readonly network?: Partial<DecideInput['network']>
  readonly node?: Partial<DecideInput['node']>
  readonly state?: Partial<State>
  readonly nowMs?: number
  readonly doubled?: number
}

/** What the daemon of the first node would show now. */
function shownBy(world: World, twist: Twist = {}): Shown {
  const base = world.inputOf(world.nodes[0]!)
  const nowMs = twist.nowMs ?? base.nowMs
  const self = { ...base.self, ...twist.self }
  const node = { ...base.node, ...twist.node }
  const network = { ...base.network, ...twist.network }
  const { running } = node
  const pointer = running === null ? null : { release: toName(running), prev: null }
  return {
    options: {
      network: world.network.id,
      pair: nodePair(1),
      membership: null,
      platform: self.platform,
      channel: self.channel,
      tier: 1,
      level: self.level,
      daemon: '0.1.0',
      pids: { daemon: 1, launcher: 1 }
    },
    moment: {
      believed: world.believed,
      pool: world.pool,
      nowMs,
      clockSkewMs: network.clockSkewMs,
      platform: self.platform,
      attest: self.attest ?? 0
    },
    // Cast: of the pointer only the two names are read here.
    state: { ...emptyState, pointer, held: self.hold, ...twist.state } as State,
    remembered: { treatment: null, attempts: {}, cores: [], applied: [], checks: null },
    words: noWords,
    unfit: [],
    decision: decide({ ...base, nowMs, self, node, network }),
    launcher: {
      pid: 1,
      daemonStarts: 1,
      slots: { a: null, b: null },
      routed: null,
      armed: null,
      listens: {},
      traffic: { a: nothing, b: nothing },
      refused: 0
    },
    wire: { peers: () => [], address: () => null },
    member: true,
    doubled: twist.doubled ?? 0,
    alarms: []
  }
}

function codeFor(shown: Shown, id: Bytes): string | null {
  return refusalOf(whyOf(shown, id), { tellsOnly: tellsOnly(shown, id) })?.code ?? null
}

/** Nothing is met of these. */
function failing(ids: readonly string[]): WhyView {
  const conditions = ids.map((id) => ({ id, ok: false, text: id }))
  const plain = {
    release: null,
    label: '',
    state: 'waiting',
    sentence: '',
    first: null,
    place: null
  } as const
  return { ...plain, nextAtMs: null, conditions }
}

test('what only waits for its place, its window of the plan or a bake is not refused', (t) => {
  const { world, next } = fleet()
  const shown = shownBy(world)
  t.is(codeFor(shown, next), null)
  t.ok(whyOf(shown, next).first !== null, 'although it waits')
  t.is(codeFor(shownBy(world, { self: { level: 'stage' } }), next), null, 'apply is the answer')
})

test('an operator who asks for a release that may not start hears the code of the reason', (t) => {
  const { world, first, next } = fleet()
  t.is(codeFor(shownBy(world, { self: { hold: true } }), next), 'HELD')
  t.is(codeFor(shownBy(world, { self: { level: 'notify' } }), next), 'HELD')
  t.is(codeFor(shownBy(world, { self: { platform: 'darwin-arm64' } }), next), 'NOT_ELIGIBLE')
  const own = { release: next, why: 'own', retryAtMs: null } as const
  t.is(codeFor(shownBy(world, { node: { quarantine: [own] } }), next), 'QUARANTINED')
  const expiresMs = world.believed.trust!.body.expiresMs
  t.is(codeFor(shownBy(world, { nowMs: expiresMs + 1 }), next), 'TRUST_EXPIRED')
  const fast = shownBy(world, { network: { clockSkewMs: 2 * HOUR } })
  t.is(codeFor(fast, next), 'CLOCK_SKEW')
  t.ok(statusOf(fast).alarms.includes('CLOCK_SKEW'), 'and status shows it')
  const upgraded = shownBy(world, { node: { running: next } })
  t.is(codeFor(upgraded, first), 'ROLLBACK_REFUSED', 'order never falls (S41)')
})

test('a first install waits until sources agree on the newest trust (TRUST_UNSETTLED)', (t) => {
  const world = new World({ nodes: 3 })
  const next = world.release(1, policy)
  const fresh = { node: { running: null }, network: { trustSettled: false } }
  t.is(codeFor(shownBy(world, fresh), next), 'TRUST_UNSETTLED')
  t.is(codeFor(shownBy(world, { node: { running: null } }), next), null)
})

test('a pause, an abort and an unfinished rollout before it refuse by code', (t) => {
  const { world, next } = fleet()
  world.run(30 * SECOND)
  const later = world.release(3, policy)
  t.is(codeFor(shownBy(world), later), 'QUEUED')
  world.control(next, { action: 'pause' })
  t.is(codeFor(shownBy(world), next), 'PAUSED')
  world.control(next, { action: 'abort' })
  t.is(codeFor(shownBy(world), next), 'HALTED')
})

test('a slot that two keys claim is an alarm of the node (SLOT_CLASH)', (t) => {
  const { world } = fleet()
  t.absent(statusOf(shownBy(world)).alarms.includes('SLOT_CLASH'))
  t.ok(statusOf(shownBy(world, { doubled: 1 })).alarms.includes('SLOT_CLASH'))
})

test('every condition has a code or ends by itself, and the first that has one is said', (t) => {
  const standing = { tellsOnly: false }
  const free = conditionOrder.filter((id) => refusalOf(failing([id]), standing) === null)
  const waits = ['level', 'window', 'consent', 'weight', 'tier', 'place', 'shadow', 'gate']
  t.alike(free, [...waits, 'jitter', 'space', 'ready'])
  t.is(refusalOf(failing(['place', 'floor', 'pause']), standing)?.code, 'ROLLBACK_REFUSED')
  const forked = { id: 'trust', ok: false, text: 'two trusts', code: 'TRUST_FORK' } as const
  const why: WhyView = { ...failing([]), conditions: [forked] }
  t.is(refusalOf(why, standing)?.code, 'TRUST_FORK', 'what fails in several ways says which')
  t.is(refusalOf(failing([]), standing), null)
})
