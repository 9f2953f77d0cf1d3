// What people send each other is small enough for a mail, and is one line of letters and digits.
import test from 'brittle'
import { readFileSync } from 'node:fs'
import { KIB, releaseBytesMax, statementBytesMax } from '../../lib/base/index.ts'
import { InsideDesk, stretchLess } from './inside.ts'

stretchLess()

/** Letters of z-base-32 for so many bytes. */
function asText(bytes: number): number {
  return Math.ceil((bytes * 8) / 5)
}

test('cards, requests and answers of a ceremony fit into a mail', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  const signers = ['a', 'b', 'c', 'd', 'e']
  await desk.found(signers, '--root', '3', '--release', '3', '--draw', 'file:e.card')
  desk.layBuild('build', '1.0.0')
  await desk.propose('a', 'r1', '--draw', 'e', '--plan', 'standard', '--nodes', '1000000')
  await desk.sign('r1', 'a', 'e')
  await desk.must('a', 'trust', 'propose', '--expires', '90d', '-o', 'file:t2.req')
  const most: readonly [string, number][] = [
    ['a.card', 512],
    ['t1.req', 4 * KIB],
    ['t1.a.sig', 512],
    ['t2.req', 4 * KIB],
    ['r1.req', 4 * KIB],
    ['r1.a.sig', 512],
    // a drawer's answer carries a value and its path of twelve hashes
    ['r1.e.sig', KIB]
  ]
  for (const [name, bytesMax] of most) {
    const text = readFileSync(desk.file(name), 'utf8')
    t.comment(`${name}: ${text.length} bytes`)
    t.ok(text.length <= bytesMax, `${name} has at most ${bytesMax} bytes`)
    t.ok(/^[a-z0-9]+\n$/.test(text), `${name} is one line that no mailer changes`)
  }
})

test('no request can grow beyond what a mailer takes', (t) => {
  t.ok(asText(releaseBytesMax) <= 14 * KIB, 'the largest release, before it is signed')
  t.ok(asText(statementBytesMax) <= 100 * KIB, 'the largest statement with all its signatures')
})
