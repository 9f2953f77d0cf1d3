// Three people in three folders who exchange nothing but files, a thief, and three real nodes: a
// network begins, a signer is replaced, a stolen quorum publishes the highest number there is, root
// takes the network back, and every node installs what comes then.
import test from 'brittle'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fleet } from '../demo/fleet.ts'
import { layApp, openGround, plan, runs, until } from '../e2e/world.ts'
import { Holders } from './holders.ts'
import { stretchLess } from './inside.ts'
import { errorOf } from './signers.ts'

stretchLess()

const online = { online: true }

test(
  'three holders of keys lose a quorum to a thief, and take their network back',
  { timeout: 240_000 },
  async (t) => {
    const startedMs = performance.now()
    const { root, bootstrap, layFleet } = await openGround(t, 3)
    const desk = new Holders(root, bootstrap)
    t.teardown(() => {
      for (const line of desk.transcript) t.comment(line)
      t.comment(`${desk.transcript.length} lines in ${secondsSince(startedMs)} s`)
    })
    for (const who of ['ana', 'ben', 'cem', 'thief']) {
      desk.join(who)
      writeFileSync(join(desk.folder(who), 'quick.json'), JSON.stringify(plan))
    }
    await begin(desk)
    await firstRelease(desk, root)
    const fleet = await layFleet(join(desk.folder('cem'), 'demo.invite'))
    await install(desk, fleet)

    desk.say('Cem gets a new machine and a new key; his door key, which invites, stays.')
    await desk.must('cem', 'keys new --label cem-2')
    desk.send('cem', ['ana'], 'cem-2.card')
    await desk.must('ana', 'trust rotate --drop cem --add cem-2.card -o t2.req')
    desk.send('ana', ['ben', 'cem'], 't2.req')
    await desk.must('ben', 'trust review t2.req')
    const t2 = await signed(desk, 't2', { ana: ['ana'], ben: ['ben'], cem: ['cem', 'cem-2'] })
    const rotation = await desk.type(
      'ana',
      `trust commit t2.req ${t2} --seeds 1 --timeout 40s`,
      online
    )
    t.is(rotation.exit, 0, errorOf(rotation))
    desk.send('ana', ['cem'], ...t2.split(' '))
    await desk.must('cem', `trust commit t2.req ${t2} --alone`)
    await until(fleet, 'trust 2', () =>
      fleet.members.every(({ status }) => status?.trust?.version === 2)
    )
    t.pass('one signer is replaced, and every node follows')

    await theft(desk, root, fleet)
    t.ok(fleet.members.some(runs({ label: '999999.0.0' })), 'k stolen keys of k can release')
    const seized = await desk.type('thief', 'trust commit t3.req t3.ana.sig t3.ben.sig --alone')
    t.is(seized.exit, 10, 'and cannot change keys: root needs three')

    await recover(desk)
    const t3 = await signed(desk, 't3', {
      ana: ['ana', 'ana-2'],
      ben: ['ben', 'ben-2'],
      cem: ['cem-2']
    })
    const recovery = await desk.type(
      'ana',
      `trust commit t3.req ${t3} --seeds 1 --timeout 40s`,
      online
    )
    t.is(recovery.exit, 0, errorOf(recovery))
    t.ok(recovery.stderr.includes('epoch 2 ends'))

    const { label } = await layApp({ root }, '2.0.0')
    desk.say('A normal release, signed by two of the new keys.')
    await desk.must('ana', `pack ${join(root, 'releases', label)} -o r2.pack`)
    await desk.must(
      'ana',
      'propose r2.pack --channel stable --kind code --plan quick.json --nodes 3 -o r2.req'
    )
    const r2 = await signed(desk, 'r2', { ana: ['ana-2'], cem: ['cem-2'] })
    const done = await desk.type('ana', `commit r2.req ${r2} --seeds 3 --timeout 60s`, online)
    t.is(done.exit, 0, errorOf(done))
    await until(fleet, 'the normal release', () => fleet.members.every(runs({ label })))
    const trusts = fleet.members.map(({ status }) => status?.trust?.version)
    t.alike(trusts, [3, 3, 3])
    t.pass('every node runs 2.0.0: nothing had to be reset by hand')
  }
)

function secondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) / 1_000)
}

async function begin(desk: Holders): Promise<void> {
  desk.say('Each makes a key and sends the card; any 2 release, all 3 together change keys.')
  for (const who of ['ana', 'ben', 'cem']) await desk.must(who, `keys new --label ${who}`)
  await desk.must('cem', 'keys new --label door')
  desk.send('ben', ['ana'], 'ben.card')
  desk.send('cem', ['ana'], 'cem.card', 'door.card')
  const cards = '--card ana.card --card ben.card --card cem.card --enroller door.card'
  await desk.must('ana', `init --name demo ${cards} --root 3 --release 2 -o t1.req`)
  desk.send('ana', ['ben', 'cem'], 't1.req')
  await desk.must('ben', 'review t1.req')
  const t1 = await signed(desk, 't1', { ana: ['ana'], ben: ['ben'], cem: ['cem', 'door'] })
  await desk.must('ana', `commit t1.req ${t1}`)
  desk.say('Whoever has all answers can commit the same trust: Cem follows the network by files.')
  desk.send('ana', ['cem'], ...t1.split(' '))
  await desk.must('cem', `commit t1.req ${t1}`)
  await desk.must('cem', 'invite --slots 3 --key door -o demo.invite')
}

async function firstRelease(desk: Holders, root: string): Promise<void> {
  const { folder } = await layApp({ root }, '1.0.0')
  desk.say('The first release: Ben rebuilds it before he signs.')
  await desk.must('ana', `pack ${folder} -o r1.pack`)
  await desk.must('ana', 'propose r1.pack --channel stable --kind code --plan quick.json -o r1.req')
  desk.send('ana', ['ben'], 'r1.req')
  await desk.must('ben', `sign r1.req --build ${folder} -o r1.ben.sig`)
  desk.send('ben', ['ana'], 'r1.ben.sig')
  const short = await desk.type('ana', 'commit r1.req r1.ben.sig --alone')
  if (short.exit !== 10) throw new Error('one of two signatures is no quorum')
  await desk.must('ana', 'sign r1.req -o r1.ana.sig')
  await desk.must('ana', 'commit r1.req r1.ana.sig r1.ben.sig --alone')
}

/** Ana serves until the three nodes have it; then they carry it themselves. */
async function install(desk: Holders, fleet: Fleet): Promise<void> {
  const stop = await desk.start('ana', 'seeding', 'seed')
  for (const member of fleet.members) fleet.start(member)
  await until(fleet, 'first install', () => fleet.members.every(runs({ label: '1.0.0' })))
  await stop()
}

async function theft(desk: Holders, root: string, fleet: Fleet): Promise<void> {
  desk.say('A thief has the keys of Ana and Ben, and their pass phrases.')
  for (const who of ['ana', 'ben']) {
    await desk.must(who, `keys export --label ${who} -o ${who}.key`)
    desk.send(who, ['thief'], `${who}.key`)
    await desk.must('thief', `keys import ${who}.key`)
  }
  const { folder } = await layApp({ root }, '999999.0.0')
  const followed = await desk.must('ana', 'join')
  await desk.must('thief', `join ${followed.stdout.trim()}`, online)
  await desk.must('thief', `pack ${folder} -o bad.pack`)
  const number = '--label 999999.0.0 --seq 4294967295 --plan quick.json --nodes 3'
  await desk.must('thief', `propose bad.pack --channel stable --kind code ${number} -o bad.req`)
  await desk.must('thief', 'sign bad.req')
  const answers = 'bad.ana.sig bad.ben.sig'
  await desk.must('thief', `commit bad.req ${answers} --seeds 1 --timeout 40s`, online)
  await until(fleet, 'the stolen release', () => fleet.members.some(runs({ label: '999999.0.0' })))
  await desk.must('thief', 'trust revoke cem-2 --need root=2 --need release=2 -o t3.req')
  await desk.must('thief', 'sign t3.req')
}

async function recover(desk: Holders): Promise<void> {
  desk.say('The three agree by telephone: new keys for Ana and Ben, and a new epoch.')
  for (const who of ['ana', 'ben']) await desk.must(who, `keys new --label ${who}-2`)
  desk.send('ben', ['ana'], 'ben-2.card')
  const moves = ['root', 'release', 'brake'].flatMap((role) =>
    ['ana', 'ben'].map((who) => `--drop ${role}=${who} --add ${role}=${who}-2.card`)
  )
  await desk.must('ana', `trust propose ${moves.join(' ')} --raise-epoch -o t3.req`)
  desk.send('ana', ['ben', 'cem'], 't3.req')
  await desk.must('cem', 'trust review t3.req')
}

/** Each signs with these keys and sends the answers to Ana; their names for her `commit`. */
async function signed(
  desk: Holders,
  name: string,
  keys: Readonly<Record<string, readonly string[]>>
): Promise<string> {
  const answers: string[] = []
  for (const [who, labels] of Object.entries(keys)) {
    if (who !== 'ana') desk.send('ana', [who], `${name}.req`)
    for (const label of labels) {
      const answer = `${name}.${label}.sig`
      await desk.must(who, `sign ${name}.req --key ${label} -o ${answer}`)
      answers.push(answer)
    }
    if (who !== 'ana') desk.send(who, ['ana'], ...labels.map((label) => `${name}.${label}.sig`))
  }
  return answers.join(' ')
}
