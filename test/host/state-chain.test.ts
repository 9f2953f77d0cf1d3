import test from 'brittle'
import { Conductor } from './conductor.ts'
import { skip } from './state-lab.ts'
import { ask, daemon, home, local, upgraded } from './state-live.ts'

test('real state goes through three versions, with a restart in between', { skip }, async (t) => {
  const path = await home(t)
  const first = await Conductor.open(path, { local })
  t.is(await upgraded(first, 'stateful1'), 'stateful1')
  for (const id of ['ada', 'bob', 'eve']) await ask(first, `/${id}`, `I am ${id}`)
  t.is(await ask(first, '/schema'), '1')
  await first.close()
  const conductor = await daemon(t, path)
  t.is(await upgraded(conductor, 'stateful2'), 'stateful2')
  t.is(await ask(conductor, '/schema'), '2')
  t.is(await ask(conductor, '/ids'), 'ada bob eve')
  await ask(conductor, '/joe', 'I am joe')
  t.is(await upgraded(conductor, 'stateful3'), 'stateful3')
  t.is(await ask(conductor, '/schema'), '3')
  t.is(await ask(conductor, '/ids'), 'ada bob eve joe')
  t.is(await ask(conductor, '/ada'), 'I am ada')
})
