// What a node believes, printed as JSON: by its daemon, or from the plain files of its home.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { Authority } from '../../lib/authority/index.ts'
import { toHex, type Clock } from '../../lib/base/index.ts'
import { controlledBy } from '../../lib/cli/node/controlled.ts'
import type { TrustDump } from '../../lib/cli/node/dump/types.ts'
import { ControlServer } from '../../lib/control/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import { realClock, realDisk, socketPath } from '../../lib/host/index.ts'
import type { Node } from '../../lib/node/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import { authorityDigest, formatJoin, toName } from '../../lib/trust/index.ts'
import { node } from './operator.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  makeAnchor,
  makeControl,
  makeEra,
  makeRelease,
  makeRevoke,
  makeTrust,
  nodePair,
  signControl,
  signEra,
  signRelease,
  signRevoke,
  signTrust,
  testNowMs,
  wire
} from '../tools/people.ts'

const network = foundNetwork()
const name = toName
const idName = (statement: Statement): string => name(idOfStatement(statement))

async function homeWith(
  t: TestContext,
  statements: readonly Statement[],
  founded = network
): Promise<{ readonly home: string; readonly authority: Authority }> {
  const home = await t.tmp()
  const authority = await Authority.open(realDisk(), () => undefined, {
    folder: home,
    join: formatJoin(founded.id),
    nowMs: () => testNowMs
  })
  for (const one of [founded.first, ...statements]) await authority.intake(wire(one), 'test')
  return { home, authority }
}

async function dumpOf(home: string): Promise<TrustDump> {
  const said = await node(['trust', '--home', home, '--json'])
  if (said.exit !== 0) throw new Error(said.stderr)
  const line = said.lines.find(({ tag }) => tag === 'trust')
  return line?.data as unknown as TrustDump
}

const first = signRelease(network.id, makeRelease(network.id))
const newer = signRelease(
  network.id,
  makeRelease(network.id, { seq: 2, label: '1.1.0' }),
  [1, 2, 3]
)
const beta = signRelease(network.id, makeRelease(network.id, { channel: 'beta', seq: 9 }))

test('a home tells its network, its trust and who may do what in it', async (t) => {
  const second = signTrust(network.id, makeTrust({ version: 2, epoch: 1 }), [1, 2, 3])
  const { home, authority } = await homeWith(t, [second])
  const dump = await dumpOf(home)
  t.is(dump.schema, 1)
  t.is(dump.source, 'files')
  t.alike(dump.network, { id: name(network.id), name: 'demo' })
  const { version, id, roles, membership, feeds, expiresMs } = dump.trust!
  t.alike([version, id, membership], [2, idName(second), 'enrolled'])
  t.alike(feeds, [name(idOf(9))])
  t.is(expiresMs, makeTrust().expiresMs)
  t.alike(
    roles.map(({ role, threshold, members }) => [role, threshold, members.length]),
    [
      ['root', 2, 3],
      ['release', 2, 3],
      ['brake', 1, 3],
      ['enrol', 1, 1]
    ]
  )
  t.alike(
    dump.chain.map((one) => one.version),
    [1, 2]
  )
  t.is(dump.join, formatJoin(network.id, { version: 2, id: idOfStatement(second) }))
  t.is(dump.digest, name(authorityDigest(authority.believed)), 'two nodes compare it')
  t.alike(dump.fork, [])
  t.alike(dump.feeds, [{ key: name(idOf(9)), state: 'unknown', length: 0, peers: 0 }])
  t.is(dump.freshness.state, 'none', 'no beacon is listed')
})

test('releases stand by channel, newest first, with all that stands against them', async (t) => {
  const pause = signControl(network.id, makeControl(network.id, idOfStatement(first)))
  const abort = signControl(
    network.id,
    makeControl(network.id, idOfStatement(newer), {
      action: 'abort',
      floor: { tag: 'release', id: idOfStatement(newer) }
    })
  )
  const { home } = await homeWith(t, [first, newer, beta, pause, abort])
  const dump = await dumpOf(home)
  t.alike(
    dump.channels.map(({ channel, releases }) => [channel, releases.map(({ label }) => label)]),
    [
      ['beta', ['1.0.0']],
      ['stable', ['1.1.0', '1.0.0']]
    ]
  )
  const [top, below] = dump.channels[1]!.releases
  t.alike([top!.have, top!.need, top!.signers.toSorted()], [3, 2, ['p1', 'p2', 'p3']])
  t.alike([top!.aborted, top!.paused], [[idName(abort)], []])
  t.alike([below!.paused, below!.below], [[idName(pause)], idName(newer)])
  t.alike(dump.floors, [{ by: idName(abort), release: idName(newer) }])
  t.alike(dump.heights, [
    { channel: 'beta', epoch: 1, seq: 9 },
    { channel: 'stable', epoch: 1, seq: 2 }
  ])
  const actions = dump.controls.map(({ action, live, lifted }) => `${action} ${live} ${lifted}`)
  t.alike(actions.toSorted(), ['abort true false', 'pause true false'])
})

test('S65 a lifted refusal is shown as lifted, with the resume that lifts it', async (t) => {
  const pause = signControl(network.id, makeControl(network.id, idOfStatement(first)))
  const resume = signControl(
    network.id,
    makeControl(network.id, idOfStatement(first), {
      action: 'resume',
      resume: 1,
      lifts: [idOfStatement(pause)]
    })
  )
  const { home } = await homeWith(t, [first, pause, resume])
  const { controls, channels } = await dumpOf(home)
  const lifted = controls.find(({ action }) => action === 'pause')
  t.alike([lifted?.lifted, lifted?.live], [true, false])
  t.alike(controls.find(({ action }) => action === 'resume')?.lifts, [idName(pause)])
  t.alike([channels[0]?.releases[0]?.paused, channels[0]?.releases[0]?.resume], [[], 1])
})

test('what waits, what is a proof, eras and revokes are all there', async (t) => {
  const lone = signRelease(network.id, makeRelease(network.id, { seq: 3 }), [1])
  const one = signTrust(network.id, makeTrust({ version: 2 }), [1, 2, 3])
  const two = signTrust(network.id, makeTrust({ version: 2, issuedMs: 7 }), [1, 2, 3])
  const era = signEra(network.id, makeEra(network.id))
  const revoke = signRevoke(network.id, makeRevoke(network.id, idOf(7), { slots: [3] }))
  const { home } = await homeWith(t, [lone, era, revoke, one, two])
  const dump = await dumpOf(home)
  t.alike(
    dump.pending.map(({ id, type, code, have, need }) => [id, type, code, have, need]),
    [[idName(lone), 'release', 'THRESHOLD_NOT_MET', 1, 2]]
  )
  t.is(dump.fork.length, 2, 'S17 both are kept as proof')
  t.ok(dump.kept.some(({ type, code }) => type === 'trust' && code === 'TRUST_FORK'))
  t.alike(
    dump.eras.map(({ name: era_, action }) => [era_, action]),
    [['fork-one', 'announce']]
  )
  t.alike(dump.revokes, [{ id: idName(revoke), invite: name(idOf(7)), slots: [3] }])
})

test('drawers, builders and organisations of a trust are shown', async (t) => {
  const anchor = makeAnchor(1)
  const roles = { draw: { members: [1] }, build: { members: [5, 6], threshold: 2 } }
  const founded = foundNetwork({ roles, anchors: [anchor] })
  const release = signRelease(founded.id, makeRelease(founded.id))
  const { home } = await homeWith(t, [release], founded)
  const dump = await dumpOf(home)
  const of = (role: string) => dump.trust!.roles.find((one) => one.role === role)!
  t.alike(of('draw').members[0]?.draw, { root: name(anchor.root), first: 0 })
  t.alike(
    of('build')
      .members.map(({ organisation }) => String(organisation))
      .toSorted(),
    ['org-5', 'org-6']
  )
  t.alike(
    dump.attestations.map(({ release: id, have, need }) => [id, have, need]),
    [[idName(release), 0, 2]],
    'a release that nobody attests shows what it lacks'
  )
})

test('the fields are those of the list: scripts of others read them', async (t) => {
  const { home } = await homeWith(t, [first])
  const dump = await dumpOf(home)
  t.alike(Object.keys(dump), [
    'schema',
    'source',
    'network',
    'join',
    'checkpoint',
    'adopted',
    'trust',
    'chain',
    'fork',
    'digest',
    'signedDateMs',
    'heights',
    'channels',
    'controls',
    'floors',
    'eras',
    'revokes',
    'pending',
    'kept',
    'feeds',
    'freshness',
    'claim',
    'brakes',
    'attestations'
  ])
})

test('a person gets JSON too, in which no label can repaint the terminal', async (t) => {
  const label = 'safe\u202egnp.exe'
  const release = signRelease(network.id, makeRelease(network.id, { notes: 'x', label: '2' }))
  const era = signEra(network.id, makeEra(network.id))
  const pause = makeControl(network.id, idOfStatement(release), { reason: label })
  const { home } = await homeWith(t, [release, era, signControl(network.id, pause)])
  const said = await node(['trust', '--home', home])
  t.is(said.exit, 0)
  t.ok(/^[\n -~]*$/.test(said.stdout))
  t.is((JSON.parse(said.stdout) as TrustDump).controls[0]?.reason, label, 'and reads back whole')
})

test('a home without statements, and one that is damaged, say so by code', async (t) => {
  const empty = await node(['trust', '--home', await t.tmp(), '--json'])
  t.alike([empty.exit, empty.final?.code], [12, 'TRUST_GAP'])
  const { home } = await homeWith(t, [first])
  await writeFile(join(home, 'trusted', name(network.id)), 'no statement')
  const broken = await node(['trust', '--home', home, '--json'])
  t.alike([broken.exit, broken.final?.code], [12, 'BOOTSTRAP_MISMATCH'])
  const before = (await readdir(home, { recursive: true })).toSorted()
  await node(['trust', '--home', home])
  t.alike((await readdir(home, { recursive: true })).toSorted(), before, 'nothing is set aside')
})

test('the highest number of a channel outlives the release that showed it', async (t) => {
  const { home } = await homeWith(t, [first, newer])
  const { rm } = await import('node:fs/promises')
  await rm(join(home, 'trusted', idName(newer)))
  const dump = await dumpOf(home)
  t.alike(
    dump.channels[0]?.releases.map(({ seq }) => seq),
    [1]
  )
  t.alike(dump.heights, [{ channel: 'stable', epoch: 1, seq: 2 }])
})

const steadyClock: Clock = realClock()

test('a daemon is asked first, and says the same and how its feeds fare', async (t) => {
  const { home, authority } = await homeWith(t, [first, newer])
  const files = await dumpOf(home)
  const around = {
    clock: steadyClock,
    identity: { pair: nodePair(1), membership: null },
    authority,
    pool: new Pool(authority.believed),
    store: {
      feeds: () => [{ key: idOf(9), state: 'forked' as const, isDead: false, length: 7, peers: 2 }]
    },
    wire: { peers: () => [], search: () => undefined, rung: 0 },
    mirrors: { views: () => [] },
    machine: async () => await Promise.reject(new Error('no machine is looked at here'))
  }
  const unasked = {
    take: async () => await Promise.reject(new Error('nothing is imported here')),
    give: async () => await Promise.reject(new Error('nothing is exported here'))
  }
  // Cast: `trust` and `check` ask nothing of the conductor here.
  const controlled = controlledBy({} as Node, around, unasked)
  await mkdir(join(home, 'run'), { recursive: true })
  const server = new ControlServer(controlled, socketPath(join(home, 'run'), 'ctl.sock'))
  await server.ready()
  t.teardown(() => server.close())
  const dump = await dumpOf(home)
  t.is(dump.source, 'daemon')
  t.alike(dump.feeds, [{ key: name(idOf(9)), state: 'forked', length: 7, peers: 2 }])
  t.alike({ ...dump, source: 'files', feeds: files.feeds }, files)
  t.is(toHex(authority.believed.network), toHex(network.id))
})
