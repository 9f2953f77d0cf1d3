import { OtaError, equal, type Bytes } from '../base/index.ts'
import { ROLE, encodeStatement, type Entry, type Trust } from '../records/index.ts'
import { buildAnchor, proofAt, signStatement, toName } from '../trust/index.ts'
import type { Desk } from './desk.ts'
import { journalSignature, placesOf } from './papers/journal.ts'
import { listKeys, type KeyInfo, type UnlockedKey } from './papers/keyfile.ts'
import { nameOf, type Draft } from './papers/request.ts'
import { partsOf } from './tally.ts'

/**
 * The keys of this person that have a part in `draft`; with `label` that one key. Throws `USAGE`
 * where the label is unknown, `BAD_KEY` where no key has a part and names those that have.
 */
export async function keysFor(
  desk: Desk,
  draft: Draft,
  options: { readonly trust: Trust | null; readonly label: string | null }
): Promise<readonly KeyInfo[]> {
  const mine = await listKeys(desk)
  const named = options.label === null ? mine : mine.filter(({ label }) => label === options.label)
  if (named.length === 0) {
    const what =
      options.label === null ? 'there is no key here' : `there is no key "${options.label}"`
    throw new OtaError('USAGE', what, { hint: 'see: ota-publish keys list' })
  }
  const parts = partsOf(draft, options.trust)
  // without the trust nobody can say who has a part: an answer too many counts for nothing
  if (parts.length === 0) return onlyOne(named)
  const fitting = named.filter(({ key }) => parts.some((member) => equal(member.key, key)))
  if (fitting.length > 0) return fitting
  const what = nameOf(draft)
  const sentence =
    options.label === null
      ? `no key here has a part in ${what}`
      : `key "${options.label}" has no part in ${what}`
  const whose = parts.map(({ label }) => label).join(', ')
  throw new OtaError('BAD_KEY', sentence, { hint: `it is for ${whose}` })
}

/**
 * Signs exactly the bytes of `draft`. The journal is written first, so that a crash in between can
 * only make us refuse, never sign twice (`EQUIVOCATION`, S98). A named drawer adds her value.
 */
export async function signDraft(
  desk: Desk,
  draft: Draft,
  { key, trust }: { readonly key: UnlockedKey; readonly trust: Trust | null }
): Promise<Entry> {
  const places = placesOf(draft.network, draft.body)
  await journalSignature(desk, key.label, { id: draft.id, places })
  if (draft.body.tag === 'trust') await keepDraft(desk, draft)
  return signStatement(draft.statement.canonical, key.pair, proofFor(draft, key, trust))
}

/** A trust this person signed, by id: it names labels before the network is reached. */
export async function readTrustDraft(desk: Desk, id: Bytes): Promise<Bytes | null> {
  return await desk.disk.read(`${desk.places.drafts}/${toName(id)}`)
}

async function keepDraft(desk: Desk, draft: Draft): Promise<void> {
  await desk.disk.makeFolder(desk.places.drafts, 0o700)
  const bytes = encodeStatement(draft.statement)
  await desk.disk.writeDurable(`${desk.places.drafts}/${toName(draft.id)}`, bytes)
}

function proofFor(draft: Draft, key: UnlockedKey, trust: Trust | null): Bytes | null {
  if (draft.body.tag !== 'release') return null
  const { drawers, drawNumber } = draft.body.release
  if (drawNumber === null || !drawers.some((named) => equal(named, key.key))) return null
  const listed = trust?.roles.find(({ role }) => role === ROLE.draw)?.members ?? []
  const anchor = listed.find((member) => equal(member.key, key.key))?.draw
  if (anchor === undefined || anchor === null) {
    throw new OtaError(
      'DRAW_INVALID',
      `"${key.label}" is named as drawer, but the trust is not here`
    )
  }
  const built = buildAnchor(key.key, key.drawSecret)
  if (!equal(built.root, anchor.root)) {
    throw new OtaError('DRAW_INVALID', `the trust lists another draw anchor for "${key.label}"`)
  }
  const index = drawNumber - anchor.first
  if (index < 0 || index >= 4_096) {
    throw new OtaError(
      'DRAW_INVALID',
      `draw ${drawNumber} lies outside the anchor of "${key.label}"`
    )
  }
  return proofAt(built, index)
}

function onlyOne(keys: readonly KeyInfo[]): readonly KeyInfo[] {
  if (keys.length === 1) return keys
  throw new OtaError('USAGE', `there are ${keys.length} keys here and the trust is not`, {
    hint: 'name one with --key LABEL, or join the network first'
  })
}
