import { cleanName } from './destination.ts'

/** What somebody asks a resolver. */
export interface Question {
  /** Lower case, without a final dot. */
  readonly name: string
  readonly type: number
  /** Where the question ends in the message. */
  readonly end: number
}

const headerBytes = 12
const labelsMax = 128
export const typeA = 1

/** The one question of a message; null for an answer, or what is no message. */
export function readQuestion(bytes: Uint8Array): Question | null {
  const [flags = 0x80, count = 0] = [bytes[2], bytes[5]]
  if (bytes.length < headerBytes || (flags & 0x80) !== 0 || count !== 1 || bytes[4] !== 0) {
    return null
  }
  const labels: string[] = []
  let at = headerBytes
  for (;;) {
    const length = bytes[at]
    if (length === undefined || length > 63 || labels.length > labelsMax) return null
    at++
    if (length === 0) break
    if (at + length > bytes.length) return null
    labels.push(String.fromCodePoint(...bytes.subarray(at, at + length)))
    at += length
  }
  if (at + 4 > bytes.length) return null
  const type = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  return { name: cleanName(labels.join('.').toLowerCase()), type, end: at + 4 }
}

/** The answer to a message: one address (IPv4), or nothing of that kind where it is null. */
export function answerTo(
  query: Uint8Array,
  question: Question,
  address: readonly number[] | null
): Uint8Array {
  const head = query.slice(0, question.end)
  // an answer, recursion there, no error; one question, no or one answer, nothing else
  head.set([0x81, 0x80, 0, 1, 0, address === null ? 0 : 1, 0, 0, 0, 0], 2)
  if (address === null) return head
  // the name of the question, A, IN, a minute, four bytes
  const record = [0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, ...address]
  return Uint8Array.from([...head, ...record])
}
