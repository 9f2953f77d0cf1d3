import { HOUR, MINUTE, toHex, type Bytes, type Code } from '../base/index.ts'
import type { Claim, PoolView } from '../crowd/index.ts'
import { fromName, refusals, type Believed } from '../trust/index.ts'
import type { NodeParts } from './ports.ts'
import type { Teller } from './teller.ts'

/** A beacon is missed for so long before anybody is told and the search begins (S37). */
const lateMs = HOUR
/** One pass of the search ladder: six rungs of five minutes each. */
const ladderMs = 30 * MINUTE

export interface OutlookParts {
  readonly pool: Pick<PoolView, 'freshness' | 'claim' | 'attestations'>
  readonly wire: Pick<NodeParts['wire'], 'search'>
  readonly teller: Teller
  readonly platform: string
}

/**
 * Whether this node sees all there is: how old the newest beacon is, what beacons name that nobody
 * gives, and builders who got another tree. What stands is told when it begins and when it ends;
 * while something is missing the search for it widens (S37, S39, S40, S55).
 */
export class Outlook {
  readonly #parts: OutlookParts
  #standing = new Map<Code, string>()
  #isSearching = false
  /** The claim of a minority that was searched for, and since when. */
  #searched: { readonly digest: string; readonly sinceMs: number } | null = null

  constructor(parts: OutlookParts) {
    this.#parts = parts
  }

  /** Codes of what stands now. */
  get codes(): readonly Code[] {
    return [...this.#standing.keys()]
  }

  /** `runs`: names of the release in use and of the one before it. */
  look(believed: Believed, nowMs: number, runs: Runs): void {
    const { pool, wire, teller } = this.#parts
    const now = new Map<Code, string>()
    const late = this.#late(nowMs)
    const claim = pool.claim(nowMs)
    if (late !== null) now.set(late, 'no beacon was heard in time')
    if (claim?.alarm === true) now.set(claim.code, textOf(claim))
    if (isStranded(believed, runs)) now.set('NOTHING_PERMITTED', strandedText)
    for (const text of this.#disputes(believed, nowMs)) now.set('ATTEST_CONFLICT', text)
    for (const [code, text] of now) {
      if (!this.#standing.has(code)) teller.tell('alarm', { code, text })
    }
    for (const code of this.#standing.keys()) if (!now.has(code)) teller.tell('over', { code })
    this.#standing = now
    const searches = late !== null || (claim !== null && this.#isSought(claim, nowMs))
    if (searches !== this.#isSearching) wire.search(searches)
    this.#isSearching = searches
  }

  /** Who has just begun to listen is not late: its first hour counts from there. */
  #late(nowMs: number): 'STALE' | 'FROZEN' | null {
    const fresh = this.#parts.pool.freshness(nowMs)
    if (fresh.state === 'none' || fresh.state === 'fresh') return null
    if (fresh.state === 'frozen') return 'FROZEN'
    return nowMs - fresh.sinceMs >= lateMs ? 'STALE' : null
  }

  /** What most beacons say is searched for as long as they say it; a minority's word once (S40). */
  #isSought(claim: Claim, nowMs: number): boolean {
    if (claim.majority) return true
    const digest = toHex(claim.digest)
    if (this.#searched?.digest !== digest) this.#searched = { digest, sinceMs: nowMs }
    return nowMs < this.#searched.sinceMs + ladderMs
  }

  #disputes({ releases }: Believed, nowMs: number): readonly string[] {
    return releases.flatMap(({ id, body }) => {
      const index = body.artifacts.findIndex(
        ({ platform, component }) => platform === this.#parts.platform && component === ''
      )
      return index < 0
        ? []
        : this.#disputesOf(id, index, nowMs).map((who) => `${body.label}: ${who}`)
    })
  }

  #disputesOf(id: Bytes, index: number, nowMs: number): readonly string[] {
    const { conflicts } = this.#parts.pool.attestations(toHex(id), index, nowMs)
    return conflicts.map(
      ({ label, organisation }) => `${label} of ${organisation} attests another tree`
    )
  }
}

interface Runs {
  readonly running: string | null
  readonly previous: string | null
}

const strandedText = 'the release that runs here is aborted, and there is none to go back to'

/** A quorum ended what runs, and no way leads back: what is alive is kept, and said (S97). */
function isStranded(believed: Believed, { running, previous }: Runs): boolean {
  if (running === null || refusals(believed, fromName(running)).aborted.length === 0) return false
  return previous === null || refusals(believed, fromName(previous)).floor !== null
}

function textOf({ code, by, trustVersion }: Claim): string {
  const what = code === 'TRUST_WITHHELD' ? `trust ${trustVersion}` : 'statements'
  return `${what} that nobody gives, named by ${by.join(', ')}`
}
