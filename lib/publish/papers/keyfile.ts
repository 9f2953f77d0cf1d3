import { OtaError, alloc, concat, copy, equal, type Bytes } from '../../base/index.ts'
import {
  boxCost,
  boxNonceBytes,
  boxSaltBytes,
  buildAnchor,
  isKey,
  keyPairFromSeed,
  openSecret,
  sealSecret,
  sign,
  verify,
  wipe,
  type KeyPair
} from '../../trust/index.ts'
import type { Desk } from '../desk.ts'
import { cardOf } from './card.ts'
import { checkLabel, decodeKeyFile, encodePublic, type KeyFile, type KeyInfo } from './key-codec.ts'
import { fromLine, readLineFile, toLine } from './line.ts'

export type { KeyInfo } from './key-codec.ts'

/** A key that can sign now, wherever it lies. */
export interface SigningKey extends KeyInfo {
  /** A raw signature over exactly these bytes. */
  readonly sign: (message: Bytes) => Promise<Bytes>
  /** 32 secret bytes behind the anchor; null while the key file was not opened. */
  readonly drawSecret: Bytes | null
}

/** A key whose seed lies in its file, unlocked. Whoever has it calls `wipeKey` in a `finally`. */
export interface UnlockedKey extends SigningKey {
  readonly pair: KeyPair
  readonly drawSecret: Bytes
}

/** Gives a raw signature over a message with a key that lies elsewhere. */
export type Elsewhere = (message: Bytes) => Promise<Bytes>

/** Whoever signs with a key that is being made; the seed is here only if the key is. */
interface Holder {
  readonly key: Bytes
  readonly sign: Elsewhere
  readonly seed: Bytes | null
}

export interface NewKey {
  readonly label: string
  readonly passphrase: Bytes
  /** The hypercore key of a feed's public key. */
  readonly feedKeyOf: (publicKey: Bytes) => Bytes
  /** A key that an agent or another program holds; null makes one here. */
  readonly elsewhere: { readonly key: Bytes; readonly sign: Elsewhere } | null
}

/**
 * Makes a signing key and a feed key, writes the encrypted key file (0600) and the feed seed, and
 * returns the card to pass on. Of a key that lies elsewhere the file has the draw secret alone, and
 * nothing is written before it has signed its card. Refuses a label that is taken (`USAGE`), also a
 * half-made one.
 */
export async function createKey(
  desk: Desk,
  { label, passphrase, feedKeyOf, elsewhere }: NewKey
): Promise<{ info: KeyInfo; card: Bytes }> {
  checkLabel(label)
  await refuseTaken(desk, label)
  const secrets: Bytes[] = []
  const random = (): Bytes => {
    const bytes = alloc(32)
    secrets.push(bytes)
    return desk.dice.fill(bytes)
  }
  const pairOf = (seed: Bytes): KeyPair => {
    const made = keyPairFromSeed(seed)
    secrets.push(made.secret)
    return made
  }
  const ownKey = (): Holder => {
    const seed = random()
    const pair = pairOf(seed)
    return { key: pair.key, seed, sign: async (message) => sign(message, pair) }
  }
  try {
    const {
      key,
      seed,
      sign: signing
    } = elsewhere === null ? ownKey() : { ...elsewhere, seed: null }
    if (!isKey(key)) throw new OtaError('BAD_KEY', `what is to be key "${label}" is no Ed25519 key`)
    const [feedSeed, drawSecret] = [random(), random()]
    const feed = feedKeyOf(pairOf(feedSeed).key)
    const drawRoot = buildAnchor(key, drawSecret).root
    const info = { label, key, feed, drawRoot, isElsewhere: seed === null }
    const card = await cardOf(info, verified(info, signing))
    const secret = concat(seed === null ? [drawSecret] : [seed, drawSecret])
    secrets.push(secret)
    const file = await seal(desk, info, { secret, passphrase })
    await desk.disk.makeFolder(desk.places.keys, 0o700)
    await desk.disk.makeFolder(desk.places.feeds, 0o700)
    const line = toLine(feedSeed)
    secrets.push(line)
    await desk.disk.create(feedPath(desk, label), line, 0o600)
    await desk.disk.create(keyPath(desk, label), toLine(file), 0o600)
    return { info, card }
  } finally {
    for (const bytes of secrets) wipe(bytes)
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
 * The key of that label, unlocked. `USAGE` when there is none or its file has no seed,
 * `NO_PERMISSION` for a wrong pass phrase or a file that was changed.
 */
export async function unlockKey(
  desk: Desk,
  label: string,
  passphrase: Bytes
): Promise<UnlockedKey> {
  const file = await readKeyFile(desk, label)
  if (file.isElsewhere) {
    throw new OtaError('USAGE', `key "${label}" lies elsewhere: its file has no seed`, {
      hint: 'give --sign-with ssh-agent, or --sign-with "PROGRAM ARG..."'
    })
  }
  const secret = await openBox(file, passphrase)
  try {
    const pair = keyPairFromSeed(secret.subarray(0, 32))
    const drawSecret = copy(secret.subarray(32))
    const signing = async (message: Bytes): Promise<Bytes> => sign(message, pair)
    const key = { ...publicHalf(file), pair, drawSecret, sign: signing }
    if (equal(pair.key, file.key)) return key
    wipeKey(key)
    throw new OtaError('BAD_KEY', `the key file of "${label}" holds another key than it says`)
  } finally {
    wipe(secret)
  }
}

/**
 * The key of that label with which another program signs. Its file is opened only where
 * `passphrase` is given: a drawer needs it for her value. What comes back is verified:
 * `BAD_SIGNATURE` where it is no signature of this key over these bytes. Errors as `unlockKey`.
 */
export async function keyElsewhere(
  desk: Desk,
  label: string,
  how: { readonly sign: Elsewhere; readonly passphrase: Bytes | null }
): Promise<SigningKey> {
  const file = await readKeyFile(desk, label)
  const info = publicHalf(file)
  const signing = verified(info, how.sign)
  if (how.passphrase === null) return { ...info, drawSecret: null, sign: signing }
  const secret = await openBox(file, how.passphrase)
  try {
    return { ...info, drawSecret: copy(secret.subarray(-32)), sign: signing }
  } finally {
    wipe(secret)
  }
}

/** Overwrites the secret half. */
export function wipeKey(key: SigningKey & { readonly pair?: KeyPair }): void {
  if (key.pair !== undefined) wipe(key.pair.secret)
  if (key.drawSecret !== null) wipe(key.drawSecret)
}

/** The feed pairs this person can append with; the caller wipes them. */
export async function feedPairs(desk: Desk): Promise<readonly KeyPair[]> {
  const pairs: KeyPair[] = []
  try {
    for (const name of await desk.disk.list(desk.places.feeds)) {
      if (!name.endsWith('.feed')) continue
      const seed = await readLineFile(desk.disk, `${desk.places.feeds}/${name}`)
      pairs.push(keyPairFromSeed(seed))
      wipe(seed)
    }
    return pairs
  } catch (error) {
    for (const { secret } of pairs) wipe(secret)
    throw error
  }
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

function publicHalf({ label, key, feed, drawRoot, isElsewhere }: KeyInfo): KeyInfo {
  return { label, key, feed, drawRoot, isElsewhere }
}

/** What another program signs is believed when it verifies. */
function verified({ label, key }: KeyInfo, signing: Elsewhere): Elsewhere {
  return async (message) => {
    const signature = await signing(message)
    if (verify(message, signature, key)) return signature
    throw new OtaError('BAD_SIGNATURE', `what signs for "${label}" gave no signature of that key`, {
      hint: 'it signed with another key, or not exactly the bytes it was given'
    })
  }
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

async function openBox(file: KeyFile, passphrase: Bytes): Promise<Bytes> {
  const secret = await openSecret(file.box, passphrase, file.options)
  if (secret !== null) return secret
  throw new OtaError('NO_PERMISSION', `wrong pass phrase for key "${file.label}"`)
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
