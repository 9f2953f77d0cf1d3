// One key stops a rollout on real nodes, a quorum lifts that; and a beacon tells them that nothing
// is kept from them.
import test from 'brittle'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Member } from '../demo/fleet.ts'
import { environment, publish, run, tryPublish, type Person } from '../demo/proc.ts'
import { installFirst, isSettled, layApp, openWorld, plan, runs, until } from './world.ts'

test(
  'a brake of one key reaches nodes, they say so, and a quorum lifts it',
  { timeout: 120_000 },
  async (t) => {
    const world = await openWorld(t, 3)
    const { ceremony, fleet } = world
    const [first, second] = [await layApp(world, '1.0.0'), await layApp(world, '2.0.0')]
    await installFirst(world, first)
    // one takes it and carries it, the others are held until the brake is heard
    const others = fleet.members.slice(1)
    for (const member of others) await say(member, 'hold')
    const release = await ceremony.release(second, { plan, seeds: 1 })
    const short = release.slice(0, 8)
    const signer = ceremony.person(0)

    const reason = ['--reason', 'outage: it loses requests', '--for', '2h', '--reach', '2']
    const key = ['--key', 'signer-a', '--passphrase-fd', '3', '--timeout', '30s']
    const braked = await publish(signer, ['brake', short, ...reason, ...key, ...ceremony.network])
    t.ok(Number(braked.data['peers']) >= 2)
    const id = String(braked.data['brake'])
    await until(fleet, 'the brake on every node', async () => {
      const answers = await Promise.all(others.map((one) => say(one, 'why', short)))
      return answers.every(({ final }) => final?.data['first'] === 'brake')
    })
    const why = await say(others[0]!, 'why', short)
    t.is(why.final?.data['state'], 'waiting')
    t.ok(JSON.stringify(why.final?.data).includes('signer-a'), 'with the key')
    t.ok(JSON.stringify(why.final?.data).includes('outage'), 'and the reason')
    for (const member of others) await say(member, 'unhold')

    const twice = await tryPublish(signer, ['brake', short, ...reason, ...key, ...ceremony.network])
    t.is(twice.exit, 3)
    const seen = await publish(signer, ['watch', '--once', ...ceremony.network])
    const [row] = seen.data['rollouts'] as [{ braked: boolean; brakes: { id: string }[] }]
    t.alike([row.braked, row.brakes.map((one) => one.id)], [true, [id]])
    await fleet.refresh()
    t.ok(others.every(runs(first)), 'none of them has started it')

    const resume = join(ceremony.file('resume.req'))
    const lifted = ['resume', short, '--lift', id.slice(0, 8), '-o', resume]
    const { data } = await publish(signer, lifted)
    t.alike(data['lifts'], [id])
    const answers: string[] = []
    for (const [index, letter] of ['a', 'b'].entries()) {
      const label = ['--key', `signer-${letter}`, '--passphrase-fd', '3']
      const answer = ceremony.file(`resume.${letter}.sig`)
      await publish(ceremony.person(index), ['sign', resume, ...label, '-o', answer])
      answers.push(answer)
    }
    await publish(signer, ['commit', resume, ...answers, '--timeout', '30s', ...ceremony.network])
    await until(fleet, 'the rollout after the brake', () => fleet.members.every(isSettled(second)))
  }
)

test(
  'a beacon run by one process makes a node fresh, and falls silent at once',
  { timeout: 120_000 },
  async (t) => {
    const world = await openWorld(t, 1)
    const { ceremony, fleet } = world
    await installFirst(world, await layApp(world, '1.0.0'))
    const [node] = fleet.members as [Member]
    t.is(await freshnessOf(node), 'none', 'nobody is listed')

    const signer = ceremony.person(0)
    const t2 = ceremony.file('t2.req')
    const added = ['--add', `beacon=${ceremony.file('signer-c.card')}`]
    await publish(signer, ['trust', 'propose', ...added, '-o', t2])
    const answers: string[] = []
    for (const [index, letter] of ['a', 'b'].entries()) {
      const label = ['--key', `signer-${letter}`, '--passphrase-fd', '3']
      const answer = ceremony.file(`t2.${letter}.sig`)
      await publish(ceremony.person(index), ['sign', t2, ...label, '-o', answer])
      answers.push(answer)
    }
    const network = [...ceremony.network]
    await publish(signer, [
      'commit',
      t2,
      ...answers,
      '--seeds',
      '1',
      '--timeout',
      '30s',
      ...network
    ])
    const beacon = ceremony.person(2)
    const { data } = await publish(signer, ['join'])
    await publish(beacon, ['join', String(data['join']), '--timeout', '20s', ...network])
    const wrong = ['beacon', 'run', '--key', 'signer-c', '--passphrase-fd', '3', ...network]
    const stranger = await tryPublish({ ...beacon, passphrase: 'another' }, wrong)
    t.is(stranger.exit, 30, 'a wrong pass phrase')

    const running = start(beacon, [...wrong, '--timeout', '2s'])
    t.teardown(() => running.kill('SIGKILL'))
    const ended = once(running, 'close')
    await until(fleet, 'a fresh node', async () => (await freshnessOf(node)) === 'fresh')
    running.kill('SIGINT')
    const [exit] = (await ended) as [number | null]
    t.is(exit, 130)
  }
)

async function freshnessOf(node: Member): Promise<unknown> {
  const { final } = await say(node, 'status')
  const { freshness } = (final?.data ?? {}) as { freshness?: { state: string } }
  return freshness?.state
}

/** A command that runs until it is stopped; its pass phrase goes through descriptor 3. */
function start(person: Person, args: readonly string[]) {
  const bin = join(import.meta.dirname, '..', '..', 'bin', 'ota-publish.js')
  const child = spawn(process.execPath, [bin, ...args, '--json'], {
    cwd: person.home,
    env: { ...process.env, ...environment(person) },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe']
  })
  const secret = child.stdio[3]
  if (secret !== null && secret !== undefined && 'end' in secret) secret.end(person.passphrase)
  return child
}

async function say({ home }: Member, ...words: readonly string[]) {
  return await run('ota-node', [...words, '--home', home], { cwd: home })
}
