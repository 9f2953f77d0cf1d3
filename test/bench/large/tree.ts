import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { concat, fromText, type Bytes } from '../../../lib/base/index.ts'
import { Dice } from '../../fuzz/dice.ts'

/** What a large tree is made of; sizes in bytes, from and to. */
const sorts = {
  source: { share: 0.95, sizes: [1_000, 26_000], text: true },
  bundle: { share: 0.048, sizes: [50_000, 250_000], text: true },
  program: { share: 0.002, sizes: [2_000_000, 8_000_000], text: false }
} as const

type Sort = keyof typeof sorts

/** In how many of a hundred files something is changed in the second version. */
const changedOf100: Readonly<Record<Sort, number>> = { source: 8, bundle: 10, program: 50 }

/** Lines and snippets that come again and again, as in any code. */
interface Stock {
  readonly lines: readonly Bytes[]
  readonly snippets: readonly Bytes[]
}

/**
 * Writes the first or the second version of a tree of `files` files, about 30 KB each: text by
 * lines, programs full of addresses that all move when something is put in, and a little that no
 * coder makes smaller. The second version has files changed, gone, new and renamed. The same seed
 * gives the same trees.
 */
export async function writeLargeTree(
  folder: string,
  {
    seed,
    files,
    version
  }: { readonly seed: string; readonly files: number; readonly version: 1 | 2 }
): Promise<void> {
  const stock = stockOf(new Dice(seed, -1))
  await write(join(folder, 'ota.json'), fromText(`{"version":"${version}.0.0"}`), 0o644)
  for (let i = 0; i < files; i += 1) {
    const dice = new Dice(seed, i)
    const sort = sortOf(i, files)
    const path = `${sort}/${dice.pick(syllables)}${dice.below(40)}/${words(dice, 1)}-${i}`
    const fate = new Dice(`${seed} fate`, i)
    const isChanged = fate.below(100) < changedOf100[sort]
    // of a thousand sources five are only in the first version, five in the second, five move
    const lot = sort === 'source' ? fate.below(1_000) : 1_000
    if (lot < 5 ? version === 2 : lot < 10 && version === 1) continue
    const at = version === 2 && lot >= 10 && lot < 15 ? `moved/${path}` : path
    const bytes = content(sort, dice, stock, version === 2 && isChanged ? fate : null)
    await write(join(folder, at), bytes, sort === 'program' ? 0o755 : 0o644)
  }
}

function sortOf(index: number, files: number): Sort {
  const programs = Math.ceil(files * sorts.program.share)
  const bundles = Math.ceil(files * sorts.bundle.share)
  return index < programs ? 'program' : index < programs + bundles ? 'bundle' : 'source'
}

function content(sort: Sort, dice: Dice, stock: Stock, change: Dice | null): Bytes {
  const [from, to] = sorts[sort].sizes
  const size = from + dice.below(to - from)
  if (sorts[sort].text) return text(size, dice, stock, change)
  return program(size, dice, stock, change)
}

function text(size: number, dice: Dice, { lines }: Stock, change: Dice | null): Bytes {
  const parts: Bytes[] = []
  for (let made = 0; made < size;) {
    const line = dice.chance(2, 3) ? dice.pick(lines) : fromText(`${words(dice, 6)};\n`)
    if (change?.chance(1, 40) === true) parts.push(fromText(`// ${words(change, 5)}\n`))
    parts.push(line)
    made += line.byteLength
  }
  return concat(parts)
}

/** Snippets, each with the address of another: one snippet more, and all later addresses move. */
function program(size: number, dice: Dice, { snippets }: Stock, change: Dice | null): Bytes {
  const out = new Uint8Array(size + 4_096)
  const view = new DataView(out.buffer)
  const packed = dice.bytes(size >> 4)
  out.set(packed)
  let at = packed.byteLength
  const more = change === null ? 0 : 64 + 16 * change.below(64)
  const put = at + Math.floor((size - at) / (2 + dice.below(6)))
  let isPut = more === 0
  while (at < size) {
    if (!isPut && at >= put && change !== null) {
      out.set(change.bytes(more), at)
      at += more
      isPut = true
    }
    const snippet = dice.pick(snippets)
    out.set(snippet, at)
    at += snippet.byteLength
    const target = packed.byteLength + dice.below(size - packed.byteLength)
    view.setUint32(at, target >= put ? target + more : target, true)
    at += 4
  }
  return out.subarray(0, at)
}

function stockOf(dice: Dice): Stock {
  const lines = Array.from({ length: 6_000 }, () =>
    fromText(`${' '.repeat(2 * dice.below(4))}${words(dice, 3 + dice.below(6))}\n`)
  )
  const snippets = Array.from({ length: 700 }, () => dice.bytes(6 + dice.below(30)))
  return { lines, snippets }
}

const syllables = 'ar be con di er fo get im let map no on put re set ti un val wi ex'.split(' ')

function words(dice: Dice, count: number): string {
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + dice.below(4) }, () => dice.pick(syllables)).join('')
  ).join(' ')
}

const folders = new Set<string>()

async function write(path: string, bytes: Bytes, mode: number): Promise<void> {
  const folder = dirname(path)
  if (!folders.has(folder)) await mkdir(folder, { recursive: true })
  folders.add(folder)
  await writeFile(path, bytes)
  if (mode !== 0o644) await chmod(path, mode)
}
