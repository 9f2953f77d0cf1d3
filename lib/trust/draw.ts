import { alloc, assert, concat, equal, fromText, type Bytes } from '../base/index.ts'
import { hash } from './hash.ts'
import { wipe } from './secretbox.ts'

/** Levels of an anchor's Merkle tree. */
const depth = 12
/** One-time values of an anchor: eleven years of daily releases at a proof of 416 bytes. */
export const drawValues = 2 ** depth
/** A one-time value and its twelve siblings. */
const drawProofBytes = 32 + 32 * depth

/**
 * H(tag, fields): BLAKE2b-256 with every part length-prefixed, so that no two lists of fields have
 * the same bytes. Numbers are u32.
 */
export function drawHash(tag: string, fields: readonly (Bytes | number)[]): Bytes {
  return hash([laidOut(tag, fields)])
}

/** The same over fields that nobody may find in memory afterwards. */
function secretHash(tag: string, fields: readonly (Bytes | number)[]): Bytes {
  const whole = laidOut(tag, fields)
  const digest = hash([whole])
  wipe(whole)
  return digest
}

function laidOut(tag: string, fields: readonly (Bytes | number)[], into?: Bytes): Bytes {
  const name = tagBytes(tag)
  let size = name.byteLength
  for (const field of fields) size += 4 + (typeof field === 'number' ? 4 : field.byteLength)
  // one buffer for all parts: a fleet that is simulated draws some million times
  const isRoomy = into !== undefined && size <= into.byteLength
  const whole = isRoomy ? into.subarray(0, size) : alloc(size)
  const view = isRoomy ? scratchView : new DataView(whole.buffer, whole.byteOffset, size)
  whole.set(name)
  let at = name.byteLength
  for (const field of fields) {
    if (typeof field === 'number') {
      view.setUint32(at, 4, true)
      view.setUint32(at + 4, field, true)
      at += 8
      continue
    }
    view.setUint32(at, field.byteLength, true)
    whole.set(field, at + 4)
    at += 4 + field.byteLength
  }
  return whole
}

/** The first eight bytes of H, big-endian: a place in the order, a rank, a share of a delay. */
export function draw64(tag: string, fields: readonly (Bytes | number)[]): bigint {
  single[0] = laidOut(tag, fields, scratch)
  hash(single, undefined, drawn)
  return drawnView.getBigUint64(0, false)
}

/** What is public and over with the call needs no memory of its own: there are millions. */
const scratch = alloc(256)
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.byteLength)
const drawn = alloc(32)
const drawnView = new DataView(drawn.buffer, drawn.byteOffset, 32)
const single: Bytes[] = []

/** A tag with its length before it; the tags are the constants of this program. */
function tagBytes(tag: string): Bytes {
  const held = tags.get(tag)
  if (held !== undefined) return held
  const bytes = prefixed(fromText(`upswell/1/crowd/${tag}`))
  tags.set(tag, bytes)
  return bytes
}

const tags = new Map<string, Bytes>()

/** The commitment of a drawer to 4 096 one-time values; `levels[0]` are the leaves. */
export interface Anchor {
  readonly key: Bytes
  readonly secret: Bytes
  readonly root: Bytes
  readonly levels: readonly (readonly Bytes[])[]
}

/**
 * Builds the anchor of a drawer's key from 32 secret bytes, made for this anchor alone: an anchor
 * is replaced, never used again, when a key changes hands (S100). Takes about 50 ms. Of the secret
 * and the values nothing stays behind but `secret` itself, which the caller wipes.
 */
export function buildAnchor(key: Bytes, secret: Bytes): Anchor {
  assert(secret.byteLength === 32, 'the secret of an anchor has 32 bytes')
  let level: readonly Bytes[] = Array.from({ length: drawValues }, (_, index) => {
    const value = valueAt(secret, index)
    const leaf = secretHash('draw-leaf', [key, index, value])
    wipe(value)
    return leaf
  })
  const levels = [level]
  while (level.length > 1) {
    level = pairs(level)
    levels.push(level)
  }
  const [root] = level
  assert(root !== undefined, 'a tree has a root')
  return { key, secret, root, levels }
}

/** Value and path for the value at `index` (0 to 4 095), as they lie in a drawer's entry. */
export function proofAt(anchor: Anchor, index: number): Bytes {
  assert(index >= 0 && index < drawValues, 'a draw index lies in the anchor')
  const parts = [valueAt(anchor.secret, index)]
  for (let bit = 0; bit < depth; bit++) {
    const sibling = anchor.levels[bit]?.[(index >> bit) ^ 1]
    assert(sibling !== undefined, 'every node below the root has a sibling')
    parts.push(sibling)
  }
  return concat(parts)
}

/** The siblings in a proof, lowest first. */
export function proofPath(proof: Bytes): readonly Bytes[] {
  return Array.from({ length: depth }, (_, bit) => proof.slice(32 + bit * 32, 64 + bit * 32))
}

/** What a proof is checked against: one drawer's line in the trust that the release names. */
export interface DrawClaim {
  readonly key: Bytes
  readonly root: Bytes
  readonly first: number
  readonly drawNumber: number
}

/** The one-time value in `proof`, or null where its path does not meet the root (S100). */
export function checkProof(proof: Bytes, claim: DrawClaim): Bytes | null {
  const index = claim.drawNumber - claim.first
  if (proof.byteLength !== drawProofBytes || index < 0 || index >= drawValues) return null
  const value = proof.slice(0, 32)
  let node = leafOf(claim.key, index, value)
  for (let bit = 0; bit < depth; bit++) {
    const sibling = proof.subarray(32 + bit * 32, 64 + bit * 32)
    node = (index >> bit) & 1 ? nodeOf(sibling, node) : nodeOf(node, sibling)
  }
  return equal(node, claim.root) ? value : null
}

/**
 * The seed of a release's order: over its id and the values of exactly the drawers it names, in key
 * order. Nobody named: over the id alone, and the drafter could steer it (S59).
 */
export function seedOf(releaseId: Bytes, values: readonly Bytes[]): Bytes {
  return drawHash('seed', [releaseId, ...values])
}

function valueAt(secret: Bytes, index: number): Bytes {
  return secretHash('draw-value', [secret, index])
}

function leafOf(key: Bytes, index: number, value: Bytes): Bytes {
  return drawHash('draw-leaf', [key, index, value])
}

function nodeOf(left: Bytes, right: Bytes): Bytes {
  return drawHash('draw-node', [left, right])
}

function pairs(level: readonly Bytes[]): readonly Bytes[] {
  const above: Bytes[] = []
  for (let index = 0; index + 1 < level.length; index += 2) {
    const left = level[index]
    const right = level[index + 1]
    assert(left !== undefined && right !== undefined, 'a level has an even number of nodes')
    above.push(nodeOf(left, right))
  }
  return above
}

function u32(value: number): Bytes {
  const bytes = alloc(4)
  new DataView(bytes.buffer, bytes.byteOffset, 4).setUint32(0, value, true)
  return bytes
}

function prefixed(bytes: Bytes): Bytes {
  return concat([u32(bytes.byteLength), bytes])
}
