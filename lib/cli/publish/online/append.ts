import { equal } from '../../../base/index.ts'
import { feedKey } from '../../../feed/index.ts'
import { encodeStatement, normaliseEntries, type Entry } from '../../../records/index.ts'
import { feedPairs, type Desk, type Draft } from '../../../publish/index.ts'
import { wipe, type Believed } from '../../../trust/index.ts'
import type { Context } from '../../frame/index.ts'
import { needAuthority } from '../belief.ts'
import { Station, logTo } from './station.ts'

/** Appends a statement, short of its quorum or not, to the feeds this machine writes. */
export async function appendAnswer(
  context: Context,
  desk: Desk,
  draft: Draft,
  entries: readonly Entry[]
): Promise<number> {
  const authority = await needAuthority(desk)
  const { network, type, body } = draft.statement
  const bytes = encodeStatement({ network, type, body, entries: normaliseEntries(entries) })
  const log = logTo((text) => context.out.detail(text))
  const station = new Station(desk, authority, { network: null, log })
  try {
    await station.ready()
    await authority.intake(bytes, 'sign')
    return await station.append(bytes, 0)
  } finally {
    await station.close()
  }
}

/** Whether this machine writes one of the feeds that the trust lists. */
export async function ownsFeed(desk: Desk, { trust }: Believed): Promise<boolean> {
  const pairs = await feedPairs(desk)
  for (const { secret } of pairs) wipe(secret)
  const feeds = trust?.body.feeds ?? []
  return pairs.some(({ key }) => feeds.some((feed) => equal(feed, feedKey(key))))
}
