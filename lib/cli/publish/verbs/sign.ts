import { OtaError, unreachable } from '../../../base/index.ts'
import { encodeAnswer, type Entry, type Trust } from '../../../records/index.ts'
import {
  demandComplete,
  explainTrust,
  keysFor,
  movedKeys,
  nameOf,
  readAnswer,
  reviewRelease,
  shortest,
  signDraft,
  tally,
  unlockKey,
  wipeKey,
  type Desk,
  type Draft,
  type ReleaseReview
} from '../../../publish/index.ts'
import type { Believed } from '../../../trust/index.ts'
import { amount, escapeText, type Context, type Outcome, type Value } from '../../frame/index.ts'
import { openAuthority, readDraft, releaseNamed, trustFor } from '../belief.ts'
import { commitDraft, tallyData } from '../online/commit.ts'
import { askPassphrase, deskOf, writeLine, wrote } from '../desk.ts'
import { releaseLines, trustLines } from '../show.ts'
import { thisPlatform } from './release.ts'

/** `review`: everything a request says, decoded from the bytes that will be signed. */
export async function review(context: Context): Promise<Outcome> {
  const { desk, believed, draft, trust } = await opened(context)
  const looked = await lookAt(context, desk, { draft, believed, trust })
  return { data: looked.data }
}

/** `sign`: the review once more, a question, and one answer file per key. */
export async function sign(context: Context): Promise<Outcome> {
  const { flags, out } = context
  const { desk, believed, draft, trust } = await opened(context)
  const looked = await lookAt(context, desk, { draft, believed, trust })
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
  const entries: Entry[] = [...draft.statement.entries]
  const files: string[] = []
  for (const { label } of keys) {
    const path = named ?? `${baseOf(context.args[0] ?? '')}.${label}.sig`
    files.push(path)
    if (context.dryRun) continue
    const entry = await signAs(context, desk, { draft, trust, label })
    entries.push(entry)
    await writeLine(context, desk, { path, bytes: encodeAnswer({ statement: draft.id, entry }) })
    const side = shortest(tally(draft, entries, { trust }))
    const place = side === null ? '' : `  signature ${side.have} of ${side.need}`
    const data = { ...tallyData(draft, tally(draft, entries, { trust })), key: label, file: path }
    out.result('sign', data, `${wrote(context, path)}${place}`)
  }
  if (flags.has('append') && !context.dryRun) await appendOwn(context, desk, draft, entries)
  return { data: { [draft.body.tag]: draft.id, files } }
}

/** `verify`: who signed, who is missing; exit 10 while it is not enough. */
export async function verify(context: Context): Promise<Outcome> {
  const { desk, draft, trust } = await opened(context)
  const count = tally(draft, await entriesOf(context, desk, draft), { trust })
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
  return await commitDraft(context, desk, {
    draft,
    entries: await entriesOf(context, desk, draft),
    word: context.args[0] ?? 'REQ',
    wait: alone ? 'alone' : (seeds ?? 2),
    givenUp: believed === null ? [] : dropped.map((word) => releaseNamed(believed, word))
  })
}

interface Opened {
  readonly desk: Desk
  readonly believed: Believed | null
  readonly draft: Draft
  readonly trust: Trust | null
}

async function opened(context: Context): Promise<Opened> {
  const desk = deskOf(context)
  const authority = await openAuthority(desk)
  const believed = authority?.believed ?? null
  const draft = await readDraft(desk, context.args[0] ?? '', believed)
  return { desk, believed, draft, trust: await trustFor(desk, draft, believed) }
}

async function entriesOf(context: Context, desk: Desk, draft: Draft): Promise<readonly Entry[]> {
  const entries: Entry[] = [...draft.statement.entries]
  for (const path of context.args.slice(1)) entries.push(await readAnswer(desk.disk, path, draft))
  return entries
}

interface Looked {
  readonly data: Value
  /** What is signed, in one phrase. */
  readonly sentence: string
}

async function lookAt(
  context: Context,
  desk: Desk,
  { draft, believed, trust }: Omit<Opened, 'desk'>
): Promise<Looked> {
  const { out, flags } = context
  const build = flags.text('build')
  const { body } = draft
  if (build !== null && body.tag !== 'release') {
    throw new OtaError('USAGE', `--build goes with a release, this is ${nameOf(draft)}`)
  }
  const name = escapeText((body.tag === 'trust' ? body.trust : trust)?.name ?? 'an unknown network')
  switch (body.tag) {
    case 'release': {
      const platform = flags.text('platform') ?? thisPlatform()
      const looked = await reviewRelease(desk, body.release, { believed, build, platform })
      return showRelease(context, draft, looked, name)
    }
    case 'trust': {
      const before = believed?.trust?.body ?? null
      const moved = before === null ? null : movedKeys(before, body.trust)
      const data = { trust: draft.id, version: body.trust.version, ...moved }
      const changes = moved === null ? [] : changeLines(moved)
      const lines = [...trustLines(out, body.trust), ...changes, explainTrust(body.trust)]
      out.result('review', data, lines)
      return { data, sentence: `${nameOf(draft)} of ${name}` }
    }
    case 'control': {
      const { action, release, reason, resume } = body.control
      const data = { control: draft.id, action, release, reason, resume }
      const why = reason === '' ? '' : `  reason "${escapeText(reason)}"`
      const text = `${action} of release ${out.id(release)}  resume ${resume}${why}`
      out.result('review', data, text)
      return { data, sentence: `${action} of release ${out.id(release)} of ${name}` }
    }
    case 'era':
    case 'revoke':
      throw new OtaError('UNSUPPORTED', `${nameOf(draft)} cannot be signed by this version`)
    default:
      return unreachable(body)
  }
}

function showRelease(context: Context, draft: Draft, looked: ReleaseReview, name: string): Looked {
  const { out, flags } = context
  const build = flags.text('build')
  const mine = looked.artifacts.find(({ isOwnBuild }) => isOwnBuild)
  if (build !== null && mine === undefined) {
    throw new OtaError('USAGE', `the release has nothing for ${thisPlatform()}`, {
      hint: 'say which of its platforms you built with --platform'
    })
  }
  const { release } = looked
  const data = {
    release: draft.id,
    label: release.label,
    channel: release.channel,
    steerable: looked.isSteerable,
    build: mine?.artifact.treeDigest ?? null,
    artifacts: looked.artifacts.map(({ artifact, files }) => ({
      platform: artifact.platform,
      treeDigest: artifact.treeDigest,
      core: artifact.tree.key,
      files: files === null ? null : { ...files }
    })),
    policy: looked.policy.map((change) => ({ ...change }))
  }
  const lines = releaseLines(out, draft, looked)
  if (mine !== undefined) {
    const { treeDigest, tree } = mine.artifact
    const ids = `${out.id(treeDigest)} and core key ${out.id(tree.key)}`
    lines.unshift(`digest of ${build ?? ''} ${ids} equal the release`)
  }
  out.result('review', data, lines)
  const files = release.artifacts.reduce((sum, { entries }) => sum + entries, 0)
  const what = `release ${out.id(draft.id)} of ${name}, ${amount(files, 'file')}`
  return { data, sentence: `${what}, for everyone on "${release.channel}"` }
}

function changeLines({ added, dropped }: { added: string[]; dropped: string[] }): string[] {
  const lines = added.map((part) => `  + ${escapeText(part)}`)
  return [...lines, ...dropped.map((part) => `  - ${escapeText(part)}`)]
}

async function signAs(
  context: Context,
  desk: Desk,
  { draft, trust, label }: { draft: Draft; trust: Trust | null; label: string }
): Promise<Entry> {
  const passphrase = await askPassphrase(context, `pass phrase of ${label}: `)
  try {
    const key = await unlockKey(desk, label, passphrase)
    try {
      return await signDraft(desk, draft, { key, trust })
    } finally {
      wipeKey(key)
    }
  } finally {
    passphrase.fill(0)
  }
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
