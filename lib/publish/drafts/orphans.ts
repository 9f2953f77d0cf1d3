import { OtaError, equal, toHex, type Bytes } from '../../base/index.ts'
import {
  decodeEntry,
  encodeStatement,
  normaliseEntries,
  type Entry,
  type Member,
  type Trust
} from '../../records/index.ts'
import {
  admittedReleases,
  countSigners,
  isMet,
  membersOf,
  refusals,
  toName,
  toShortName,
  type Believed,
  type Count,
  type KnownRelease
} from '../../trust/index.ts'

/** A signature on a release that is held here, to count under the trust that comes. */
export interface ReleaseAnswer {
  readonly release: KnownRelease
  /** Verified over the release by whoever read it. */
  readonly entry: Entry
}

/** What goes with a trust: who is given up, and who signed the live releases again. */
export interface Taken {
  /** Releases that may lose their quorum. */
  readonly givenUp: readonly Bytes[]
  readonly answers: readonly ReleaseAnswer[]
}

interface Orphan {
  readonly release: KnownRelease
  readonly count: Count
}

/**
 * Live and last releases that a raised epoch ends: nobody's signature could keep them, so whoever
 * raises it gives them up, and proposes again (S23).
 */
export function endedByEpoch(believed: Believed, next: Trust): readonly KnownRelease[] {
  const { epoch } = next
  return releasesInUse(believed).filter(({ body }) => body.epoch < epoch)
}

/**
 * Throws `ORPHANS_RELEASE` for live and last releases that `next` would leave without quorum, those
 * given up left out and the answers counted (S91). It names each, and who is to sign what.
 */
export function refuseOrphans(believed: Believed, next: Trust, taken: Taken): void {
  const left = orphans(believed, next, taken)
  if (left.length === 0) return
  const names = left.map(({ release }) => nameOfRelease(release)).join(', ')
  const asked = left.map((orphan) => whoSigns(next, orphan)).join('; ')
  const first = toShortName(left[0]?.release.id ?? new Uint8Array(32))
  throw new OtaError('ORPHANS_RELEASE', `trust ${next.version} leaves ${names} without quorum`, {
    hint: `let ${asked}; give their answers to this commit too, or give up with --drop ${first}`,
    facts: {
      releases: left.length,
      ids: left.map(({ release }) => toName(release.id)).join(' ')
    }
  })
}

/**
 * The releases with the answers in them, as statements for the feeds: under `next` each has more
 * signatures than before. Answers of keys that `next` does not list are left out.
 */
export function improvedReleases(next: Trust, answers: readonly ReleaseAnswer[]): readonly Bytes[] {
  const releases = new Map(answers.map(({ release }) => [toHex(release.id), release]))
  const listed = new Set(membersOf(next, 'release').map(({ key }) => toHex(key)))
  return [...releases.values()].flatMap(({ id, statement }) => {
    const added = answers
      .filter(({ release }) => equal(release.id, id))
      .filter(({ entry }) => listed.has(signerOf(entry)))
      .map(({ entry }) => entry)
    if (added.length === 0) return []
    const { network, type, body } = statement
    const entries = normaliseEntries([...statement.entries, ...added])
    return [encodeStatement({ network, type, body, entries })]
  })
}

/** Answers of keys that the next trust does not let release: they help nobody. */
export function idleAnswers(next: Trust, answers: readonly ReleaseAnswer[]): number {
  const listed = new Set(membersOf(next, 'release').map(({ key }) => toHex(key)))
  return answers.filter(({ entry }) => !listed.has(signerOf(entry))).length
}

function orphans(believed: Believed, next: Trust, { givenUp, answers }: Taken): readonly Orphan[] {
  return releasesInUse(believed)
    .filter(({ body }) => body.epoch >= next.epoch)
    .filter(({ id }) => !givenUp.some((one) => equal(one, id)))
    .map((release) => {
      const own = answers.filter((answer) => equal(answer.release.id, release.id))
      const keys = own
        .map(({ entry }) => decodeEntry(entry)?.key)
        .filter((key) => key !== undefined)
      const signers = [...release.signers, ...keys]
      return { release, count: countSigners(next, 'release', { signers }) }
    })
    .filter(({ count }) => !isMet(count))
}

function releasesInUse(believed: Believed): readonly KnownRelease[] {
  const channels = new Set(believed.releases.map(({ body }) => body.channel))
  return [...channels].flatMap((channel) => inUse(believed, channel))
}

/** Newest release of a channel that is not refused, and those above it that still are live. */
function inUse(believed: Believed, channel: string): readonly KnownRelease[] {
  const admitted = admittedReleases(believed, channel)
  const last = admitted.findIndex(({ id }) => refusals(believed, id).aborted.length === 0)
  return last < 0 ? admitted : admitted.slice(0, last + 2)
}

/** `c or d run: ota-publish sign cque4cxk`. */
function whoSigns(next: Trust, { release, count }: Orphan): string {
  const missing = membersOf(next, 'release').filter((member) => !count.signers.includes(member))
  const names = missing.map(({ label }: Member) => label).toSorted()
  const more = count.need - count.have
  const all = more >= names.length
  const who =
    all || more === 1 ? names.join(all ? ' and ' : ' or ') : `${more} of ${names.join(', ')}`
  return `${who} run: ota-publish sign ${toShortName(release.id)}`
}

function nameOfRelease({ id, body }: KnownRelease): string {
  return `${toShortName(id)} (${body.channel})`
}

function signerOf(entry: Entry): string {
  const key = decodeEntry(entry)?.key
  return key === undefined ? '' : toHex(key)
}
