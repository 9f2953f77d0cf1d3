// What an operator says to a node, and what a node says that cannot run.
import test from 'brittle'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Member } from '../demo/fleet.ts'
import { run, type Ended } from '../demo/proc.ts'
import { installFirst, isSettled, layApp, openWorld, phaseOf, plan, runs, until } from './world.ts'

const whyOf = ({ release, why }: { release: string; why: string }) => ({ release, why })

test(
  'an operator holds a node, asks why, lets it go, and rolls back for good',
  { timeout: 240_000 },
  async (t) => {
    const world = await openWorld(t, 3)
    const { ceremony, fleet } = world
    const [first, second] = [await layApp(world, '1.0.0'), await layApp(world, '2.0.0')]
    await installFirst(world, first)
    const mine = fleet.members[0]!
    t.is((await say(mine, 'hold')).exit, 0)
    const again = await say(mine, 'hold')
    t.is(again.exit, 0, 'twice is once')
    t.is(again.final?.data['changed'], false)

    const release = await ceremony.release(second, { plan, seeds: 2 })
    await until(fleet, 'rollout among the others', () => fleet.members.slice(1).every(runs(second)))
    t.ok(runs(first)(mine) && mine.status?.held)
    const held = await say(mine, 'why', release.slice(0, 8))
    t.is(held.exit, 0)
    t.is(held.final?.data['first'], 'hold')
    t.is((await say(mine, 'unhold')).exit, 0)
    await until(fleet, 'the held node', () => isSettled(second)(mine))
    await until(fleet, 'end of the rollout', () =>
      fleet.members.every((member) => phaseOf(member, release) === 'completed')
    )

    const back = await say(mine, 'rollback')
    t.is(back.exit, 0, back.stderr)
    t.is(back.final?.data['from'], release)
    await until(fleet, 'way back', () => isSettled(first)(mine))
    t.alike(mine.status?.quarantine.map(whyOf), [{ release, why: 'own' }])
    const attempts = mine.status?.attempts
    await fleet.stopOne(mine)
    fleet.start(mine)
    await until(fleet, 'restart', () => (mine.status?.peers ?? 0) > 0)
    const lookedAt = performance.now()
    await until(fleet, 'a quiet while', () => performance.now() - lookedAt > 4_000)
    t.ok(runs(first)(mine), 'it stays on the version it was sent back to, also after a restart')
    t.alike(mine.status?.attempts, attempts, 'the release is not tried again')
    t.alike(mine.status?.quarantine.map(whyOf), [{ release, why: 'own' }])
    t.is((await say(mine, 'why', release.slice(0, 8))).final?.data['first'], 'quarantine')
    t.ok(fleet.members.slice(1).every(runs(second)), 'a choice of one operator is no vote')
    const twice = await say(mine, 'rollback')
    t.is(twice.exit, 14)
    t.is(twice.final?.code, 'ROLLBACK_REFUSED')

    const second2 = await ota(['run', '--home', mine.home], mine.home)
    t.is(second2.exit, 30)
    t.is(second2.final?.code, 'LOCKED')
    t.ok(second2.stderr.includes(`is run by process ${mine.launcher?.pid}`))
    t.ok(runs(first)(mine), 'the first one goes on')
  }
)

test(
  'a node that cannot run says why in a sentence, and exits by the table',
  { timeout: 60_000 },
  async (t) => {
    const home = join(await t.tmp(), 'home')
    await mkdir(home)
    const nobody = await ota(['status', '--home', home], home)
    t.is(nobody.exit, 75)
    t.ok(nobody.stderr.includes('no daemon answers at'))
    t.ok(nobody.stderr.includes('hint: start it with: ota-node run'))
    const nameless = await ota(['run', '--home', home], home)
    t.is(nameless.exit, 2)
    t.ok(nameless.stderr.includes('error: no network is named'))

    const config = join(home, 'ota-node.toml')
    for (const [text, sentence] of [
      ['levle = "auto"\n', `levle (${config}:1): unknown key, did you mean "level"?`],
      ['level = "always"\n', `level (${config}:1): `],
      ['[swarm]\nport = 70000\n', `swarm.port (${config}:2): `],
      ['network = [\n', `${config}:2 is no TOML: `],
      ['network = "hello"\n', 'hello']
    ] as const) {
      await writeFile(config, text)
      const ended = await ota(['run', '--home', home], home)
      t.is(ended.exit, 2, text.trim())
      t.ok(ended.stderr.includes(sentence), ended.stderr.split('\n')[0])
    }
  }
)

async function say({ home }: Member, ...words: readonly string[]): Promise<Ended> {
  return await ota([...words, '--home', home], home)
}

async function ota(args: readonly string[], cwd: string): Promise<Ended> {
  return await run('ota-node', args, { cwd })
}
