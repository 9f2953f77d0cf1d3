import { OtaError, equal, fromText, isOtaError, toText, type Bytes } from '../../base/index.ts'
import { Authority } from '../../authority/index.ts'
import { decodeStatement, type Trust } from '../../records/index.ts'
import {
  draftFrom,
  listTrustDrafts,
  readRequest,
  readTrustDraft,
  type Desk,
  type Draft
} from '../../publish/index.ts'
import { formatJoin, parseJoin, type Believed, type Join } from '../../trust/index.ts'
import { findByName } from '../frame/index.ts'

/** The join string this home follows, or null before `init` or `join`. */
export async function readJoin({ disk, places }: Desk): Promise<Join | null> {
  const bytes = await disk.read(`${places.home}/network`)
  return bytes === null ? null : parseJoin(toText(bytes))
}

/** Follows `join` from now on; `USAGE` when this home follows another network. */
export async function writeJoin(desk: Desk, join: Join): Promise<void> {
  await refuseOtherNetwork(desk, join.network)
  await desk.disk.makeFolder(desk.places.home, 0o700)
  const text = `${formatJoin(join.network, join.checkpoint)}\n`
  await desk.disk.writeDurable(`${desk.places.home}/network`, fromText(text))
}

/** One home follows one network. */
export async function refuseOtherNetwork(desk: Desk, network: Bytes): Promise<void> {
  const before = await readJoin(desk)
  if (before === null || formatJoin(before.network) === formatJoin(network)) return
  const other = formatJoin(before.network).slice(0, 8)
  throw new OtaError('USAGE', `${desk.places.home} follows network ${other}`, {
    hint: 'give each network a home of its own with --home'
  })
}

/** The statements of this home; null before it follows a network. */
export async function openAuthority(desk: Desk): Promise<Authority | null> {
  const join = await readJoin(desk)
  return join === null ? null : await openFor(desk, join)
}

/** As `openAuthority`, for a home that must follow a network. */
export async function needAuthority(desk: Desk): Promise<Authority> {
  const authority = await openAuthority(desk)
  if (authority !== null) return authority
  throw new OtaError('TRUST_GAP', 'this home follows no network yet', {
    hint: 'begin one with ota-publish init, or follow one with ota-publish join JOIN'
  })
}

export async function openFor(desk: Desk, join: Join): Promise<Authority> {
  const { disk, clock, places } = desk
  for (const folder of ['trusted', 'pending']) {
    await disk.makeFolder(`${places.home}/${folder}`, 0o700)
  }
  return await Authority.open(disk, noLog, {
    folder: places.home,
    join: formatJoin(join.network, join.checkpoint),
    nowMs: () => clock.wallMs()
  })
}

function noLog(): void {
  // a command speaks through its output; the daemon has the log
}

/** A request file, or the id of a statement this home holds. */
export async function readDraft(
  desk: Desk,
  word: string,
  believed: Believed | null
): Promise<Draft> {
  const looksLikeFile = word === '-' || word.includes('/') || word.includes('.')
  if (looksLikeFile || (await desk.disk.stat(word)) !== null) {
    return await readRequest(desk.disk, word)
  }
  if (believed === null) throw new OtaError('USAGE', `there is no file ${word}`)
  return draftFrom(heldStatement(believed, word))
}

function heldStatement(believed: Believed, word: string) {
  const all = [...believed.held.values()].map(({ any }) => any.known)
  try {
    const id = findByName(
      word,
      all.map((known) => known.id),
      'statement'
    )
    const found = all.find((known) => known.id === id)
    if (found !== undefined) return found.statement
  } catch (error) {
    if (!isOtaError(error, 'USAGE')) throw error
    throw new OtaError('USAGE', `"${word}" is neither a file nor the id of a statement here`, {
      hint: 'see: ota-publish log'
    })
  }
  throw new OtaError('USAGE', `there is no statement "${word}"`)
}

/**
 * The trust whose keys count for `draft`: the newest this home believes. Where it follows nothing,
 * the one the draft names, or before a trust the newest one below it, if this person signed that:
 * hearsay, since nobody here knows whether it is in force. Null: nobody here can say.
 */
export async function trustFor(
  desk: Desk,
  draft: Draft,
  believed: Believed | null
): Promise<Trust | null> {
  if (believed?.trust) return believed.trust.body
  const { body } = draft
  if (body.tag !== 'trust') return await trustNamed(desk, draft, believed)
  const signed = (await listTrustDrafts(desk)).map((bytes) => draftFrom(decodeStatement(bytes)))
  const below = signed
    .filter(({ network }) => equal(network, draft.network))
    .flatMap((one) => (one.body.tag === 'trust' ? [one.body.trust] : []))
    .filter(({ version }) => version < body.trust.version)
  return below.toSorted((a, b) => b.version - a.version)[0] ?? null
}

/** The trust that `draft` names, under which draws are judged; null where it is not here. */
export async function trustNamed(
  desk: Desk,
  draft: Draft,
  believed: Believed | null
): Promise<Trust | null> {
  const named = namedTrust(draft)
  if (named === null) return null
  const known = believed?.trusts.find(({ id }) => equal(id, named))
  if (known !== undefined) return known.body
  const bytes = await readTrustDraft(desk, named)
  if (bytes === null) return null
  const { body } = draftFrom(decodeStatement(bytes))
  return body.tag === 'trust' ? body.trust : null
}

function namedTrust({ body }: Draft): Bytes | null {
  switch (body.tag) {
    case 'trust':
      return null
    case 'release':
      return body.release.head.trustId
    case 'control':
      return body.control.head.trustId
    case 'era':
      return body.era.head.trustId
    case 'revoke':
      return body.revoke.head.trustId
    default:
      return null
  }
}

/** The release that a word names, among those this home holds. */
export function releaseNamed(believed: Believed, word: string): Bytes {
  const ids = [...believed.held.values()].flatMap(({ any }) =>
    any.tag === 'release' ? [any.known.id] : []
  )
  return findByName(word, ids, 'release')
}
