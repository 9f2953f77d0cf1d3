import { OtaError, fromText, toText, type Bytes } from '../../base/index.ts'
import type { Body } from '../../records/index.ts'
import { toName, toShortName } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'

/** What a signer may sign once only, as one text: a place in the order, or a trust version. */
export interface Place {
  readonly slot: string
  /** For people. */
  readonly text: string
}

/**
 * The places a statement takes. T1 takes none: another draft of it is another network. Controls may
 * repeat (two resumes of one number both count).
 */
export function placesOf(network: Bytes, body: Body): readonly Place[] {
  if (body.tag === 'release') {
    const { channel, epoch, seq, drawNumber } = body.release
    const slot = `release ${toName(network)} ${channel} ${epoch} ${seq}`
    const place = { slot, text: `${channel} epoch ${epoch} seq ${seq}` }
    if (drawNumber === null) return [place]
    const draw = { slot: `draw ${toName(network)} ${drawNumber}`, text: `draw ${drawNumber}` }
    return [place, draw]
  }
  if (body.tag === 'trust' && body.trust.version > 1) {
    const { version } = body.trust
    return [{ slot: `trust ${toName(network)} ${version}`, text: `trust ${version}` }]
  }
  return []
}

/**
 * Writes down what is about to be signed, before it is. Throws `EQUIVOCATION` when this key signed
 * another statement with the same number (S98); the same statement again is fine.
 */
export async function journalSignature(
  desk: Desk,
  label: string,
  { id, places }: { readonly id: Bytes; readonly places: readonly Place[] }
): Promise<void> {
  const path = `${desk.places.keys}/${label}.journal`
  const signed = await readJournal(desk, path)
  const fresh: string[] = []
  for (const { slot, text } of places) {
    const before = signed.get(slot)
    if (before === toName(id)) continue
    if (before !== undefined) {
      throw new OtaError('EQUIVOCATION', `"${label}" already signed another ${text}`, {
        hint: `it signed ${before.slice(0, 8)}; give ${toShortName(id)} a number of its own`,
        facts: { label, place: text, signed: before, asked: toName(id) }
      })
    }
    fresh.push(`${toName(id)} ${slot}\n`)
  }
  if (fresh.length > 0) await desk.disk.append(path, fromText(fresh.join('')))
}

/** Slot → id. A torn last line (power cut while appending) was never followed by a signature. */
async function readJournal(desk: Desk, path: string): Promise<Map<string, string>> {
  const signed = new Map<string, string>()
  const bytes = await desk.disk.read(path)
  if (bytes === null) return signed
  const text = toText(bytes)
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) await desk.disk.truncate(path, fromText(whole).byteLength)
  for (const line of whole.split('\n').slice(0, -1)) {
    const space = line.indexOf(' ')
    if (space < 1) throw new OtaError('JOURNAL_DAMAGED', `${path} has a line that is none of ours`)
    signed.set(line.slice(space + 1), line.slice(0, space))
  }
  return signed
}
