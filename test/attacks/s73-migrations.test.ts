import { existsSync, lstatSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'brittle'
import { codeOf, whyOf } from '../../lib/cutover/index.ts'
import { skip, two } from '../host/state-lab.ts'
import { failed, migrated, ready } from '../host/state-moves.ts'

test(
  'S73 a migration that throws, hangs or says nothing leaves all as it was',
  { skip },
  async (t) => {
    for (const hook of ['throws', 'silent', 'other-schema']) {
      t.alike(await migrated(t, await ready(t, 'stateful-2', { hook })), failed('migrate'), hook)
    }
    const migrate = { run: ['node', 'tools/migrate.js'], down: ['node', 'x'], timeout: 1 }
    const hangs = await ready(t, 'stateful-2', { hook: 'hangs', change: { migrate } })
    t.alike(await migrated(t, hangs), failed('migrate'))
    t.ok(hangs.lab.told.some(({ facts }) => /took longer/.test(String(facts['text']))))
  }
)

test('S73 a version whose migration loses users is not taken', { skip }, async (t) => {
  const lossy = await ready(t, 'lossy')
  t.alike(await migrated(t, lossy), failed('kind-lost'))
  const text = lossy.lab.told.find(({ event }) => event === 'state-not-moved')?.facts['text']
  t.is(text, 'kind "users" counted 3 before and 2 after')
  for (const reason of ['migrate', 'check', 'kind-lost'] as const) {
    t.alike([codeOf(reason), whyOf(reason)], ['MIGRATION_FAILED', 'own'])
  }
})

test('S73 a migration that fills the disk is ended by what it may use', { skip }, async (t) => {
  const limits = { disk: 64 * 2 ** 20 }
  const fills = await ready(t, 'stateful-2', { hook: 'fills', change: { limits } })
  t.alike(await migrated(t, fills), failed('migrate'))
})

test('S73 a rerun that makes something else is found in the rehearsal', { skip }, async (t) => {
  const { lab, from, before } = await ready(t, 'stateful-2', { hook: 'differs' })
  const copy = await lab.copy(2, from.gen)
  t.alike(await lab.state.rehearse(2, two, from, copy), failed('migrate'))
  t.ok(lab.told.some(({ facts }) => facts['text'] === 'a second run differs'))
  t.is(await lab.digest(lab.home.gens.path(from.gen)), before)
})

test(
  'S73 a rehearsal can be run again from nothing and says when to come back',
  { skip },
  async (t) => {
    const good = await ready(t, 'stateful-2')
    const copy = await good.lab.copy(2, good.from.gen)
    for (let run = 0; run < 2; run++) {
      const event = await good.lab.state.rehearse(2, two, good.from, copy)
      t.alike(event, { tag: 'rehearsed', op: 2 })
    }
    t.ok(existsSync(join(good.lab.home.rehearsed(2), 'users/ada.json')))
    t.alike(readdirSync(good.lab.home.snapshots(2)).toSorted(), ['made', 'state'])
    const later = await ready(t, 'stateful-2', { hook: 'exits', last: 'exit 75' })
    const event = await later.lab.state.rehearse(
      2,
      two,
      later.from,
      await later.lab.copy(2, later.from.gen)
    )
    t.alike(event, { tag: 'retry-later', op: 2 })
    t.alike(await migrated(t, later), failed('migrate'), 'in the hand-over nobody waits')
  }
)

test('S73 a migration reaches nothing but its own new folder', { skip }, async (t) => {
  const told = await ready(t, 'stateful-2', { hook: 'reaches-out' })
  t.alike(await migrated(t, told), { tag: 'sealed', op: 2, gen: '2-2' })
  const { gens } = told.lab.home
  t.absent(existsSync(join(gens.path('2-2'), 'done')))
  t.ok(lstatSync(join(gens.path('2-2'), 'outside')).isSymbolicLink(), 'kept, and never followed')
  const { uid } = lstatSync('/etc')
  t.is(lstatSync('/etc/passwd').uid, uid)
  const setId = await ready(t, 'stateful-2', { hook: 'set-id' })
  t.alike(await migrated(t, setId), failed('migrate'))
})

test(
  'S76 what the old version says against its own state is not blamed on the new',
  { skip },
  async (t) => {
    const { lab, from } = await ready(t, 'stateful-2')
    writeFileSync(join(lab.home.gens.path(from.gen), 'schema'), '4\n')
    const event = await lab.state.perform({ tag: 'migrate', op: 2, release: two, from })
    t.alike(event, failed('baseline-bad'))
  }
)
