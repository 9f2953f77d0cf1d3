import test from 'brittle'
import { toHex, trustStepsMax } from '../../lib/base/index.ts'
import { authIdsMax, authWantMax, type Statement } from '../../lib/records/index.ts'
import { permission, releaseOf } from '../../lib/trust/index.ts'
import { nodeOf, type TestNode } from '../tools/authority.ts'
import {
  entryOf,
  foundNetwork,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signRelease,
  signTrust,
  wire
} from '../tools/people.ts'

// Two nodes that know each other by list, wants and read alone, as AUTH_IDS, AUTH_WANT and AUTH.
const network = foundNetwork()
const { id } = network

/** One list of the giver, cut as a frame is, and asks of one frame each until nothing is wanted. */
async function pull(from: TestNode, to: TestNode): Promise<number> {
  const version = to.authority.believed.trust?.body.version ?? 0
  const list = from.authority.list(version).slice(0, authIdsMax)
  const given = new Set<string>()
  for (;;) {
    const wanted = to.authority.wants(list).filter((one) => !given.has(toHex(one)))
    const asked = wanted.slice(0, authWantMax)
    if (asked.length === 0) return given.size
    await Promise.all(
      asked.map(async (one) => {
        given.add(toHex(one))
        const bytes = from.authority.read(one)
        if (bytes !== null) await to.authority.intake(bytes, 'peer')
      })
    )
  }
}

function signersOf({ authority }: TestNode, release: Statement): readonly string[] {
  const known = releaseOf(authority.believed, idOfStatement(release))
  return known === null ? [] : permission(authority.believed, known).signers.toSorted()
}

// Person 4 releases from the second trust on; she signs the release that is out already.
const release = signRelease(id, makeRelease(id), [1, 2])
const improved = { ...release, entries: [...release.entries, entryOf(release, 5)] }
const roles = { release: { members: [2, 5, 6], threshold: 2 } }
const second = signTrust(id, makeTrust({ version: 2, roles }), [1, 2])

test('S91 a signer of the next trust signs first: every node has her entry after it', async (t) => {
  const orders = [
    [release, improved, second],
    [improved, second],
    [second, release, improved],
    [second, improved],
    [release, second, improved]
  ]
  for (const order of orders) {
    const source = await nodeOf(network)
    await source.take(...order)
    t.alike(signersOf(source, release), ['p2', 'p5'])
    t.is(source.authority.believed.releases.length, 1)
    const newcomer = await nodeOf(network)
    await pull(source, newcomer)
    t.alike(signersOf(newcomer, release), ['p2', 'p5'], 'who comes later gets it as well')
    const third = await nodeOf(network)
    await third.take(release)
    t.is(third.authority.believed.releases.length, 1)
    await third.take(second)
    t.is(third.authority.believed.releases.length, 0, 'short under the second trust')
    await pull(newcomer, third)
    t.alike(signersOf(third, release), ['p2', 'p5'], 'and on from node to node')
  }
})

test('S91 it comes before the trust, the node restarts, and it is asked for again', async (t) => {
  const source = await nodeOf(network)
  await source.take(release, second, improved)
  const node = await nodeOf(network)
  await node.take(release, improved)
  const again = await node.restart()
  await pull(source, again)
  t.is(again.authority.believed.trust?.body.version, 2)
  t.alike(signersOf(again, release), ['p2', 'p5'])
})

test('S91 more signatures are asked for while few suffice: a rotation needs them', async (t) => {
  const wide = { release: { members: [1, 2, 5], threshold: 2 } }
  const between = signTrust(id, makeTrust({ version: 2, roles: wide }), [1, 2])
  const last = signTrust(id, makeTrust({ version: 3, roles }), [1, 2])
  const source = await nodeOf(network)
  await source.take(release, between, improved)
  const node = await nodeOf(network)
  await node.take(release, between)
  t.is(node.authority.believed.releases.length, 1, 'nothing is missing')
  t.is(await pull(source, node), 1)
  t.is(await pull(source, node), 0, 'once')
  await node.take(last)
  t.is(node.authority.believed.releases.length, 1, 'the publisher need not be there')
  t.alike(signersOf(node, release), ['p2', 'p5'])
})

test('a peer that promises signatures it has not is asked once, and brings nothing', async (t) => {
  const node = await nodeOf(network)
  await node.take(release)
  const lie = { type: 2, id: idOfStatement(release), a: 1, b: 1, sigs: 3 }
  t.is(node.authority.wants([lie]).length, 1)
  const garbage = { ...release, entries: [...release.entries, entryOf(release, 66)] }
  await node.authority.intake(wire(garbage), 'liar')
  t.is(node.authority.wants([lie]).length, 0)
  t.is(node.authority.believed.held.get(toHex(lie.id))!.any.known.signers.length, 2)
})

test('S20 who is 400 trusts behind, each of them needed, gets there frame by frame', async (t) => {
  const chain = Array.from({ length: 400 }, (_, index) => {
    const version = index + 2
    const root = { members: [version, version + 1, version + 2], threshold: 2 }
    const trust = makeTrust({ version, roles: { root } })
    return signTrust(id, trust, [version, version + 1])
  })
  const source = await nodeOf(network)
  await Promise.all(chain.map((one) => source.authority.intake(wire(one), 'feed')))
  t.is(source.authority.believed.trust?.body.version, 401)
  let node = await nodeOf(network)
  const versions: number[] = []
  for (let cycle = 0; cycle < 8; cycle++) {
    const before = node.authority.believed.trust!.body.version
    await pull(source, node)
    const { version } = node.authority.believed.trust!.body
    t.ok(version - before <= trustStepsMax, `from ${before} to ${version}`)
    versions.push(version)
    node = await node.restart()
    t.is(node.authority.believed.trust?.body.version, version, 'each step is kept')
    if (version === 401) break
  }
  t.is(versions.at(-1), 401)
  const ids = chain.map((one, index) => {
    return { type: 1, id: idOfStatement(one), a: index + 2, b: 0, sigs: 2 }
  })
  const fresh = await nodeOf(network)
  const wanted = fresh.authority.wants(ids)
  t.is(wanted.length, trustStepsMax, 'no more than a cycle is asked for')
  t.alike(wanted[0], idOfStatement(chain.at(-1)!), 'the newest first: it may need no walk')
  t.alike(wanted[1], idOfStatement(chain[0]!), 'then upwards, each a step that holds')
})

test('what stops a release is asked for before anything that starts one', async (t) => {
  const node = await nodeOf(network)
  const source = await nodeOf(network)
  const abort = signControl(id, makeControl(id, idOfStatement(release), { action: 'abort' }))
  const others = [2, 3, 4, 5].map((seq) => signRelease(id, makeRelease(id, { seq })))
  await source.take(...others, release, abort)
  t.alike(node.authority.wants(source.authority.list())[0], idOfStatement(abort))
})
