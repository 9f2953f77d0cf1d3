// S19: what was permitted when it was fetched is asked again in the moment before it takes charge.
import test from 'brittle'
import { HOUR, MINUTE, type Bytes } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import { judgeNow } from '../../lib/node/guards.ts'
import type { Control, Statement } from '../../lib/records/index.ts'
import type { Moment } from '../../lib/rollout/index.ts'
import {
  admit,
  believeNothing,
  releaseOf,
  type Believed,
  type KnownRelease
} from '../../lib/trust/index.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signRelease,
  signTrust,
  testNowMs
} from '../tools/people.ts'

const network = foundNetwork()
const first = signRelease(network.id, makeRelease(network.id))
const next = signRelease(network.id, makeRelease(network.id, { seq: 2, label: '2.0.0' }), [1, 2])
const nextId = idOfStatement(next)

function believing(...statements: readonly Statement[]): Believed {
  return statements.reduce((believed, statement) => {
    const taken = admit(believed, statement, testNowMs)
    if ('believed' in taken && taken.believed) return taken.believed
    throw new Error(`not taken: ${JSON.stringify(taken)}`)
  }, believeNothing(network.id))
}

interface Now {
  readonly ms?: number
  readonly skewMs?: number
  readonly halted?: boolean
}

function verdict(believed: Believed, now: Now = {}, id: Bytes = nextId): string {
  const known: KnownRelease = releaseOf(believed, id)!
  const moment: Moment = {
    believed,
    pool: new Pool(believed),
    nowMs: now.ms ?? testNowMs,
    clockSkewMs: now.skewMs ?? null,
    platform: 'linux-x64',
    attest: 0
  }
  const judged = judgeNow(moment, known, { first: false, halted: now.halted ?? false })
  return 'why' in judged ? `${judged.tag}: ${judged.why}` : judged.tag
}

function control(fields: Partial<Control>, release = nextId): Statement {
  return signControl(network.id, makeControl(network.id, release, fields))
}

const held = [network.first, first, next] as const

test('S19 a release with its quorum and nothing against it takes charge', (t) => {
  t.is(verdict(believing(...held)), 'confirmed')
})

test('S19 a signer who is removed while a release is under way no longer counts', (t) => {
  const without = makeTrust({ version: 2, roles: { release: { members: [1, 3], threshold: 2 } } })
  const after = believing(...held, signTrust(network.id, without, [1, 2]))
  t.is(verdict(after), 'withhold: 1 of 2 signatures (p1) under trust 2')
  const stricter = makeTrust({
    version: 2,
    roles: { release: { members: [1, 2, 3], threshold: 3 } }
  })
  t.is(
    verdict(believing(...held, signTrust(network.id, stricter, [1, 2]))),
    'withhold: 2 of 3 signatures (p1, p2) under trust 2',
    'a threshold that rose meanwhile is the one that counts'
  )
})

test('S19 a signer who is replaced by another one leaves what others signed alone', (t) => {
  const other = makeTrust({ version: 2, roles: { release: { members: [1, 2], threshold: 2 } } })
  t.is(verdict(believing(...held, signTrust(network.id, other, [1, 2]))), 'confirmed')
})

test('S19 a new epoch of the trust holds what was signed in the old one', (t) => {
  const epoch = makeTrust({ version: 2, epoch: 2 })
  const after = believing(...held, signTrust(network.id, epoch, [1, 2]))
  t.ok(verdict(after).startsWith('withhold: '), verdict(after))
})

test('S22 an expired trust installs nothing', (t) => {
  const believed = believing(...held)
  const { expiresMs } = believed.trust!.body
  t.is(verdict(believed, { ms: expiresMs - 1 }), 'confirmed')
  t.is(verdict(believed, { ms: expiresMs }), 'withhold: trust 1 has expired')
})

test('S17 two trusts against each other install nothing', (t) => {
  const one = signTrust(network.id, makeTrust({ version: 2 }), [1, 2])
  const two = signTrust(network.id, makeTrust({ version: 2, feeds: [] }), [2, 3])
  const forked = believing(...held, one, two)
  t.ok(forked.fork.length > 0)
  t.is(verdict(forked), 'withhold: two trusts stand against each other')
})

test('S42 two releases with one number install neither', (t) => {
  const twin = signRelease(network.id, makeRelease(network.id, { seq: 2, label: 'other' }), [2, 3])
  const believed = believing(...held, twin)
  t.is(verdict(believed), 'withhold: 1 more with its number')
  t.is(verdict(believed, {}, idOfStatement(twin)), 'withhold: 1 more with its number')
  t.is(verdict(believed, {}, idOfStatement(first)), 'confirmed')
})

test('a pause, a floor and an abort that come last are still in time', (t) => {
  t.is(verdict(believing(...held, control({ action: 'pause' }))), 'withhold: paused by the signers')
  const fix = signRelease(
    network.id,
    makeRelease(network.id, { seq: 3, label: '3.0.0', floor: { tag: 'self' } })
  )
  const below = verdict(believing(...held, fix))
  t.ok(below.startsWith('withhold: below the floor '), below)
  t.is(verdict(believing(...held, control({ action: 'abort' }))), 'halted: aborted')
})

test('an abort stops more than a pause does, and is said first', (t) => {
  const both = believing(...held, control({ action: 'pause' }), control({ action: 'abort' }))
  t.is(verdict(both, { halted: true }), 'halted: aborted')
  t.is(verdict(believing(...held), { halted: true }), 'halted: halted', 'by the fleet alone')
  const lone = control({ action: 'pause' }, idOfStatement(first))
  t.is(verdict(believing(...held, lone)), 'confirmed', 'of another release')
})

test('a pause that a quorum lifted is no reason any more (S65)', (t) => {
  const pause = control({ action: 'pause' })
  const head = headUnder(1, network.id, testNowMs + MINUTE)
  const resume = control({ head, action: 'resume', resume: 1, lifts: [idOfStatement(pause)] })
  t.is(verdict(believing(...held, pause, resume)), 'confirmed')
})

test('S47 a clock more than an hour off the peers holds, in either direction', (t) => {
  const believed = believing(...held)
  for (const skewMs of [-HOUR - 1, HOUR + 1]) {
    t.is(
      verdict(believed, { skewMs }),
      'withhold: this clock is more than an hour off the median of its peers'
    )
  }
  for (const skewMs of [-HOUR, 0, HOUR]) t.is(verdict(believed, { skewMs }), 'confirmed')
})
