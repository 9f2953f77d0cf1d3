import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packTree } from '../../lib/artifact/index.ts'
import { fromText, toHex, type Bytes } from '../../lib/base/index.ts'
import { realDisk } from '../../lib/host/index.ts'
import { Hasher } from '../../lib/trust/index.ts'

/** What encoder 1 makes of the corpus: who gets the same can make any tree core whole. */
export interface Encoded {
  readonly treeDigest: string
  readonly coreKey: string
  /** Stored size of every block, head first. */
  readonly blockSizes: readonly number[]
  /** BLAKE2b-256 of all blocks, one after the other. */
  readonly blocksHash: string
}

/** Packs the corpus on this Node. */
export async function encodeCorpus(): Promise<Encoded> {
  const folder = await mkdtemp(join(tmpdir(), 'corpus-'))
  try {
    for (const [path, bytes] of corpus()) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), bytes)
    }
    const pack = await packTree(realDisk(), folder, 'linux-x64')
    const hasher = new Hasher()
    for await (const block of pack.blocks()) hasher.update(block)
    return {
      treeDigest: toHex(pack.treeDigest),
      coreKey: toHex(pack.core.key),
      blockSizes: pack.blockSizes,
      blocksHash: toHex(hasher.final())
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Files of all sorts: text, a program's tables, what repeats, what nothing makes smaller. */
function corpus(): readonly (readonly [path: string, bytes: Bytes])[] {
  const small = Array.from(
    { length: 40 },
    (_, i) => [`src/part-${i}.js`, text(500 + 613 * i, 100 + i)] as const
  )
  return [
    ...small,
    ['lib/large.js', text(900_000, 1)],
    ['bin/program', program(1_200_000)],
    ['data/zeros', new Uint8Array(300_000)],
    ['data/noise', noise(200_000, 5)],
    ['data/pages', pages(400_000)],
    ['data/numbers.json', fromText(JSON.stringify(Array.from(noise(90_000, 9), Number)))]
  ]
}

/** xorshift32: the same on every machine. */
function* dice(seed: number): Generator<number, never> {
  for (let x = seed; ;) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    yield x >>> 0
  }
}

function noise(size: number, seed: number): Bytes {
  const next = dice(seed)
  return Uint8Array.from({ length: size }, () => next.next().value & 255)
}

const words = 'const let of if else return await for new this null node chunk patch tree'.split(' ')

function text(size: number, seed: number): Bytes {
  const next = dice(seed)
  const lines: string[] = []
  for (let made = 0; made < size;) {
    const count = 2 + (next.next().value % 9)
    const line = Array.from({ length: count }, () => {
      const draw = next.next().value
      const word = words[draw % words.length] ?? ''
      return draw % 5 === 0 ? `${word}${draw % 997}` : word
    }).join(' ')
    lines.push(line)
    made += line.length + 1
  }
  return fromText(lines.join('\n')).slice(0, size)
}

/** Snippets that come again, with addresses between them. */
function program(size: number): Bytes {
  const next = dice(77)
  const snippets = Array.from({ length: 300 }, (_, i) => noise(6 + (i % 23), 1_000 + i))
  const out = new Uint8Array(size)
  const view = new DataView(out.buffer)
  for (let at = 0; at + 40 < size;) {
    const snippet = snippets[next.next().value % snippets.length] ?? out.subarray(0, 1)
    out.set(snippet, at)
    at += snippet.byteLength
    view.setUint32(at, next.next().value % size, true)
    at += 4
  }
  return out
}

/** Zeros with a few spoiled bytes. */
function pages(size: number): Bytes {
  const next = dice(31)
  const out = new Uint8Array(size)
  for (let i = 0; i < 200; i += 1) out[next.next().value % size] = 1 + (i % 200)
  return out
}
