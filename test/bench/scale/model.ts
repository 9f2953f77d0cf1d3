import type { Dice } from '../../../lib/base/index.ts'
import { FANOUT } from '../../../lib/gossip/fanout.ts'
import { Calendar } from './calendar.ts'
import type { Graph } from './graph.ts'
import { hopMs, type Outcome } from './outcome.ts'

/** Bytes of the frames that carry one statement, its short id, and the question for it. */
export interface Sizes {
  readonly push: number
  readonly have: number
  readonly want: number
}

interface Message {
  readonly tag: 'push' | 'have' | 'want' | 'flush' | 'ask'
  readonly from: number
  readonly to: number
}

/** Of every hundred nodes or messages, how many are dead or lost. */
export interface Weather {
  readonly deadShare: number
  readonly lostShare: number
}

/**
 * The same walk of one statement as `playReal`, in integers and for a million nodes: who has it
 * gives it to the numbers of `FANOUT`, who hears of it asks once. The bench plays both at sizes
 * where both can be played and prints them beside each other. Anti-entropy is left out here, so
 * what was missed stays missed and is printed.
 */
export function playModel(
  graph: Graph,
  dice: Dice,
  given: { readonly spread: 'eager' | 'lazy'; readonly sizes: Sizes; readonly weather?: Weather }
): Outcome {
  const { deadShare, lostShare } = given.weather ?? { deadShare: 0, lostShare: 0 }
  const calendar = new Calendar<Message>()
  const arrivedMs = new Float64Array(graph.nodes).fill(Infinity)
  const hops = new Int32Array(graph.nodes)
  const asked = new Uint8Array(graph.nodes)
  const dead = Uint8Array.from({ length: graph.nodes }, (_, node) =>
    Number(node > 0 && dice.next() < deadShare)
  )
  const heard: (number[] | undefined)[] = []
  let [bytes, copies] = [0, 0]
  const [pushes, haves] =
    given.spread === 'eager' ? [FANOUT.eagerPush, FANOUT.eagerHave] : [0, FANOUT.lazyHave]

  const send = (tag: 'push' | 'have' | 'want', from: number, to: number, waitMs = 0): void => {
    bytes += given.sizes[tag]
    if (dead[to] === 1 || dice.next() < lostShare) return
    calendar.at(calendar.nowMs + waitMs + hopMs(dice.next()), { tag, from, to })
  }
  const take = (node: number, from: number): void => {
    copies += 1
    if (arrivedMs[node] !== Infinity) return
    arrivedMs[node] = calendar.nowMs
    hops[node] = from < 0 ? 0 : (hops[from] ?? 0) + 1
    const most = from < 0 ? FANOUT.ownPush : pushes + haves
    const chosen = neighbours(graph, dice, { node, not: from, count: most })
    const pushed = from < 0 ? chosen : chosen.slice(0, pushes)
    for (const to of pushed) send('push', node, to, FANOUT.gatherMs)
    if (from < 0 || chosen.length <= pushes) return
    heard[node] = chosen.slice(pushes)
    calendar.at(calendar.nowMs + FANOUT.flushMs, { tag: 'flush', from: node, to: node })
  }
  take(0, -1)
  calendar.play(Infinity, ({ tag, from, to }) => {
    if (tag === 'push') take(to, from)
    else if (tag === 'flush') {
      for (const peer of heard[to] ?? []) send('have', to, peer)
      heard[to] = undefined
    } else if (tag === 'have') {
      if (arrivedMs[to] !== Infinity || asked[to] === 1) return
      asked[to] = 1
      calendar.at(calendar.nowMs + FANOUT.askEveryMs, { tag: 'ask', from: to, to: from })
    } else if (tag === 'ask') {
      asked[from] = 0
      if (arrivedMs[from] === Infinity) send('want', from, to)
    } else send('push', to, from, FANOUT.gatherMs)
  })
  const farthest = hops.reduce((a, b) => Math.max(a, b), 0)
  return { nodes: graph.nodes - sum(dead), arrivedMs, hops: farthest, bytes, copies }
}

function sum(marks: Uint8Array): number {
  return marks.reduce((total, mark) => total + mark, 0)
}

/** `count` different neighbours at random, all of them if there are not more. */
function neighbours(
  { starts, links }: Graph,
  dice: Dice,
  { node, not, count }: { node: number; not: number; count: number }
): number[] {
  const [from, to] = [starts[node] ?? 0, starts[node + 1] ?? 0]
  const left = Array.from(links.subarray(from, to)).filter((other) => other !== not)
  const picked: number[] = []
  while (picked.length < count && left.length > 0) {
    const [one] = left.splice(Math.floor(dice.next() * left.length), 1)
    if (one !== undefined) picked.push(one)
  }
  return picked
}
