import { alloc, fromText, PPM, toBigInt, type Bytes } from '../base/index.ts'
import { draw64, hash, hash128 } from '../trust/index.ts'

/** A rank or place: the first eight bytes of a hash, big-endian. */
export type U64 = bigint

const whole = 1n << 64n

/** Place in the order of a release. What is hashed leaves no label to grind (S59). */
export function placeOf(seed: Bytes, nodeKey: Bytes): U64 {
  return draw64('cohort', [seed, nodeKey])
}

export interface Lottery {
  readonly seed: Bytes
  readonly resume: number
}

/** Rank among the reporters of a stage: new ones at each resume. */
export function reporterRank({ seed, resume }: Lottery, stage: number, nodeKey: Bytes): U64 {
  return draw64('report', [seed, resume, stage, nodeKey])
}

/** Rank among those who may sign verdicts; the same for all three words, so a slot is a node. */
export function verdictRank({ seed, resume }: Lottery, nodeKey: Bytes): U64 {
  return draw64('verdict', [seed, resume, nodeKey])
}

export interface Delay {
  readonly lottery: Lottery
  readonly stage: number
  readonly nodeKey: Bytes
}

/** Delay of a switch or an enrolment, as a share of its window in 2⁻⁶⁴. */
export function jitterDraw({ lottery, stage, nodeKey }: Delay): U64 {
  return draw64('jitter', [lottery.seed, lottery.resume, stage, nodeKey])
}

/** Delay in ms of a switch or an enrolment within a window of `windowMs`. */
export function jitterMs(delay: Delay, windowMs: number): number {
  return portion(jitterDraw(delay), windowMs)
}

/** Delay in ms of a take-back that fleet or quorum ask for, spread over `spreadMs` (S106). */
export function undoMs(release: Bytes, nodeKey: Bytes, spreadMs: number): number {
  return portion(draw64('undo', [release, nodeKey]), spreadMs)
}

/** Delay in ms of the fetch after admission, so that turns need no bytes. */
export function prefetchMs(release: Bytes, nodeKey: Bytes, windowMs: number): number {
  return portion(draw64('prefetch', [release, nodeKey]), windowMs)
}

/** ⌊ppm · 2⁶⁴ / 10⁶⌋: the place up to which a share of the fleet reaches. */
export function shareBound(ppm: number): U64 {
  return (BigInt(ppm) << 64n) / BigInt(PPM)
}

/**
 * A reporter speaks iff its rank is below this: 1.25 · k · 2⁶⁴ / N_arm, everybody when the arm is
 * no larger. The arm is `nodes` · `armPpm`, with the size that was signed, so that readers draw the
 * same line.
 */
export function senderLine(k: number, nodes: number, armPpm: number): U64 {
  const arm = BigInt(nodes) * BigInt(armPpm)
  const wanted = BigInt(k) * 125n * BigInt(PPM)
  return arm * 100n <= wanted ? whole : (wanted << 64n) / (arm * 100n)
}

/** Verdicts are signed below this: 80 · 2⁶⁴ / N, by everybody up to 80 nodes. */
export function verdictLine(nodes: number): U64 {
  return nodes <= 80 ? whole : (80n << 64n) / BigInt(nodes)
}

/** The salt of one census: nobody can choose a key for a ticket that is drawn later. */
export function censusSalt(network: Bytes, anchor: Bytes, interval: number): Bytes {
  const count = alloc(4)
  new DataView(count.buffer, count.byteOffset, 4).setUint32(0, interval, false)
  return hash([fromText('upswell/census/1'), network, anchor, count])
}

/** Ticket of a node in a census: 128 bits, the smaller the better. */
export function censusTicket(salt: Bytes, nodeKey: Bytes): bigint {
  return toBigInt(hash128([nodeKey], salt))
}

/** Whether the ticket of a node lies below `line`; most do not, and that their first bytes tell. */
export function isTicketBelow(salt: Bytes, nodeKey: Bytes, line: bigint): boolean {
  part[0] = nodeKey
  const [a = 0, b = 0, c = 0] = hash128(part, salt, scratch)
  const head = (a << 16) | (b << 8) | c
  const most = Number(line >> 104n)
  return head <= most && (head < most || toBigInt(scratch) < line)
}

const scratch = alloc(16)
const part: Bytes[] = []

/** A node takes part in the census iff its ticket is below this: 1.25 · k · 2¹²⁸ / N̂. */
export function censusLine(k: number, nodes: number): bigint {
  return nodes * 100 <= k * 125 ? 1n << 128n : ((BigInt(k) * 125n) << 128n) / (BigInt(nodes) * 100n)
}

function portion(u: U64, windowMs: number): number {
  return Number((BigInt(Math.floor(windowMs)) * u) >> 64n)
}
