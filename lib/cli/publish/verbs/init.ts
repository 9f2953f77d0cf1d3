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
  type Builder,
  type Desk,
  type Draft,
  type SigningKey
} from '../../../publish/index.ts'
import type { Context, FlagTable, Outcome } from '../../frame/index.ts'
import { deskOf, newPassphrase, writeLine, wrote } from '../desk.ts'
import { Passphrases, openKey, signerFlags } from '../signer.ts'

export const initFlags: FlagTable = {
  name: { type: 'text' },
  card: { type: 'list' },
  root: { type: 'text' },
  release: { type: 'text' },
  brake: { type: 'text' },
  beacon: { type: 'list' },
  draw: { type: 'list' },
  builder: { type: 'list' },
  attest: { type: 'text' },
  enroller: { type: 'list' },
  open: { type: 'switch' },
  access: { type: 'text' },
  expires: { type: 'text' },
  'allow-split': { type: 'switch' },
  solo: { type: 'switch' },
  key: { type: 'text' },
  ...signerFlags,
  output: { type: 'text', short: 'o' }
}

const MEMBERS_MAX = 64
/** Flags for a network of several people. */
const MANY_ONLY = 'card root release brake beacon draw builder attest enroller output'.split(' ')
const EXPIRES_MS = 365 * DAY

/** `init`: the first trust as a request that every key in it signs; `--solo` does all of it. */
export async function init(context: Context): Promise<Outcome> {
  return context.flags.has('solo') ? await initSolo(context) : await initMany(context)
}

async function initMany(context: Context): Promise<Outcome> {
  const { flags } = context
  const desk = deskOf(context)
  for (const name of ['key', 'passphrase-fd', 'sign-with']) {
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
    beacons: await readCards(desk, flags.list('beacon')),
    drawers: await readCards(desk, flags.list('draw')),
    builders: await readBuilders(desk, flags.list('builder'))
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
  for (const name of MANY_ONLY) {
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
    const nobody = { beacons: [], drawers: [], builders: [] }
    const draft = found(context, desk, { cards: [card], enrollers, ...nobody })
    say(context, draft)
    if (context.dryRun) return { data: { trust: draft.id } }
    const entry = await signDraft(desk, draft, { key, trust: null })
    const { commitDraft } = await import('../online/commit.ts')
    return await commitDraft(context, desk, {
      draft,
      entries: [entry],
      word: 'the first trust',
      wait: 'alone',
      taken: { givenUp: [], answers: [] }
    })
  } finally {
    wipeKey(key)
  }
}

async function soloKey(context: Context, desk: Desk): Promise<SigningKey> {
  const named = context.flags.text('key')
  const keys = await listKeys(desk)
  if (named === null && keys.length > 1) {
    throw new OtaError('USAGE', `there are ${keys.length} keys here`, {
      hint: 'name one with --key LABEL'
    })
  }
  const label = named ?? keys[0]?.label ?? 'me'
  const before = keys.find((key) => key.label === label)
  if (before === undefined) return await newSoloKey(context, desk, label)
  const passphrases = new Passphrases(context)
  try {
    return await openKey(context, desk, before, { passphrases, draws: false })
  } finally {
    passphrases.wipe()
  }
}

async function newSoloKey(context: Context, desk: Desk, label: string): Promise<SigningKey> {
  if (context.flags.has('sign-with')) {
    throw new OtaError('USAGE', `there is no key "${label}" that could sign elsewhere`, {
      hint: 'make its file first: ota-publish keys new --label L --sign-with W --public KEY'
    })
  }
  if (context.dryRun) throw new OtaError('USAGE', `--dry-run makes no key "${label}"`)
  const passphrase = await newPassphrase(context, label)
  try {
    const { feedKey } = await import('../../../feed/index.ts')
    await createKey(desk, { label, passphrase, feedKeyOf: feedKey, elsewhere: null })
    return await unlockKey(desk, label, passphrase)
  } finally {
    passphrase.fill(0)
  }
}

interface People {
  readonly cards: readonly Card[]
  readonly enrollers: readonly Card[]
  readonly beacons: readonly Card[]
  readonly drawers: readonly Card[]
  readonly builders: readonly Builder[]
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
    attest: flags.count('attest', 0, MEMBERS_MAX),
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

/** `ORG=CARD` each: a builder attests for an organisation. */
async function readBuilders(desk: Desk, texts: readonly string[]): Promise<readonly Builder[]> {
  const builders: Builder[] = []
  for (const text of texts) {
    const at = text.indexOf('=')
    const organisation = text.slice(0, at)
    if (at < 1 || at === text.length - 1) {
      throw new OtaError('USAGE', `--builder ${text}: write it as ORG=CARD`)
    }
    builders.push({ organisation, card: await readCard(desk, text.slice(at + 1)) })
  }
  return builders
}
