// Bytes that come as a file while a node waits for peers who do not come: it takes them at once.
import test from 'brittle'
import { HOUR, MINUTE, OtaError, SECOND } from '../../lib/base/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { foundNetwork, idOf, idOfStatement, makeRelease, signRelease } from '../tools/people.ts'
import { Box } from './box.ts'

const network = foundNetwork({ membership: 'open' })
const release = signRelease(network.id, makeRelease(network.id))
const name = toName(idOfStatement(release))

test('a release that nobody gave is fetched as soon as its bytes are here', async (t) => {
  const it = await Box.open(network)
  t.teardown(() => it.close())
  it.store.whileFetching = () => Promise.reject(new OtaError('NO_PEERS', 'nobody is there'))
  await it.take(network.first, release)
  await it.node.attach()
  await it.run(5 * HOUR)
  const tries = it.store.fetched
  t.is(it.node.runs(), null, 'nobody had it')

  await it.node.cameByFile([toName(idOf(9))])
  await it.run(SECOND)
  t.is(it.store.fetched, tries, 'another release is no reason to try again')
  it.store.whileFetching = () => Promise.resolve()
  await it.node.cameByFile([name])
  await it.run(MINUTE)
  t.is(it.store.fetched, tries + 1, 'it was not waited for the next try')
  t.is(it.node.runs(), name)
})
