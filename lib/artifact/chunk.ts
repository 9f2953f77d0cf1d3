import { chunkBytesMax, KIB, type Bytes } from '../base/index.ts'

/**
 * Where contents are cut (gear hash; FastCDC, normalised level 2). The rule is part of encoder 1:
 * another cut gives another core key.
 */
const chunkBytesMin = 16 * KIB
/** From here on the looser mask cuts sooner. */
const chunkBytesNormal = 64 * KIB
const strictMask = 0xffffc000
const looseMask = 0xfffc0000

/** A content of this size or more is cut alone; smaller ones are grouped. */
export const groupedBelow = 64 * KIB
const groupBytesMax = 128 * KIB

const gear = gearTable()

/** The 256 numbers of the gear hash. */
export function gearTable(): Uint32Array {
  const table = new Uint32Array(256)
  let x = 0x9e3779b9
  for (let i = 0; i < 256; i += 1) {
    x = (x + 0x9e3779b9) >>> 0
    let q = x
    q = Math.imul(q ^ (q >>> 16), 0x85ebca6b)
    q = Math.imul(q ^ (q >>> 13), 0xc2b2ae35)
    table[i] = q ^ (q >>> 16)
  }
  return table
}

/**
 * Size of the chunk that begins at `from`. `bytes` must reach `chunkBytesMax` further or to the end
 * of the content.
 */
export function cut(bytes: Bytes, from: number): number {
  const end = Math.min(bytes.byteLength, from + chunkBytesMax)
  const normal = Math.min(end, from + chunkBytesNormal)
  let h = 0
  let at = from + chunkBytesMin
  for (; at < normal; at += 1) {
    h = ((h << 1) + (gear[bytes[at] ?? 0] ?? 0)) | 0
    if ((h & strictMask) === 0) return at + 1 - from
  }
  for (; at < end; at += 1) {
    h = ((h << 1) + (gear[bytes[at] ?? 0] ?? 0)) | 0
    if ((h & looseMask) === 0) return at + 1 - from
  }
  return end - from
}

/**
 * Whether a group of `groupSize` bytes closes after the content just appended to it. The content's
 * hash decides, so that an inserted file disturbs one group only.
 */
export function closesGroup(groupSize: number, contentSize: number, contentHash: Bytes): boolean {
  if (groupSize >= groupBytesMax) return true
  if (groupSize < chunkBytesMin) return false
  const [a = 0, b = 0, c = 0, d = 0] = contentHash
  const draw = a + b * 2 ** 8 + c * 2 ** 16 + d * 2 ** 24
  return draw < contentSize * 131_072
}
