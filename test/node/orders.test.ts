// What the upgrade machine is told after a decision. Real statements and decisions on paper; every
// order is given to the machine itself, and telling it a second time must tell it nothing.
import test from 'brittle'
import { assert, constantFrom, property, record, subarray } from 'fast-check'
import { HOUR, MINUTE, type Bytes } from '../../lib/base/index.ts'
import { emptyState, step, type Event, type State } from '../../lib/cutover/index.ts'
import { ordersOf } from '../../lib/node/orders.ts'
import type { Release, Statement } from '../../lib/records/index.ts'
import type { Act, Decision } from '../../lib/rollout/index.ts'
import { admit, believeNothing, toName, type Believed } from '../../lib/trust/index.ts'
import {
  foundNetwork,
  idOfStatement,
  makeControl,
  makeRelease,
  signControl,
  signRelease,
  testNowMs
} from '../tools/people.ts'
import { installed, upgrade, World } from '../cutover/world.ts'

const network = foundNetwork()

function release(seq: number, fields: Partial<Release> = {}): Statement {
  return signRelease(network.id, makeRelease(network.id, { seq, label: `r${seq}`, ...fields }))
}

const statements = [release(2), release(3), release(4)] as const
const ids = statements.map(idOfStatement) as unknown as readonly [Bytes, Bytes, Bytes]
const names = ids.map((id) => toName(id)) as unknown as readonly [string, string, string]
const [idA, idB, idC] = ids
const [nameA, nameB, nameC] = names

function believing(...more: readonly Statement[]): Believed {
  return [network.first, ...statements, ...more].reduce((believed, statement) => {
    const verdict = admit(believed, statement, testNowMs)
    if ('believed' in verdict && verdict.believed) return verdict.believed
    throw new Error(`not taken: ${JSON.stringify(verdict)}`)
  }, believeNothing(network.id))
}

const plain = believing()

interface Said {
  readonly act?: Act
  readonly halted?: readonly Bytes[]
  readonly completed?: readonly Bytes[]
}

function decision({ act, halted = [], completed = [] }: Said): Decision {
  const wait: Act = { tag: 'wait', untilMs: null }
  // Cast: of a decision only these three are read here.
  return { act: act ?? wait, halted, completed } as unknown as Decision
}

function orders(said: Said, state: State, believed = plain): readonly Event[] {
  return ordersOf(decision(said), state, believed)
}

/** Gives the machine its orders; each of them must have an effect. */
function obey(world: World, said: Said, believed = plain): readonly string[] {
  const given = orders(said, world.state, believed)
  for (const event of given) world.tell(event)
  if (world.ignored.length > 0) throw new Error(`ignored: ${JSON.stringify(world.ignored)}`)
  return given.map(({ tag }) => tag)
}

/** A machine on release A, with B fetched beside it and waiting for its turn. */
function waiting(): World {
  const world = installed(nameA)
  world.tell({ tag: 'want', release: nameB, kind: 'code' })
  return world
}

/** A machine that went from A to B, and committed. */
function upgraded(): World {
  const world = installed(nameA)
  upgrade(world, nameB)
  world.pass(HOUR)
  return world
}

test('a decision to wait tells nothing, and so does one about what runs', (t) => {
  const world = installed(nameA)
  t.alike(orders({}, world.state), [])
  t.alike(orders({ act: { tag: 'fetch', release: idA } }, world.state), [])
  t.alike(orders({ act: { tag: 'undo', release: idB, atMs: 0, why: 'halted' } }, world.state), [])
})

test('fetch asks for the release once', (t) => {
  const world = installed(nameA)
  const act: Act = { tag: 'fetch', release: idB }
  t.alike(orders({ act }, world.state), [{ tag: 'want', release: nameB, kind: 'code' }])
  t.alike(obey(world, { act }), ['want'])
  t.alike(obey(world, { act }), [])
})

test('a release that was fetched and passed over makes room for the next', (t) => {
  const world = waiting()
  const act: Act = { tag: 'fetch', release: idC }
  t.alike(obey(world, { act }), ['superseded', 'want'])
  t.is(world.state.op?.release, nameC)
})

test('while a hand-over is under way no other release is asked for', (t) => {
  const world = installed(nameA)
  upgrade(world, nameB)
  t.is(world.state.op?.state, 'trial')
  t.alike(orders({ act: { tag: 'fetch', release: idC } }, world.state), [])
})

test('upgrade gives a waiting release its turn, and fetches what is not here', (t) => {
  const world = installed(nameA)
  const act: Act = { tag: 'upgrade', release: idB, first: false }
  t.alike(obey(world, { act }), ['want'])
  t.alike(obey(world, { act }), ['go'])
  t.alike(obey(world, { act }), [])
  t.is(world.serving, nameB)
})

test('the one retry of a plan lifts the own failure first', (t) => {
  const world = installed(nameA, { start: { [nameB]: 'exit' } })
  upgrade(world, nameB)
  const act: Act = { tag: 'upgrade', release: idB, first: false }
  t.alike(obey(world, { act }), ['retry', 'want'])
  t.is(world.state.op?.state, 'waiting')
})

test('a halt drops what waits, once, and is noted by who never had it (S78)', (t) => {
  const world = waiting()
  const halted = [idB]
  t.alike(orders({ halted }, world.state), [{ tag: 'halted', release: nameB, why: 'halted' }])
  obey(world, { halted })
  t.is(world.state.op, null)
  t.alike(obey(world, { halted }), [], 'announced a thousand times, it is noted once')
  const other = installed(nameA)
  t.alike(obey(other, { halted: [idB, idC] }), ['halted', 'halted'])
  t.alike(obey(other, { halted: [idB, idC] }), [])
})

test('an abort is told as one', (t) => {
  const abort = signControl(network.id, makeControl(network.id, idB, { action: 'abort' }))
  const [order] = orders({ halted: [idB] }, installed(nameA).state, believing(abort))
  t.alike(order, { tag: 'halted', release: nameB, why: 'aborted' })
})

test('who runs a halted release hears when to go back, once', (t) => {
  const world = upgraded()
  const atMs = world.nowMs + MINUTE
  const said: Said = {
    halted: [idB],
    act: { tag: 'undo', release: idB, atMs, why: 'halted' }
  }
  t.alike(obey(world, said), ['undo'])
  t.alike(obey(world, said), [])
  world.pass(2 * MINUTE)
  t.is(world.serving, nameA)
  t.alike(obey(world, { halted: [idB] }), [])
})

test('a take-back under way, and one that found no way, are not told to undo', (t) => {
  const world = new World()
  upgrade(world, nameA)
  world.tell({ tag: 'unhealthy', slot: 'a' })
  t.is(world.state.op?.state, 'stuck')
  const atMs = world.nowMs
  const act: Act = { tag: 'undo', release: idA, atMs, why: 'aborted' }
  t.alike(orders({ halted: [idA], act }, world.state), [])
})

test('a quorum that lifts a halt ends its quarantine and a take-back that is not due', (t) => {
  const noted = installed(nameA)
  obey(noted, { halted: [idB] })
  t.alike(orders({}, noted.state), [{ tag: 'resume', release: nameB, by: 'quorum' }])
  t.alike(obey(noted, {}), ['resume'])
  t.alike(obey(noted, {}), [])
  const going = upgraded()
  const atMs = going.nowMs + HOUR
  obey(going, { halted: [idB], act: { tag: 'undo', release: idB, atMs, why: 'halted' } })
  t.alike(obey(going, {}), ['resume'])
  t.is(going.state.undo, null)
  t.alike(obey(going, {}), [])
})

test('what was seen here is not lifted by the fleet (S78)', (t) => {
  const world = installed(nameA, { start: { [nameB]: 'exit' } })
  upgrade(world, nameB)
  t.alike(obey(world, {}), [])
  t.is(world.state.quarantine[0]?.active, true)
})

test('a completion is told to who runs it, and to who failed once', (t) => {
  const world = upgraded()
  t.alike(obey(world, { completed: [idB] }), ['completed'])
  t.is(world.state.lastGood, nameB)
  t.alike(obey(world, { completed: [idB] }), [])
  const failed = installed(nameA, { start: { [nameB]: 'exit' } })
  upgrade(failed, nameB)
  t.alike(obey(failed, { completed: [idB] }), ['completed'])
  t.is(failed.state.quarantine[0]?.active, false)
  upgrade(failed, nameB)
  t.alike(orders({ completed: [idB] }, failed.state), [], 'twice is enough')
})

test('what an operator left by hand stays left when the fleet completes it', (t) => {
  const world = upgraded()
  world.tell({ tag: 'rollback' })
  t.is(world.serving, nameA)
  t.alike(orders({ completed: [idB] }, world.state), [])
})

test('a release that a newer one ends is dropped while it waits, and keeps its way back', (t) => {
  const fix = release(5, { supersedes: idB })
  t.alike(obey(waiting(), {}, believing(fix)), ['superseded'])
  const world = upgraded()
  t.alike(obey(world, {}, believing(fix)), ['superseded'])
  t.ok(world.state.gcAt !== null, 'the predecessor stays a day')
  t.alike(obey(world, {}, believing(fix)), [])
})

test('a release is ended once by all that name it, and by no older one', (t) => {
  const twice = believing(release(5, { supersedes: idB }), release(6, { fixes: idB }))
  t.alike(obey(waiting(), {}, twice), ['superseded'], 'said twice, told once')
  const older = believing(release(1, { supersedes: idB }))
  t.alike(obey(waiting(), {}, older), [])
})

test('a floor bars the way back below it, once (S102)', (t) => {
  const believed = believing(release(5, { floor: { tag: 'release', id: idB } }))
  const world = upgraded()
  t.alike(orders({}, world.state, believed), [{ tag: 'floor', barred: [nameA], dead: [] }])
  obey(world, {}, believed)
  t.alike(obey(world, {}, believed), [])
  t.alike(obey(world, {}), ['floor'], 'and the way is free again when the floor is lifted')
})

test('a journal that cannot be read is told nothing but floors', (t) => {
  const state: State = { ...waiting().state, fault: 'JOURNAL_DAMAGED' }
  const act: Act = { tag: 'upgrade', release: idB, first: false }
  t.alike(orders({ act, halted: [idC], completed: [idA] }, state), [])
})

/** Machines in all the states that a look can meet. */
const machines: Readonly<Record<string, () => State>> = {
  empty: () => emptyState,
  installed: () => installed(nameA).state,
  waiting: () => waiting().state,
  held: () => ({ ...waiting().state, held: true }),
  cutover: () => {
    const world = waiting()
    const gone = step(world.state, { tag: 'go', release: nameB }, world.nowMs)
    return step(gone.state, { tag: 'confirmed', op: gone.state.op!.op }, world.nowMs).state
  },
  flipping: () => {
    const begun = machines['cutover']!()
    return step(begun, { tag: 'healthy', slot: 'b' }, testNowMs).state
  },
  trial: () => {
    const world = installed(nameA)
    upgrade(world, nameB)
    return world.state
  },
  back: () => step(machines['trial']!(), { tag: 'unhealthy', slot: 'b' }, testNowMs).state,
  stuck: () => {
    const world = new World()
    upgrade(world, nameA)
    world.tell({ tag: 'unhealthy', slot: 'a' })
    return world.state
  },
  upgraded: () => upgraded().state,
  failed: () => {
    const world = installed(nameA, { start: { [nameB]: 'exit' } })
    upgrade(world, nameB)
    return world.state
  },
  damaged: () => ({ ...upgraded().state, fault: 'JOURNAL_NEWER' as const })
}

test('telling the machine twice tells it nothing the second time', (t) => {
  const beliefs = [
    plain,
    believing(release(5, { supersedes: idB })),
    believing(release(5, { fixes: idA, floor: { tag: 'release', id: idB } }))
  ]
  let told = 0
  assert(
    property(
      record({
        machine: constantFrom(...Object.keys(machines)),
        believed: constantFrom(...beliefs),
        halted: subarray([...ids]),
        completed: subarray([...ids]),
        undoes: constantFrom(null, ...ids)
      }),
      ({ machine, believed, halted, completed, undoes }) => {
        const isHalted = undoes !== null && halted.includes(undoes)
        const act: Act = isHalted
          ? { tag: 'undo', release: undoes, atMs: testNowMs + HOUR, why: 'halted' }
          : { tag: 'wait', untilMs: null }
        const ended = completed.filter((id) => !halted.includes(id))
        const said = { act, halted, completed: ended }
        let state = machines[machine]!()
        for (const event of orders(said, state, believed)) {
          const next = step(state, event, testNowMs)
          // Only what an order before it in the same breath has done already may be in vain.
          if (!next.ignored) told++
          state = next.state
        }
        const again = orders(said, state, believed)
        if (again.length > 0) throw new Error(`${machine}: ${JSON.stringify(again)}`)
      }
    ),
    { numRuns: 300 }
  )
  t.ok(told > 100, `${told} orders had an effect`)
})
