import test from 'brittle'
import { killed } from './outside.ts'

test(
  'a daemon killed at every edge of a change of state ends on the new one (S67)',
  { timeout: 180_000 },
  async (t) => {
    const edges = [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 18]
    const kills = edges.map((edge) => `${edge}:1`)
    t.is(await killed({ from: 'stateful1', to: 'stateful2', end: 'stateful2', kills }), null)
  }
)

test(
  'a daemon killed all through a rehearsal begins it anew and ends on the new version',
  { timeout: 180_000 },
  async (t) => {
    const kills = [7, 8, 9, 10, 11, 13].map((edge) => `${edge}:1`)
    t.is(await killed({ from: 'good', to: 'better', end: 'better', looks: true, kills }), null)
  }
)

test(
  'a daemon killed while it takes a version back runs the old one in the end',
  { timeout: 180_000 },
  async (t) => {
    const kills = ['15:1', '31:1', '33:1', '30:1']
    const deed = { from: 'good', to: 'exiting', end: 'good', varies: true, kills } as const
    t.is(await killed(deed), null)
  }
)
