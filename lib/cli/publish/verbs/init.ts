import { DAY, OtaError } from '../../../base/index.ts'
import type { Card } from '../../../records/index.ts'
import {
  createKey,
  explainTrust,
  foundNetwork,
  listKeys,
  readCard,
  requestOf,
  signDraft,
  unlockKey,
  warningsOf,
  wipeKey,
  type Desk,
  type Draft,
  type UnlockedKey
} from '../../../publish/index.ts'
import type { Context, FlagTable, Outcome } from '../../frame/index.ts'
import { askPassphrase, deskOf, newPassphrase, writeLine, wrote } from '../desk.ts'

export const initFlags: FlagTable = {
  name: { type: 'text' },
  card: { type: 'list' },
  root: { type: 'text' },
  release: { type: 'text' },
  brake: { type: 'text' },
  draw: { type: 'list' },
  enroller: { type: 'list' },
  open: { type: 'switch' },
  access: { type: 'text' },
  expires: { type: 'text' },
  'allow-split': { type: 'switch' },
  solo: { type: 'switch' },
  key: { type: 'text' },
  'passphrase-fd': { type: 'text' },
  output: { type: 'text', short: 'o' }
}

const MEMBERS_MAX = 64
const EXPIRES_MS = 365 * DAY

/** `init`: the first trust as a request that every key in it signs; `--solo` does all of it. */
export async function init(context: Context): Promise<Outcome> {
  return context.flags.has('solo') ? await initSolo(context) : await initMany(context)
}

async function initMany(context: Context): Promise<Outcome> {
  const { flags } = context
  const desk = deskOf(context)
  for (const name of ['key', 'passphrase-fd']) {
    if (flags.has(name)) throw new OtaError('USAGE', `--${name} goes with --solo only`)
  }
  const cards = await readCards(desk, flags.list('card'))
  if (cards.length === 0) {
    throw new OtaError('USAGE', 'init needs a --card for every signer', {
      hint: 'each makes one: ota-publish keys new --label NAME; alone: --solo'
    })
  }
  const draft = found(context, desk, {
    cards,
    enrollers: await readCards(desk, flags.list('enroller')),
    drawers: await readCards(desk, flags.list('draw'))
  })
  const path = flags.text('output') ?? 't1.req'
  await writeLine(context, desk, { path, bytes: requestOf(draft) })
  const data = say(context, draft)
  context.out.note(`${wrote(context, path)}: every key in it signs: ota-publish sign ${path}`)
  return { data: { ...data, request: path } }
}

/** One person: one key in every role, signed and committed at once. */
async function initSolo(context: Context): Promise<Outcome> {
  const { flags, out } = context
  for (const name of ['card', 'root', 'release', 'brake', 'draw', 'enroller', 'output']) {
    const given = flags.has(name) && (flags.list(name).length > 0 || flags.text(name) !== null)
    if (given) throw new OtaError('USAGE', `--solo and --${name} exclude each other`)
  }
  const desk = deskOf(context)
  out.warn('one key in every role: whoever has it decides alone, and lost it ends the network')
  const key = await soloKey(context, desk)
  try {
    const { label, drawRoot, feed } = key
    const card: Card = {
      label,
      key: key.key,
      feed,
      draw: { root: drawRoot, first: 0 },
      signature: new Uint8Array(64)
    }
    const enrollers = flags.has('open') ? [] : [card]
    const draft = found(context, desk, { cards: [card], enrollers, drawers: [] })
    say(context, draft)
    if (context.dryRun) return { data: { trust: draft.id } }
    const entry = await signDraft(desk, draft, { key, trust: null })
    const { commitDraft } = await import('../online/commit.ts')
    return await commitDraft(context, desk, {
      draft,
      entries: [entry],
      word: 'the first trust',
      wait: 'alone',
      givenUp: []
    })
  } finally {
    wipeKey(key)
  }
}

async function soloKey(context: Context, desk: Desk): Promise<UnlockedKey> {
  const named = context.flags.text('key')
  const keys = await listKeys(desk)
  if (named === null && keys.length > 1) {
    throw new OtaError('USAGE', `there are ${keys.length} keys here`, {
      hint: 'name one with --key LABEL'
    })
  }
  const label = named ?? keys[0]?.label ?? 'me'
  const isNew = !keys.some((key) => key.label === label)
  const passphrase = isNew
    ? await newPassphrase(context, label)
    : await askPassphrase(context, `pass phrase of ${label}: `)
  try {
    if (isNew && context.dryRun) throw new OtaError('USAGE', `--dry-run makes no key "${label}"`)
    if (isNew) {
      const { feedKey } = await import('../../../feed/index.ts')
      await createKey(desk, { label, passphrase, feedKeyOf: feedKey })
    }
    return await unlockKey(desk, label, passphrase)
  } finally {
    passphrase.fill(0)
  }
}

interface People {
  readonly cards: readonly Card[]
  readonly enrollers: readonly Card[]
  readonly drawers: readonly Card[]
}

function found(context: Context, desk: Desk, people: People): Draft {
  const { flags } = context
  const isOpen = flags.has('open')
  if (isOpen && people.enrollers.length > 0) {
    throw new OtaError('USAGE', '--open and --enroller exclude each other', {
      hint: 'in an open network nobody needs an invite'
    })
  }
  if (!isOpen && people.enrollers.length === 0) {
    throw new OtaError('USAGE', 'who may invite is missing', {
      hint: 'give --enroller CARD, or --open for a network that anyone may join'
    })
  }
  return foundNetwork({
    ...people,
    name: flags.need('name'),
    root: flags.count('root', 1, MEMBERS_MAX),
    release: flags.count('release', 1, MEMBERS_MAX),
    brake: flags.count('brake', 1, MEMBERS_MAX),
    membership: isOpen ? 'open' : 'enrolled',
    access: flags.choice('access', ['any', 'members']) ?? 'any',
    expiresMs: flags.duration('expires') ?? EXPIRES_MS,
    allowSplit: flags.has('allow-split'),
    nowMs: desk.clock.wallMs()
  })
}

function say(context: Context, draft: Draft) {
  const { body, id } = draft
  if (body.tag !== 'trust') return {}
  const text = explainTrust(body.trust)
  const data = { network: id, trust: id, name: body.trust.name, text }
  context.out.result('init', data, text)
  for (const warning of warningsOf(body.trust)) context.out.warn(warning)
  return data
}

async function readCards(desk: Desk, paths: readonly string[]): Promise<readonly Card[]> {
  const cards: Card[] = []
  for (const path of paths) cards.push(await readCard(desk, path))
  return cards
}
