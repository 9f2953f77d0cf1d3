import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'brittle'
import type { Event } from '../../lib/cutover/index.ts'
import type { Pair } from '../../lib/records/index.ts'
import { Lab, two } from './state-lab.ts'

const users = { ada: 'Ada', bob: 'Bob', eve: 'Eve' }

export interface Ready {
  readonly lab: Lab
  readonly from: Pair
  /** Of the old generation. */
  readonly before: string
}

/** A first version with users, and a second whose migration is not what it should be. */
export async function ready(
  t: TestContext,
  app: string,
  options: Parameters<Lab['place']>[2] = {}
): Promise<Ready> {
  const lab = await Lab.open(t)
  const from = await lab.first(users)
  await lab.place(two, app, options)
  const prepared = await lab.prepare(2, two, from)
  t.is(prepared.tag, 'prepared')
  return { lab, from, before: await lab.digest(lab.home.gens.path(from.gen)) }
}

/** The final migration; whatever it does, the old state is as it was and nothing new is there. */
export async function migrated(t: TestContext, { lab, from, before }: Ready): Promise<Event> {
  const event = await lab.state.perform({ tag: 'migrate', op: 2, release: two, from })
  t.is(await lab.digest(lab.home.gens.path(from.gen)), before, 'the old state is byte-equal')
  if (event.tag !== 'sealed') {
    const left = readdirSync(join(lab.home.path, 'state')).toSorted()
    t.alike(left, [from.gen, `${from.gen}.meta`, 'last', 'live'])
  }
  t.alike(readdirSync(join(lab.home.path, 'tmp')), ['app'])
  return event
}

export const failed = (reason: string): unknown => ({ tag: 'failed', op: 2, reason })
