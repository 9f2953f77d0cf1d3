import { createInterface } from 'node:readline'
import { Socket } from 'node:net'
import { Inside } from './inside.ts'
import type { ShadowOrder, ShadowWord } from './order.ts'

/**
 * First program in the jail of a shadow. One line on descriptor 4 is its order; it answers there,
 * the last word is how the shadow ended. Everything in the jail ends with it.
 */
const channel = new Socket({ fd: 4 })
const say = (word: ShadowWord): void => void channel.write(`${JSON.stringify(word)}\n`)

channel.on('error', () => process.exit(1))
createInterface({ input: channel }).once('line', (line) => {
  // written by the process that made this jail
  const order = JSON.parse(line) as ShadowOrder
  say({ tag: 'up' })
  void new Inside(order, say).run().then((end) => {
    channel.end(`${JSON.stringify({ tag: 'end', end } satisfies ShadowWord)}\n`, () => {
      process.exit(0)
    })
  })
})
