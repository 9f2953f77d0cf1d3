import type { Code } from '../../base/index.ts'

/** What a code means for this node and what helps, in one sentence each, for `status`. */
const sentences: Partial<Readonly<Record<Code, string>>> = {
  TRUST_FORK:
    'two valid trusts stand against each other: nothing is installed until a trust signed by both',
  TRUST_EXPIRED: 'the trust has expired: nothing is installed until the signers renew it',
  TRUST_UNSETTLED: 'no trust of this network is here yet, or too few sources agree on the newest',
  EQUIVOCATION: 'two releases have one number: nobody starts either, a higher number ends it',
  FEED_FORK: 'the owner of a feed wrote two histories: it is dropped, the other feeds carry on',
  FEED_JUNK: 'a feed is filled with junk: it is dropped, the other feeds carry on',
  FEED_DEAD: 'nothing was had from a feed for days: a new trust should name another',
  STALE: 'no beacon for an hour: no new step is taken until one is heard, the app runs on',
  FROZEN: 'no beacon for a day: nothing new is installed until one is heard, the app runs on',
  WITHHELD: 'beacons name statements that no peer shows: somebody may be holding them back',
  TRUST_WITHHELD: 'beacons name a newer trust that no peer shows: somebody may be holding it back',
  CLOCK_SKEW: 'this clock is more than an hour off that of the peers: nothing new is started',
  ATTEST_CONFLICT:
    'a builder attests another tree than the signed one: it is blocked until a resume lifts that',
  SLOT_CLASH: 'two nodes claim one slot of an invite: neither is counted until it is revoked',
  TAKE_BACK_FAILED: 'the way back to the previous version failed: an operator has to look',
  NOTHING_PERMITTED: 'no version here may run: an operator has to look',
  HELD: 'held by the operator: no new release is taken until unhold',
  PAUSED: 'the rollout is paused or braked: it goes on when that ends or is lifted',
  HALTED: 'the fleet halted the release: nobody starts it until a resume or a newer release',
  QUEUED: 'the release waits for another rollout of its channel to end',
  JOURNAL_DAMAGED: 'the journal of this home was damaged, and what could be recovered was'
}

/** The sentence of a code; of one that has none, where to read about it. */
export function sentenceOf(code: string): string {
  return Object.hasOwn(sentences, code) ? (sentences[code as Code] ?? unknown) : unknown
}

const unknown = 'see the table of codes in the README'
