import { OtaError, type Bytes } from '../../../base/index.ts'
import { encodeAnswer, type Entry, type Trust } from '../../../records/index.ts'
import {
  demandComplete,
  hasPart,
  isNamedDrawer,
  keysFor,
  nameOf,
  readAnswers,
  shortest,
  signDraft,
  tally,
  wipeKey,
  type Answers,
  type Desk,
  type Draft,
  type KeyInfo
} from '../../../publish/index.ts'
import { releaseOf, type Believed, type KnownRelease } from '../../../trust/index.ts'
import { amount, type Context, type Outcome } from '../../frame/index.ts'
import { openAuthority, readDraft, releaseNamed, trustFor, trustNamed } from '../belief.ts'
import { commitDraft, tallyData } from '../online/commit.ts'
import { deskOf, writeLine, wrote } from '../desk.ts'
import { lookAt } from '../review/look.ts'
import { Passphrases, openKey } from '../signer.ts'

/** `review`: everything a request says, decoded from the bytes that will be signed. */
export async function review(context: Context): Promise<Outcome> {
  const looked = await lookAt(context, await opened(context))
  return { data: looked.data }
}

/** `sign`: the review once more, a question, and one answer file per key. */
export async function sign(context: Context): Promise<Outcome> {
  const { flags } = context
  const all = await opened(context)
  const { desk, draft, trust } = all
  const looked = await lookAt(context, all)
  const keys = await keysFor(desk, draft, { trust, label: flags.text('key') })
  const named = flags.text('output')
  if (named !== null && keys.length > 1) {
    throw new OtaError('USAGE', `${keys.length} keys here have a part in it, -o names one file`, {
      hint: `name one with --key: ${keys.map(({ label }) => label).join(', ')}`
    })
  }
  if (!(await context.confirm(`you sign: ${looked.sentence}. go on?`))) {
    throw new OtaError('USAGE', 'nothing was signed')
  }
  const files = keys.map(({ label }) => named ?? `${baseOf(context.args[0] ?? '')}.${label}.sig`)
  if (context.dryRun) return { data: { [draft.body.tag]: draft.id, files } }
  const entries = await signAll(context, all, { keys, files })
  if (flags.has('append')) await appendOwn(context, desk, draft, entries)
  return { data: { [draft.body.tag]: draft.id, files } }
}

/** Signs with one key after the other; each answer is on disk before the next is asked for. */
async function signAll(
  context: Context,
  { desk, draft, trust, named }: Opened,
  { keys, files }: { readonly keys: readonly KeyInfo[]; readonly files: readonly string[] }
): Promise<readonly Entry[]> {
  const entries: Entry[] = [...draft.statement.entries]
  const passphrases = new Passphrases(context)
  try {
    for (const [index, info] of keys.entries()) {
      const path = files[index] ?? ''
      const draws = isNamedDrawer(draft, info.key)
      const key = await openKey(context, desk, info, { passphrases, draws })
      try {
        const entry = await signDraft(desk, draft, { key, trust: named })
        entries.push(entry)
        const answer = encodeAnswer({ statement: draft.id, entry })
        await writeLine(context, desk, { path, bytes: answer })
      } finally {
        wipeKey(key)
      }
      sayPlace(context, { draft, trust, named }, { entries, info, path })
    }
    return entries
  } finally {
    passphrases.wipe()
  }
}

/** Where the statement stands with this signature, or why it counts for nothing yet. */
function sayPlace(
  context: Context,
  { draft, trust, named }: Pick<Opened, 'draft' | 'trust' | 'named'>,
  { entries, info, path }: { entries: readonly Entry[]; info: KeyInfo; path: string }
): void {
  const { out } = context
  const count = tally(draft, entries, { trust, named })
  const side = shortest(count)
  const mine = trust === null || hasPart(draft, trust, info.key)
  const place = side === null || !mine ? '' : `  signature ${side.have} of ${side.need}`
  const data = { ...tallyData(draft, count), key: info.label, file: path, counts: mine }
  out.result('sign', data, `${wrote(context, path)}${place}`)
  if (trust === null) {
    out.note('trust unknown here: whoever commits it sees whether this key counts')
  }
  if (mine) return
  const version = trust?.version ?? 0
  out.warn(`"${info.label}" has no part under trust ${version}: it counts once a trust lists it`)
  out.note(`give ${path} to the commit of that trust: ota-publish trust commit REQ SIG... ${path}`)
}

/** `verify`: who signed, who is missing; exit 10 while it is not enough. */
export async function verify(context: Context): Promise<Outcome> {
  const { desk, draft, believed, trust, named } = await opened(context)
  const { own } = await answersOf(context, desk, draft, believed)
  const count = tally(draft, [...draft.statement.entries, ...own], { trust, named })
  const data = tallyData(draft, count)
  const lines = count.sides.map(({ of, have, need, signers }) => {
    const who = signers.map(({ label }) => label).join(', ') || 'nobody'
    return `${nameOf(draft)}  ${have} of ${need} signatures${of === '' ? '' : ` ${of}`}  ${who}`
  })
  const valid = amount(count.entries.length, 'valid signature')
  const unknown = `${nameOf(draft)}  ${valid}, trust unknown`
  context.out.result('verify', data, lines.length === 0 ? [unknown] : lines)
  demandComplete(draft, count, context.args[0] ?? 'REQ')
  return { data }
}

/** `commit`: what a quorum signed goes out. */
export async function commit(context: Context): Promise<Outcome> {
  const { flags } = context
  const { desk, draft, believed } = await opened(context)
  const alone = flags.has('alone')
  const seeds = flags.count('seeds', 1, 64)
  if (alone && seeds !== null) throw new OtaError('USAGE', '--alone and --seeds exclude each other')
  const dropped = flags.list('drop')
  if (dropped.length > 0 && draft.body.tag !== 'trust') {
    throw new OtaError('USAGE', `--drop goes with a trust, this is ${nameOf(draft)}`)
  }
  const givenUp = believed === null ? [] : dropped.map((word) => releaseNamed(believed, word))
  const { own, releases } = await answersOf(context, desk, draft, believed)
  return await commitDraft(context, desk, {
    draft,
    entries: [...draft.statement.entries, ...own],
    word: context.args[0] ?? 'REQ',
    wait: alone ? 'alone' : (seeds ?? 2),
    taken: { givenUp, answers: releases }
  })
}

interface Opened {
  readonly desk: Desk
  readonly believed: Believed | null
  readonly draft: Draft
  /** Whose keys count; null: nobody here can say. */
  readonly trust: Trust | null
  /** The one the draft names, under which draws are judged. */
  readonly named: Trust | null
}

async function opened(context: Context): Promise<Opened> {
  const desk = deskOf(context)
  const authority = await openAuthority(desk)
  const believed = authority?.believed ?? null
  const draft = await readDraft(desk, context.args[0] ?? '', believed)
  const trust = await trustFor(desk, draft, believed)
  return { desk, believed, draft, trust, named: await trustNamed(desk, draft, believed) }
}

async function answersOf(
  context: Context,
  desk: Desk,
  draft: Draft,
  believed: Believed | null
): Promise<Answers> {
  return await readAnswers(desk, context.args.slice(1), draft, heldReleases(believed))
}

function heldReleases(believed: Believed | null): readonly KnownRelease[] {
  if (believed === null) return []
  const ids: readonly Bytes[] = [...believed.held.values()].map(({ any }) => any.known.id)
  return ids.map((id) => releaseOf(believed, id)).filter((known) => known !== null)
}

/** `--append`: the answer travels on the signer's own feed too. */
async function appendOwn(
  context: Context,
  desk: Desk,
  draft: Draft,
  entries: readonly Entry[]
): Promise<void> {
  const { appendAnswer } = await import('../online/append.ts')
  const feeds = await appendAnswer(context, desk, draft, entries)
  context.out.note(`appended to ${amount(feeds, 'own feed')}: keep ota-publish seed running`)
}

function baseOf(word: string): string {
  return word === '-' ? 'request' : word.replace(/\.req$/, '')
}
