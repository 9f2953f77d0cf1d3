import { OtaError, type Bytes } from '../../base/index.ts'
import { cardCanonical, decodeCard, encodeCard, type Card } from '../../records/index.ts'
import { isKey, verify } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'
import type { KeyInfo } from './key-codec.ts'
import { readLineFile } from './line.ts'
import { refuseOtherFile } from './request.ts'

/** The public card of a key, signed by it. */
export async function cardOf(
  info: Omit<KeyInfo, 'isElsewhere'>,
  sign: (message: Bytes) => Promise<Bytes>
): Promise<Bytes> {
  const { label, key, feed, drawRoot } = info
  const fields = { label, key, feed, draw: { root: drawRoot, first: 0 } }
  const signature = await sign(cardCanonical(fields))
  return encodeCard(fields, () => signature)
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
