import { OtaError, fromText, toText, type Bytes } from '../../base/index.ts'
import { fromName, toName } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'

/** One thing a key said alone, as the file beside it remembers. */
export interface Acted {
  readonly kind: 'brake' | 'attest'
  readonly network: Bytes
  readonly release: Bytes
  /** Epoch of the release named. */
  readonly epoch: number
  readonly seq: number
  /** Unix ms; of an attestation both are when it was signed. */
  readonly fromMs: number
  readonly untilMs: number
  readonly id: Bytes
}

const LINE = /^(brake|attest) (\w{52}) (\w{52}) (\d+) (\d+) (\d+) (\d+) (\w{52})$/

/** What a key of this person has said alone, oldest first. Throws `JOURNAL_DAMAGED`. */
export async function readActed(desk: Desk, label: string): Promise<readonly Acted[]> {
  const path = actedPath(desk, label)
  const bytes = await desk.disk.read(path)
  if (bytes === null) return []
  const text = toText(bytes)
  // A torn last line, as a power cut leaves it, was never followed by a signature.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) await desk.disk.truncate(path, fromText(whole).byteLength)
  return whole.split('\n').slice(0, -1).map(readLine(path))
}

/** Writes down what is about to be said, before it is signed. */
export async function noteActed(desk: Desk, label: string, acted: Acted): Promise<void> {
  const { kind, network, release, epoch, seq, fromMs, untilMs, id } = acted
  const words = [kind, toName(network), toName(release), epoch, seq, fromMs, untilMs, toName(id)]
  await desk.disk.append(actedPath(desk, label), fromText(`${words.join(' ')}\n`))
}

/** The number above all that this key used for one kind in one network. */
export function nextSeq(
  acted: readonly Acted[],
  { kind, network }: { readonly kind: Acted['kind']; readonly network: Bytes }
): number {
  const own = acted.filter((one) => one.kind === kind && toName(one.network) === toName(network))
  return Math.max(0, ...own.map(({ seq }) => seq)) + 1
}

/**
 * The number of the next beacon: above what this file and the network remember of the key. It is
 * durable when this returns, so that a restart never says two things under one number (S38).
 */
export async function takeBeaconSeq(
  desk: Desk,
  label: string,
  { network, heard }: { readonly network: Bytes; readonly heard: number }
): Promise<number> {
  const path = `${desk.places.keys}/${label}.beacon`
  const bytes = await desk.disk.read(path)
  const kept = new Map<string, number>()
  for (const line of bytes === null ? [] : toText(bytes).split('\n').slice(0, -1)) {
    const match = /^(\w{52}) (\d+)$/.exec(line)
    if (match === null) throw damaged(path)
    kept.set(match[1] ?? '', Number(match[2]))
  }
  const name = toName(network)
  const seq = Math.max(kept.get(name) ?? 0, heard) + 1
  kept.set(name, seq)
  const text = [...kept].map(([network52, number]) => `${network52} ${number}\n`).join('')
  await desk.disk.writeDurable(path, fromText(text))
  return seq
}

function readLine(path: string): (line: string) => Acted {
  return (line) => {
    const match = LINE.exec(line)
    if (match === null) throw damaged(path)
    const [, kind, network = '', release = '', epoch, seq, fromMs, untilMs, id = ''] = match
    return {
      kind: kind === 'brake' ? 'brake' : 'attest',
      network: fromName(network),
      release: fromName(release),
      epoch: Number(epoch),
      seq: Number(seq),
      fromMs: Number(fromMs),
      untilMs: Number(untilMs),
      id: fromName(id)
    }
  }
}

function damaged(path: string): OtaError {
  return new OtaError('JOURNAL_DAMAGED', `${path} has a line that is none of ours`, {
    hint: 'put it back from a copy: without it a number could be used twice'
  })
}

function actedPath(desk: Desk, label: string): string {
  return `${desk.places.keys}/${label}.acts`
}
