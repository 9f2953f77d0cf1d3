import test from 'brittle'
import { isQuarantined } from '../../lib/cutover/index.ts'
import { releases } from './conductor.ts'
import { skip } from './state-lab.ts'
import { ask, daemon, home, upgraded } from './state-live.ts'

test('a version that loses users is not taken, and the old one serves on', { skip }, async (t) => {
  const conductor = await daemon(t, await home(t))
  await upgraded(conductor, 'stateful1')
  for (const id of ['ada', 'bob', 'eve']) await ask(conductor, `/${id}`, `I am ${id}`)
  t.is(await upgraded(conductor, 'lossy'), 'stateful1')
  t.is(conductor.reports.at(-1)?.reason, 'kind-lost')
  t.ok(conductor.state !== null && isQuarantined(conductor.state, releases.lossy))
  t.is(await ask(conductor, '/ids'), 'ada bob eve')
  t.is(await upgraded(conductor, 'stateful2'), 'stateful2', 'the next one is taken')
})

test('after a rollback the version before has what was written since', { skip }, async (t) => {
  const conductor = await daemon(t, await home(t))
  await upgraded(conductor, 'stateful1')
  await ask(conductor, '/ada', 'I am ada')
  await upgraded(conductor, 'stateful2')
  await ask(conductor, '/bob', 'I am bob')
  conductor.tell({ tag: 'rollback' })
  await conductor.until(({ pointer, op }) => pointer?.release === releases.stateful1 && op === null)
  t.is(await ask(conductor, '/schema'), '1')
  t.is(await ask(conductor, '/ids'), 'ada bob')
  t.is((await conductor.machine.home.gens.rejected()).length, 1)
})
