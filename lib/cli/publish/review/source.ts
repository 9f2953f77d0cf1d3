import { toHex } from '../../../base/index.ts'
import type { Recipe, Source } from '../../../records/index.ts'
import { amount, escapeText, type Output } from '../../frame/index.ts'

const DEPENDENCIES_SHOWN = 24

/** The source of a release for who is about to sign it: what is built, with what, and how. */
export function sourceLines(out: Output, source: Source, recipe: Recipe | null): string[] {
  const lines = [
    `source commit ${escapeText(source.commit)}  core ${out.id(source.core.key)}`,
    `  listing ${out.id(source.listingHash)}  recipe ${out.id(source.recipeHash)}  ` +
      `tools ${escapeText(source.toolchain)}`
  ]
  if (recipe !== null) return [...lines, ...recipeLines(recipe, out.options.long)]
  return [...lines, '  recipe not here to be listed: ota-publish pack --git REPO --tag T shows it']
}

/** What runs, and everything it may use; `long`: all of it. */
export function recipeLines(recipe: Recipe, long: boolean): string[] {
  const { steps, env, dependencies, out } = recipe
  const variables = [...env].map(([name, value]) => `${name}=${escapeText(value)}`)
  const shown = long ? dependencies : dependencies.slice(0, DEPENDENCIES_SHOWN)
  const more = dependencies.length - shown.length
  return [
    ...steps.map((argv, index) => `  step ${index + 1}: ${argv.map(escapeText).join(' ')}`),
    `  gives ${escapeText(out)}`,
    ...(env.size === 0 ? [] : [`  environment ${variables.join(' ')}`]),
    dependencies.length === 0
      ? '  dependencies none'
      : `  ${amount(dependencies.length, 'dependency', 'dependencies')}, vendored`,
    ...shown.map(({ path, hash }) => `    ${escapeText(path)}  ${toHex(hash)}`),
    ...(more === 0 ? [] : [`    and ${more} more: --long lists them`])
  ]
}

/** What was signed, as a machine reads it. */
export function sourceData(source: Source) {
  return {
    commit: source.commit,
    bundleHash: source.bundleHash,
    listingHash: source.listingHash,
    recipeHash: source.recipeHash,
    toolchain: source.toolchain,
    sourceCore: source.core.key,
    sourceBytes: source.core.bytes
  }
}

/** How it is built, as a machine reads it. */
export function recipeData({ steps, dependencies, out }: Recipe) {
  return {
    steps: steps.map((argv) => [...argv]),
    dependencies: dependencies.map(({ path, hash }) => ({ path, hash: toHex(hash) })),
    out
  }
}
