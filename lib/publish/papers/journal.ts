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

/** Kinds of numbers that a statement takes for good. */
export type Numbered =
  | { readonly tag: 'release'; readonly channel: string; readonly epoch: number }
  | { readonly tag: 'draw' }
  | { readonly tag: 'trust' }
  | { readonly tag: 'resume'; readonly release: Bytes }

/**
 * The places a statement takes. T1 takes none: another draft of it is another network. Of controls
 * only a resume takes one, its number; pause, abort and widen stand under the number in force, and
 * one signer may well pause and then abort.
 */
export function placesOf(network: Bytes, body: Body): readonly Place[] {
  const place = (kind: Numbered, number: number, text: string): Place => {
    return { slot: `${slotOf(network, kind)} ${number}`, text }
  }
  if (body.tag === 'release') {
    const { channel, epoch, seq, drawNumber } = body.release
    const order = `${channel} epoch ${epoch} seq ${seq}`
    const taken = [place({ tag: 'release', channel, epoch }, seq, order)]
    if (drawNumber !== null) taken.push(place({ tag: 'draw' }, drawNumber, `draw ${drawNumber}`))
    return taken
  }
  if (body.tag === 'trust' && body.trust.version > 1) {
    const { version } = body.trust
    return [place({ tag: 'trust' }, version, `trust ${version}`)]
  }
  if (body.tag === 'control' && body.control.action === 'resume') {
    const { release, resume } = body.control
    const text = `resume ${resume} of ${toShortName(release)}`
    return [place({ tag: 'resume', release }, resume, text)]
  }
  return []
}

/**
 * Writes down what is about to be signed, before it is. Throws `EQUIVOCATION` when this key signed
 * another statement with the same number (S98); the same statement again is fine. A line that
 * another process wrote meanwhile counts: who stands first in the file has the number.
 */
export async function journalSignature(
  desk: Desk,
  label: string,
  { id, places }: { readonly id: Bytes; readonly places: readonly Place[] }
): Promise<void> {
  const name = toName(id)
  const before = await readJournal(desk, label)
  refuseTaken(before, label, { name, places })
  const fresh = places.filter(({ slot }) => !before.has(slot))
  if (fresh.length === 0) return
  const lines = fresh.map(({ slot }) => `${name} ${slot}\n`).join('')
  await desk.disk.append(pathOf(desk, label), fromText(lines))
  refuseTaken(await readJournal(desk, label), label, { name, places })
}

/**
 * The highest number of that kind that any key here has signed; null for none. Whoever drafts goes
 * above it: this person could not sign the same number again.
 */
export async function highestSigned(
  desk: Desk,
  network: Bytes,
  kind: Numbered
): Promise<number | null> {
  const prefix = `${slotOf(network, kind)} `
  let highest: number | null = null
  for (const file of await desk.disk.list(desk.places.keys)) {
    if (!file.endsWith('.journal')) continue
    const signed = await readJournal(desk, file.slice(0, -'.journal'.length))
    for (const slot of signed.keys()) {
      const number = slot.startsWith(prefix) ? Number(slot.slice(prefix.length)) : NaN
      if (Number.isSafeInteger(number)) highest = Math.max(highest ?? 0, number)
    }
  }
  return highest
}

function slotOf(network: Bytes, kind: Numbered): string {
  const head = `${kind.tag} ${toName(network)}`
  if (kind.tag === 'release') return `${head} ${kind.channel} ${kind.epoch}`
  return kind.tag === 'resume' ? `${head} ${toName(kind.release)}` : head
}

function refuseTaken(
  signed: ReadonlyMap<string, string>,
  label: string,
  { name, places }: { readonly name: string; readonly places: readonly Place[] }
): void {
  for (const { slot, text } of places) {
    const other = signed.get(slot)
    if (other === undefined || other === name) continue
    throw new OtaError('EQUIVOCATION', `"${label}" already signed another ${text}`, {
      hint: `it signed ${other.slice(0, 8)}; give ${name.slice(0, 8)} a number of its own`,
      facts: { label, place: text, signed: other, asked: name }
    })
  }
}

/**
 * Slot → the id that took it first. A torn last line (power cut while appending) was never followed
 * by a signature.
 */
async function readJournal(desk: Desk, label: string): Promise<ReadonlyMap<string, string>> {
  const path = pathOf(desk, label)
  const signed = new Map<string, string>()
  const bytes = await desk.disk.read(path)
  if (bytes === null) return signed
  const text = toText(bytes)
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) await desk.disk.truncate(path, fromText(whole).byteLength)
  for (const line of whole.split('\n').slice(0, -1)) {
    const space = line.indexOf(' ')
    if (space < 1) throw new OtaError('JOURNAL_DAMAGED', `${path} has a line that is none of ours`)
    const slot = line.slice(space + 1)
    if (!signed.has(slot)) signed.set(slot, line.slice(0, space))
  }
  return signed
}

function pathOf(desk: Desk, label: string): string {
  return `${desk.places.keys}/${label}.journal`
}
