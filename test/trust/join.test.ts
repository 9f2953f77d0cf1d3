import test from 'brittle'
import { isOtaError, toHex } from '../../lib/base/index.ts'
import { formatJoin, parseJoin, toName } from '../../lib/trust/index.ts'
import { idOf } from '../tools/people.ts'

test('a join string says the network and, if it can, a trust not to go below', (t) => {
  const network = idOf(1)
  const checkpoint = { version: 12, id: idOf(2) }
  t.is(formatJoin(network), toName(network))
  t.is(formatJoin(network, checkpoint), `${toName(network)}@12:${toName(idOf(2))}`)
  const read = parseJoin(` ${formatJoin(network, checkpoint)}\n`)
  t.is(toHex(read.network), toHex(network))
  t.is(read.checkpoint?.version, 12)
  t.is(toHex(read.checkpoint!.id), toHex(checkpoint.id))
  t.is(parseJoin(toName(network)).checkpoint, null)
})

test('any other text is refused', (t) => {
  const good = toName(idOf(1))
  const bad = ['', 'x', good.slice(1), `${good}@`, `${good}@1`, `${good}@0:${good}`]
  bad.push(`${good}@1:${good}@2`, `${good}@-1:${good}`, `${good}@1.5:${good}`, `${good}@1:x`)
  bad.push(`${good}@99999999999999999:${good}`, good.toUpperCase())
  let refused = 0
  for (const text of bad) {
    try {
      parseJoin(text)
      t.fail(`accepted "${text}"`)
    } catch (error) {
      if (isOtaError(error, 'USAGE')) refused++
    }
  }
  t.is(refused, bad.length)
})
