// A signer is replaced while a release is being rolled out.
import test from 'brittle'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { publish, tryPublish, type Person } from '../demo/proc.ts'
import { installFirst, layApp, openWorld, phaseOf, plan, runs, until, type World } from './world.ts'

const secret = ['--passphrase-fd', '3']

test(
  'a second trust replaces a signer while a release is rolled out, and the rollout ends',
  { timeout: 240_000 },
  async (t) => {
    const world = await openWorld(t, 4)
    const { ceremony, fleet } = world
    const [first, second] = [await layApp(world, '1.0.0'), await layApp(world, '2.0.0')]
    await installFirst(world, first)
    const d = await newSigner(world)
    const [a, c] = [ceremony.person(0), ceremony.person(2)]
    const t2 = ceremony.file('t2.req')
    const roles = ['root', 'release', 'brake']
    const card = ceremony.file('signer-d.card')
    const moves = roles.flatMap((role) => [
      '--drop',
      `${role}=signer-b`,
      '--add',
      `${role}=${card}`
    ])
    await publish(a, ['trust', 'propose', ...moves, '-o', t2])
    const answers = ['a', 'c'].map((who) => ceremony.file(`t2.${who}.sig`))
    await publish(a, ['sign', t2, ...secret, '-o', answers[0]!])
    await publish(c, ['sign', t2, ...secret, '-o', answers[1]!])

    const r2 = await ceremony.release(second, { plan, seeds: 2 })
    await until(fleet, 'the first node', () => fleet.members.some(runs(second)))
    const commit = [
      'commit',
      t2,
      ...answers,
      '--seeds',
      '2',
      '--timeout',
      '60s',
      ...ceremony.network
    ]
    const refused = await tryPublish(a, commit)
    t.is(refused.exit, 10)
    t.is(refused.final?.code, 'ORPHANS_RELEASE')
    t.ok(
      /leaves \w{8} \(stable\), \w{8} \(stable\) without quorum/.test(refused.final?.message ?? '')
    )
    t.ok(
      fleet.members.every(({ status }) => status?.trust?.version === 1),
      'nothing went out'
    )

    // Who comes signs the same statements, without having joined; the trust takes them along.
    const signed: string[] = []
    for (const index of [1, 2]) {
      const signature = ceremony.file(`r${index}.d.sig`)
      const request = ceremony.file(`r${index}.req`)
      await publish(d, ['sign', request, ...secret, '-o', signature])
      signed.push(signature)
    }
    await publish(a, [...commit.slice(0, 2), ...signed, ...commit.slice(2)])
    await until(fleet, 'the second trust', () =>
      fleet.members.every(({ status }) => status?.trust?.version === 2)
    )
    await until(fleet, 'rollout', () =>
      fleet.members.every((member) => runs(second)(member) && phaseOf(member, r2) === 'completed')
    )
    t.pass('every node follows the second trust, upgraded, and saw the rollout end')
  }
)

/** A fourth signer with keys of their own; only the card travels. */
async function newSigner({ root, ceremony }: World): Promise<Person> {
  const person = { home: join(root, 'signer-d'), passphrase: 'pass phrase of signer-d' }
  await mkdir(person.home)
  const card = ceremony.file('signer-d.card')
  await publish(person, ['keys', 'new', '--label', 'signer-d', ...secret, '-o', card])
  return person
}
