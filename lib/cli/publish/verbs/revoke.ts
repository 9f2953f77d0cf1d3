import { OtaError, equal, toHex, type Bytes } from '../../../base/index.ts'
import {
  currentTrust,
  draftRevoke,
  keptInvites,
  readInvite,
  signDraft,
  wipeKey,
  type Desk,
  type Draft,
  type Ended
} from '../../../publish/index.ts'
import { fromName, type Believed } from '../../../trust/index.ts'
import { escapeText, findByName, type Context, type Outcome } from '../../frame/index.ts'
import { actorOf, openActor } from '../acting.ts'
import { needAuthority } from '../belief.ts'
import { deskOf } from '../desk.ts'
import { commitDraft } from '../online/commit.ts'

/** `revoke`: ends invites or single slots at once, with one enrol key. */
export async function revoke(context: Context): Promise<Outcome> {
  const { flags, out, args } = context
  const desk = deskOf(context)
  const { believed } = await needAuthority(desk)
  const trust = currentTrust(believed).body
  const alone = flags.has('alone')
  const seeds = flags.count('seeds', 1, 64)
  if (alone && seeds !== null) throw new OtaError('USAGE', '--alone and --seeds exclude each other')
  const ended = await endedOf(desk, believed, args)
  const nowMs = desk.clock.wallMs()
  const drafts = ended.map((one) => draftRevoke(believed, one, nowMs))
  const actor = await actorOf(context, desk, trust, 'enrol')
  const { label } = actor
  const names = ended.map((one) => nameOf(context, one)).join(', ')
  const data = ended.map(({ invite, slots }) => ({ invite, slots: [...slots] }))
  if (context.dryRun) return { data: { revoked: data, dryRun: true } }
  const name = escapeText(trust.name)
  const question = `you revoke ${names} of ${name}: those nodes are no members. go on?`
  if (!(await context.confirm(question))) throw new OtaError('USAGE', 'nothing was signed')
  const key = await openActor(context, desk, actor)
  const signed: { draft: Draft; entry: Awaited<ReturnType<typeof signDraft>> }[] = []
  try {
    for (const draft of drafts) {
      signed.push({ draft, entry: await signDraft(desk, draft, { key, trust }) })
    }
  } finally {
    wipeKey(key)
  }
  for (const { draft, entry } of signed) {
    // asked and answered above: it acts at once
    await commitDraft({ ...context, yes: true }, desk, {
      draft,
      entries: [entry],
      word: 'the revoke',
      wait: alone ? 'alone' : (seeds ?? 1),
      taken: { givenUp: [], answers: [] }
    })
  }
  const revokes = signed.map(({ draft }) => draft.id)
  out.result('revoke', { revoked: data, revokes, key: label }, `revoked ${names}`)
  return { data: { revoked: data, revokes, key: label } }
}

/** The words of the command, one entry per invite; the whole of an invite includes its slots. */
async function endedOf(
  desk: Desk,
  believed: Believed,
  words: readonly string[]
): Promise<readonly Ended[]> {
  const found = new Map<string, { invite: Bytes; slots: Set<number>; whole: boolean }>()
  for (const word of words) {
    const { name, slot } = await splitWord(desk, word)
    const { invite, slots } = await inviteNamed(desk, believed, name)
    if (slot !== null && slots !== null && slot >= slots) {
      throw new OtaError('USAGE', `slot ${slot} is outside the invite, which has ${slots}`, {
        hint: `slots are 0 to ${slots - 1}`
      })
    }
    const held = found.get(toHex(invite)) ?? { invite, slots: new Set<number>(), whole: false }
    if (slot === null) held.whole = true
    else held.slots.add(slot)
    found.set(toHex(invite), held)
  }
  return [...found.values()].map(({ invite, slots, whole }) => ({
    invite,
    slots: whole ? [] : [...slots].toSorted((a, b) => a - b)
  }))
}

/** `INVITE` or `INVITE:SLOT`; a file whose own name ends like that is the whole of its invite. */
async function splitWord(
  desk: Desk,
  word: string
): Promise<{ readonly name: string; readonly slot: number | null }> {
  const match = /^(.+):(\d{1,5})$/.exec(word)
  if (match === null || (await desk.disk.stat(word)) !== null) return { name: word, slot: null }
  const slot = Number(match[2])
  if (slot > 65_535) throw new OtaError('USAGE', `there is no slot ${slot}`)
  return { name: match[1] ?? '', slot }
}

/** The invite in a file, one made here by the beginning of its key, or any by its whole key. */
async function inviteNamed(
  desk: Desk,
  believed: Believed,
  name: string
): Promise<{ readonly invite: Bytes; readonly slots: number | null }> {
  if ((await desk.disk.stat(name)) !== null || name.includes('/') || name.includes('.')) {
    const invite = await readInvite(desk.disk, name)
    if (equal(invite.network, believed.network)) return invite
    throw new OtaError('WRONG_NETWORK', `${name} invites to another network than this home's`)
  }
  const own = (await keptInvites(desk)).filter((one) => equal(one.network, believed.network))
  if (/^[a-z0-9]{52}$/.test(name) && !own.some(({ invite }) => equal(invite, fromName(name)))) {
    return { invite: fromName(name), slots: null }
  }
  const key = findByName(
    name,
    own.map(({ invite }) => invite),
    'invite made here'
  )
  const kept = own.find(({ invite }) => equal(invite, key))
  return { invite: key, slots: kept?.slots ?? null }
}

function nameOf({ out }: Context, { invite, slots }: Ended): string {
  if (slots.length === 0) return `invite ${out.id(invite)}`
  return `slot ${slots.join(', ')} of invite ${out.id(invite)}`
}
