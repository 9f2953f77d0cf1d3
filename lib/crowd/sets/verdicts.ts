import { toHex, type Bytes } from '../../base/index.ts'
import type { Evidence } from '../../records/index.ts'
import type { SetRef, SetView } from '../ports.ts'
import { ones, rankBytes } from './stage-set.ts'

export type Word = 'widen-to' | 'halted' | 'completed'

const words: readonly Word[] = ['widen-to', 'halted', 'completed']

/** Voters kept per word, and the fewest whose majority a node that was away follows (S105). */
const verdictsMax = 64
const votersMin = 16

/** What more than half of the drawn voters say, and of how many. */
export type Reading =
  | { readonly tag: 'none'; readonly voters: number }
  | { readonly tag: 'stage'; readonly stage: number; readonly voters: number }
  | { readonly tag: 'halted'; readonly stage: number; readonly voters: number }
  | { readonly tag: 'completed'; readonly voters: number }

interface Ballot {
  readonly id: Bytes
  readonly idHex: string
  readonly wire: Bytes
  readonly stage: number
}

interface Voter {
  readonly hex: string
  readonly key: Bytes
  readonly rank: bigint
  /** By word; two of one word and stage are a contradiction, both are kept as its proof. */
  readonly ballots: Record<Word, readonly Ballot[]>
}

/** Verdicts on one rollout: the 64 smallest ranks of each word. */
export class VerdictSet {
  readonly #voters = new Map<string, Voter>()
  readonly #order: Record<Word, Voter[]> = { 'widen-to': [], halted: [], completed: [] }
  version = 0
  #views: { readonly version: number; readonly views: readonly SetView[] } | null = null

  hasRoom(word: Word, rank: bigint, hex: string): boolean {
    const worst = this.#order[word][verdictsMax - 1]
    return worst === undefined || rank < worst.rank || worst.hex === hex
  }

  /** Whether this node's word is held already, at this stage or a later one. */
  has(word: Word, hex: string, stage: number): boolean {
    const ballots = this.#voters.get(hex)?.ballots[word] ?? []
    return ballots.some((ballot) => ballot.stage >= stage)
  }

  holds(idHex: string, hex: string): boolean {
    const voter = this.#voters.get(hex)
    return (
      voter !== undefined &&
      words.some((word) => voter.ballots[word].some((b) => b.idHex === idHex))
    )
  }

  /** Takes a verified verdict in; false if others need not hear it. */
  add(evidence: Evidence, id: Bytes, rank: bigint): boolean {
    if (evidence.body.tag !== 'verdict') return false
    const { word } = evidence.body.verdict
    const hex = toHex(evidence.signer)
    const voter: Voter = this.#voters.get(hex) ?? {
      hex,
      key: evidence.signer,
      rank,
      ballots: emptyBallots()
    }
    const fresh = { id, idHex: toHex(id), wire: evidence.wire, stage: evidence.stage }
    const kept = strongest([...voter.ballots[word], fresh])
    if (!kept.includes(fresh)) return false
    voter.ballots[word] = kept
    this.#voters.set(hex, voter)
    const order = this.#order[word]
    if (!order.includes(voter)) {
      order.push(voter)
      order.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.hex < b.hex ? -1 : 1))
      const dropped = order.length > verdictsMax ? order.pop() : undefined
      if (dropped !== undefined) dropped.ballots[word] = []
    }
    this.version++
    return voter.ballots[word].includes(fresh)
  }

  /**
   * One voter per slot with its strongest word, the 64 smallest ranks; more than half of at least
   * 16, of a smaller fleet more than half of it, so that absent slots count against.
   */
  read(
    nodes: number,
    isSeated: (voter: { readonly hex: string; readonly key: Bytes }) => boolean
  ): Reading {
    const voters = [...this.#voters.values()]
      .filter((voter) => wordOf(voter) !== null && isSeated(voter))
      .toSorted((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.hex < b.hex ? -1 : 1))
      .slice(0, verdictsMax)
    const all = nodes < votersMin ? nodes : voters.length
    const enough = nodes < votersMin || voters.length >= votersMin
    const n = voters.length
    if (!enough) return { tag: 'none', voters: n }
    const halted = voters.filter((voter) => wordOf(voter) === 'halted')
    if (halted.length * 2 > all) {
      const stages = halted.map((voter) => stageOf(voter, 'halted')).toSorted((a, b) => a - b)
      const stage = stages[Math.floor((stages.length - 1) / 2)] ?? 1
      return { tag: 'halted', stage, voters: n }
    }
    const completed = voters.filter((voter) => wordOf(voter) === 'completed').length
    if (completed * 2 > all) return { tag: 'completed', voters: n }
    const stages = voters.map(reachOf).toSorted((a, b) => b - a)
    const stage = stages[Math.floor(all / 2)]
    return stage === undefined || stage < 1
      ? { tag: 'none', voters: n }
      : { tag: 'stage', stage, voters: n }
  }

  views(base: Pick<SetRef, 'type' | 'subject' | 'a'>): readonly SetView[] {
    if (this.#views?.version === this.version) return this.#views.views
    const views = words.flatMap((word, b): readonly SetView[] => {
      const order = this.#order[word]
      const members = order.flatMap((voter) => voter.ballots[word])
      if (members.length === 0) return []
      const worst = order[verdictsMax - 1]
      const kthRank = worst === undefined ? ones() : rankBytes(worst.rank)
      return [{ ref: { ...base, b, c: 0 }, count: members.length, kthRank, members }]
    })
    this.#views = { version: this.version, views }
    return views
  }
}

/** Number of a word in a set's name. */
export function wordNumber(word: Word): number {
  return words.indexOf(word)
}

/** Null: no valid word, or halted and completed at once, or two of one number: absent. */
function wordOf({ ballots }: Voter): Word | null {
  if (words.some((word) => ballots[word].length > 1)) return null
  const halted = ballots.halted.length > 0
  const completed = ballots.completed.length > 0
  if (halted && completed) return null
  if (halted) return 'halted'
  if (completed) return 'completed'
  return ballots['widen-to'].length > 0 ? 'widen-to' : null
}

function stageOf({ ballots }: Voter, word: Word): number {
  return ballots[word][0]?.stage ?? 0
}

/** Stage a voter names or exceeds: completed is beyond the last, halted where it halted. */
function reachOf(voter: Voter): number {
  const word = wordOf(voter)
  if (word === 'completed') return stageOf(voter, 'completed')
  return word === null ? 0 : stageOf(voter, word)
}

/** The newest stage wins; two statements of one stage stay both, as the proof. */
function strongest(ballots: readonly Ballot[]): readonly Ballot[] {
  const most = ballots.reduce((stage, ballot) => Math.max(stage, ballot.stage), 0)
  const unique = new Map(
    ballots.filter(({ stage }) => stage === most).map((ballot) => [ballot.idHex, ballot])
  )
  return [...unique.values()].toSorted((a, b) => (a.idHex < b.idHex ? -1 : 1)).slice(0, 2)
}

function emptyBallots(): Record<Word, readonly Ballot[]> {
  return { 'widen-to': [], halted: [], completed: [] }
}
