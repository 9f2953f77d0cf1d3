import { OtaError, equal, type Bytes } from '../base/index.ts'
import {
  ROLE,
  encodeEntry,
  encodeStatement,
  type Entry,
  type Member,
  type Trust
} from '../records/index.ts'
import { buildAnchor, drawValues, proofAt, toName } from '../trust/index.ts'
import type { Desk } from './desk.ts'
import { journalSignature, placesOf } from './papers/journal.ts'
import { listKeys, type KeyInfo, type SigningKey } from './papers/keyfile.ts'
import { nameOf, type Draft } from './papers/request.ts'
import { partsOf } from './tally.ts'

/**
 * The keys of this person that have a part in `draft`; with `label` that one key. A release is
 * signed by a key without a part too, if it is asked for or the only one here: it counts once a
 * trust lists it, and `trust commit` takes it along. Throws `USAGE` where the label is unknown,
 * `BAD_KEY` where no key has a part and names those that have.
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
  const fitting = named.filter((key) => hasPart(draft, options.trust, key.key))
  if (fitting.length > 0) return fitting
  if (draft.body.tag === 'release' && named.length === 1) return named
  throw withoutPart(draft, parts, options.label)
}

/** Whether a key counts on `draft` under `trust`, or is a drawer it names. */
export function hasPart(draft: Draft, trust: Trust | null, key: Bytes): boolean {
  const isListed = partsOf(draft, trust).some((member) => equal(member.key, key))
  return isListed || isNamedDrawer(draft, key)
}

/** Whether the answer of this key carries a one-time value, for which its file must be opened. */
export function isNamedDrawer({ body }: Draft, key: Bytes): boolean {
  return body.tag === 'release' && body.release.drawers.some((named) => equal(named, key))
}

/**
 * Signs exactly the bytes of `draft`. The journal is written first, so that a crash in between can
 * only make us refuse, never sign twice (`EQUIVOCATION`, S98); it makes no difference who signs. A
 * named drawer adds her value; `named` is the trust that the draft names, null if it is not here.
 */
export async function signDraft(
  desk: Desk,
  draft: Draft,
  { key, trust: named }: { readonly key: SigningKey; readonly trust: Trust | null }
): Promise<Entry> {
  const proof = proofFor(draft, key, named)
  const places = placesOf(draft.network, draft.body)
  await journalSignature(desk, key.label, { id: draft.id, places })
  if (draft.body.tag === 'trust') await keepDraft(desk, draft)
  const signature = await key.sign(draft.statement.canonical)
  return encodeEntry({ key: key.key, signature, proof })
}

/** A trust this person signed, by id: it names labels before the network is reached. */
export async function readTrustDraft(desk: Desk, id: Bytes): Promise<Bytes | null> {
  return await desk.disk.read(`${desk.places.drafts}/${toName(id)}`)
}

/** Every trust that this person signed, of whatever network. */
export async function listTrustDrafts(desk: Desk): Promise<readonly Bytes[]> {
  const found: Bytes[] = []
  for (const name of await desk.disk.list(desk.places.drafts)) {
    const bytes = await desk.disk.read(`${desk.places.drafts}/${name}`)
    // a write that was cut short left its temporary file
    if (bytes !== null && !name.endsWith('.tmp')) found.push(bytes)
  }
  return found
}

async function keepDraft(desk: Desk, draft: Draft): Promise<void> {
  await desk.disk.makeFolder(desk.places.drafts, 0o700)
  const bytes = encodeStatement(draft.statement)
  await desk.disk.writeDurable(`${desk.places.drafts}/${toName(draft.id)}`, bytes)
}

function proofFor(draft: Draft, key: SigningKey, named: Trust | null): Bytes | null {
  if (draft.body.tag !== 'release' || !isNamedDrawer(draft, key.key)) return null
  const { drawNumber } = draft.body.release
  if (drawNumber === null) return null
  if (key.drawSecret === null) {
    throw new OtaError('DRAW_INVALID', `"${key.label}" is named as drawer, its key file is locked`)
  }
  const { root, first } = anchorOf(key, named)
  const index = drawNumber - first
  if (index < 0 || index >= drawValues) {
    throw new OtaError(
      'DRAW_INVALID',
      `draw ${drawNumber} lies outside the anchor of "${key.label}"`
    )
  }
  const built = buildAnchor(key.key, key.drawSecret)
  if (equal(built.root, root)) return proofAt(built, index)
  throw new OtaError('DRAW_INVALID', `the trust lists another draw anchor for "${key.label}"`)
}

/** The anchor that the trust lists; where it is not here, the one on the card of this key. */
function anchorOf(key: SigningKey, named: Trust | null): { root: Bytes; first: number } {
  if (named === null) return { root: key.drawRoot, first: 0 }
  const listed = named.roles.find(({ role }) => role === ROLE.draw)?.members ?? []
  const anchor = listed.find((member) => equal(member.key, key.key))?.draw
  if (anchor !== undefined && anchor !== null) return anchor
  throw new OtaError(
    'DRAW_INVALID',
    `"${key.label}" is named as drawer, trust ${named.version} lists no anchor for it`
  )
}

function withoutPart(draft: Draft, parts: readonly Member[], label: string | null): OtaError {
  const what = nameOf(draft)
  const sentence =
    label === null ? `no key here has a part in ${what}` : `key "${label}" has no part in ${what}`
  return new OtaError('BAD_KEY', sentence, {
    hint: `it is for ${parts.map((member) => member.label).join(', ')}`
  })
}

function onlyOne(keys: readonly KeyInfo[]): readonly KeyInfo[] {
  if (keys.length === 1) return keys
  throw new OtaError('USAGE', `there are ${keys.length} keys here and the trust is not`, {
    hint: 'name one with --key LABEL, or join the network first'
  })
}
