import test from 'brittle'
import { skip } from '../host/state-lab.ts'
import { failed, migrated, ready } from '../host/state-moves.ts'

test('S89 exit codes, signals and a gigabyte of words are failures', { skip }, async (t) => {
  for (const last of [
    'exit 1',
    'exit 2',
    'exit 30',
    'exit 31',
    'exit 127',
    'exit 64',
    'signal 9'
  ]) {
    const told = await ready(t, 'stateful-2', { hook: 'exits', last })
    t.alike(await migrated(t, told), failed('migrate'), last)
  }
  const floods = await ready(t, 'stateful-2', { hook: 'floods' })
  t.alike(await migrated(t, floods), failed('migrate'))
  t.ok(floods.lab.told.some(({ facts }) => /printed more/.test(String(facts['text']))))
})
