import { OtaError, alloc, concat, copy, equal, fromText, type Bytes } from '../../base/index.ts'
import {
  Reader,
  Writer,
  cardCanonical,
  decodeCard,
  encodeCard,
  type Card
} from '../../records/index.ts'
import {
  boxCost,
  buildAnchor,
  boxCostMax,
  boxNonceBytes,
  boxSaltBytes,
  isKey,
  keyPairFromSeed,
  openSecret,
  sealSecret,
  sign,
  verify,
  wipe,
  type BoxOptions,
  type KeyPair
} from '../../trust/index.ts'
import type { Desk } from '../desk.ts'
import { fromLine, readLineFile, toLine } from './line.ts'
import { refuseOtherFile } from './request.ts'

/** The public half of a key file. */
export interface KeyInfo {
  readonly label: string
  readonly key: Bytes
  /** Key of the hypercore this person writes; a hash, not a point. */
  readonly feed: Bytes
  /** Anchor of this key's one-time values, should it be listed as a drawer. */
  readonly drawRoot: Bytes
}

/** An unlocked key. Whoever has it calls `wipeKey` in a `finally`. */
export interface UnlockedKey extends KeyInfo {
  readonly pair: KeyPair
  /** 32 secret bytes behind the anchor. */
  readonly drawSecret: Bytes
}

interface KeyFile extends KeyInfo {
  readonly options: BoxOptions
  readonly box: Bytes
  readonly bytes: Bytes
}

export interface NewKey {
  readonly label: string
  readonly passphrase: Bytes
  /** The hypercore key of a feed's public key. */
  readonly feedKeyOf: (publicKey: Bytes) => Bytes
}

const HEAD = 'upswell/key/1'
const BOX_BYTES_MAX = 256
const LABEL = /^[a-z0-9][a-z0-9.-]{0,31}$/

/**
 * Makes a signing key and a feed key, writes the encrypted key file (0600) and the feed seed, and
 * returns the card to pass on. Refuses a label that is taken (`USAGE`), also a half-made one.
 */
export async function createKey(
  desk: Desk,
  { label, passphrase, feedKeyOf }: NewKey
): Promise<{ info: KeyInfo; card: Bytes }> {
  checkLabel(label)
  await refuseTaken(desk, label)
  const seed = desk.dice.fill(alloc(32))
  const feedSeed = desk.dice.fill(alloc(32))
  const drawSecret = desk.dice.fill(alloc(32))
  const secret = concat([seed, drawSecret])
  const pair = keyPairFromSeed(seed)
  try {
    const feed = feedKeyOf(keyPairFromSeed(feedSeed).key)
    const info = { label, key: pair.key, feed, drawRoot: buildAnchor(pair.key, drawSecret).root }
    const file = await seal(desk, info, { secret, passphrase })
    await desk.disk.makeFolder(desk.places.keys, 0o700)
    await desk.disk.makeFolder(desk.places.feeds, 0o700)
    await desk.disk.create(feedPath(desk, label), toLine(feedSeed), 0o600)
    await desk.disk.create(keyPath(desk, label), toLine(file), 0o600)
    return { info, card: cardOf(info, pair) }
  } finally {
    for (const bytes of [seed, feedSeed, drawSecret, secret, pair.secret]) wipe(bytes)
  }
}

/** The keys of this person, by label. */
export async function listKeys(desk: Desk): Promise<readonly KeyInfo[]> {
  const names = await desk.disk.list(desk.places.keys)
  const labels = names.filter((name) => name.endsWith('.key')).map((name) => name.slice(0, -4))
  const found: KeyInfo[] = []
  for (const label of labels) found.push(await readKeyFile(desk, label))
  return found.map(publicHalf)
}

/**
 * The key of that label, unlocked. `USAGE` when there is none, `NO_PERMISSION` for a wrong pass
 * phrase or a file that was changed.
 */
export async function unlockKey(
  desk: Desk,
  label: string,
  passphrase: Bytes
): Promise<UnlockedKey> {
  const file = await readKeyFile(desk, label)
  const secret = await openSecret(file.box, passphrase, file.options)
  if (secret === null) throw new OtaError('NO_PERMISSION', `wrong pass phrase for key "${label}"`)
  const pair = keyPairFromSeed(secret.subarray(0, 32))
  const drawSecret = copy(secret.subarray(32))
  wipe(secret)
  const key = { ...publicHalf(file), pair, drawSecret }
  if (!equal(pair.key, file.key)) {
    wipeKey(key)
    throw new OtaError('BAD_KEY', `the key file of "${label}" holds another key than it says`)
  }
  return key
}

/** Overwrites the secret half. */
export function wipeKey(key: UnlockedKey): void {
  wipe(key.pair.secret)
  wipe(key.drawSecret)
}

/** The feed pairs this person can append with; the caller wipes them. */
export async function feedPairs(desk: Desk): Promise<readonly KeyPair[]> {
  const pairs: KeyPair[] = []
  for (const name of await desk.disk.list(desk.places.feeds)) {
    if (!name.endsWith('.feed')) continue
    const seed = await readLineFile(desk.disk, `${desk.places.feeds}/${name}`)
    pairs.push(keyPairFromSeed(seed))
    wipe(seed)
  }
  return pairs
}

/** The encrypted key file as a line of text, to carry to another machine. */
export async function exportKey(desk: Desk, label: string): Promise<Bytes> {
  return (await readKeyFile(desk, label)).bytes
}

/** Takes a key file that `exportKey` wrote; still encrypted, its feed stays where it was. */
export async function importKey(desk: Desk, line: Bytes, what: string): Promise<KeyInfo> {
  const file = decodeKeyFile(fromLine(line, what), what)
  await refuseTaken(desk, file.label)
  await desk.disk.makeFolder(desk.places.keys, 0o700)
  await desk.disk.create(keyPath(desk, file.label), toLine(file.bytes), 0o600)
  return publicHalf(file)
}

/** The public card of an unlocked key. */
function cardOf(info: KeyInfo, pair: KeyPair): Bytes {
  const { label, key, feed, drawRoot } = info
  const fields = { label, key, feed, draw: { root: drawRoot, first: 0 } }
  return encodeCard(fields, (canonical) => sign(canonical, pair))
}

/** A card from a file, its signature checked; `WRONG_TYPE` for another file of ours. */
export async function readCard(desk: Desk, path: string): Promise<Card> {
  const bytes = await readLineFile(desk.disk, path)
  refuseOtherFile(bytes, 'card', path)
  const card = decodeCard(bytes)
  if (!isKey(card.key)) throw new OtaError('BAD_KEY', `${path} holds no key`)
  if (!verify(cardCanonical(card), card.signature, card.key)) {
    throw new OtaError('BAD_SIGNATURE', `the card ${path} is not signed by the key it names`)
  }
  return card
}

function publicHalf({ label, key, feed, drawRoot }: KeyInfo): KeyInfo {
  return { label, key, feed, drawRoot }
}

function checkLabel(label: string): void {
  if (LABEL.test(label)) return
  throw new OtaError('USAGE', `"${label}" is no label`, {
    hint: 'use 1 to 32 of a-z, 0-9, "." and "-", beginning with a letter or digit'
  })
}

async function refuseTaken(desk: Desk, label: string): Promise<void> {
  for (const path of [keyPath(desk, label), feedPath(desk, label)]) {
    if ((await desk.disk.stat(path)) !== null) {
      throw new OtaError('USAGE', `there is a key "${label}" already: ${path}`)
    }
  }
}

async function seal(
  desk: Desk,
  info: KeyInfo,
  secrets: { secret: Bytes; passphrase: Bytes }
): Promise<Bytes> {
  const salt = desk.dice.fill(alloc(boxSaltBytes))
  const nonce = desk.dice.fill(alloc(boxNonceBytes))
  const options = { salt, nonce, cost: boxCost, beside: alloc(0) }
  const beside = encodePublic(info, options)
  const box = await sealSecret(secrets.secret, secrets.passphrase, { ...options, beside })
  return concat([beside, box])
}

function encodePublic(info: KeyInfo, { salt, nonce, cost }: BoxOptions): Bytes {
  const writer = new Writer('key file')
  const label = fromText(info.label)
  writer.tag(HEAD)
  writer.uint(label.byteLength)
  for (const part of [label, info.key, info.feed, info.drawRoot, salt, nonce]) writer.raw(part)
  writer.uint(cost.ops)
  writer.uint(cost.memory)
  return writer.finish()
}

function decodeKeyFile(bytes: Bytes, what: string): KeyFile {
  const reader = new Reader(bytes, what)
  reader.tag(HEAD)
  const label = String.fromCharCode(...reader.raw(Math.min(33, reader.uint())))
  checkLabel(label)
  const key = reader.raw(32)
  const feed = reader.raw(32)
  const drawRoot = reader.raw(32)
  const salt = reader.raw(boxSaltBytes)
  const nonce = reader.raw(boxNonceBytes)
  const cost = { ops: reader.uint(), memory: reader.uint() }
  // a foreign file must not make this machine stretch for hours
  if (cost.ops > boxCostMax.ops || cost.memory > boxCostMax.memory) {
    reader.fail('OVER_LIMIT', 'asks for more work than we give')
  }
  const beside = copy(reader.since(0))
  if (reader.remaining > BOX_BYTES_MAX) reader.fail('OVER_LIMIT', 'is too long')
  const box = reader.raw(reader.remaining)
  if (!isKey(key)) reader.fail('BAD_KEY', 'holds no key')
  return { label, key, feed, drawRoot, options: { salt, nonce, cost, beside }, box, bytes }
}

async function readKeyFile(desk: Desk, label: string): Promise<KeyFile> {
  checkLabel(label)
  const path = keyPath(desk, label)
  const line = await desk.disk.read(path)
  if (line === null) {
    throw new OtaError('USAGE', `there is no key "${label}"`, {
      hint: 'see: ota-publish keys list'
    })
  }
  return decodeKeyFile(fromLine(line, path), path)
}

function keyPath(desk: Desk, label: string): string {
  return `${desk.places.keys}/${label}.key`
}

function feedPath(desk: Desk, label: string): string {
  return `${desk.places.feeds}/${label}.feed`
}
