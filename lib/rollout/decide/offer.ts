import type { Code } from '../../base/index.ts'
import type { Artifact } from '../../records/index.ts'

/** What a release has for one platform. */
export interface Offer {
  /** Null: nothing that a node of this version installs. */
  readonly artifact: Artifact | null
  readonly text: string
  readonly code: Code | null
}

/**
 * The tree a release has for this platform, whole or nothing: wanted and has where there is none
 * (S49); where one of its components is missing here, none of the others is used (S51).
 */
export function offerFor(artifacts: readonly Artifact[], platform: string): Offer {
  if (artifacts.length === 0) {
    // S52: there is no signed tree that a build could be held against
    const lacks = `${platform}, offered: a source alone, of which no tree is signed`
    return { artifact: null, text: lacks, code: 'NOT_ELIGIBLE' }
  }
  const here = artifacts.filter((one) => one.platform === platform)
  const offered = [...new Set(artifacts.map((one) => one.platform))].join(', ')
  const text = `${platform}, offered: ${offered}`
  if (here.length === 0) return { artifact: null, text, code: 'NOT_ELIGIBLE' }
  const all = [...new Set(artifacts.map(({ component }) => component))]
  const missing = all.filter((name) => !here.some(({ component }) => component === name))
  if (missing.length > 0) {
    const lacks = `${platform} lacks ${named(missing)} of ${named(all)}: nothing of it is used`
    return { artifact: null, text: lacks, code: 'INCOMPLETE' }
  }
  const artifact = here.find(({ component }) => component === '') ?? null
  if (artifact !== null && all.length === 1) return { artifact, text, code: null }
  const several = `it has ${named(all)}, this version installs releases of one unnamed component`
  return { artifact: null, text: several, code: 'NOT_ELIGIBLE' }
}

function named(components: readonly string[]): string {
  const names = components.map((name) => (name === '' ? '(unnamed)' : name))
  return `${components.length === 1 ? 'component' : 'components'} ${names.join(', ')}`
}
