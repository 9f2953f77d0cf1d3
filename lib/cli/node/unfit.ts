import { isOtaError, type Disk } from '../../base/index.ts'
import { makeRunSpec, readOtaJson, type Facts, type LocalApp } from '../../host/index.ts'
import type { Home } from '../../host/index.ts'

/** What is looked at to say why a release is not for this machine. */
export interface UnfitParts {
  readonly disk: Disk
  readonly home: Home
  readonly local: LocalApp
  readonly facts: Facts
}

/**
 * What a release asks for that is not here, in words, from the tree that lies in the home; "" where
 * the tree is gone, or the reason is not one of these.
 */
export async function unfitText(
  release: string,
  { disk, home, local, facts }: UnfitParts
): Promise<string> {
  try {
    const ota = await readOtaJson(disk, home.tree(release))
    makeRunSpec({ release, ota, deadlines: null }, local, facts)
    const { schema, from } = ota.state
    const here = Number((await home.pointer())?.gen.split('-')[0])
    if (Number.isSafeInteger(here) && here !== schema && !from.includes(here)) {
      const known = from.length === 0 ? 'none' : from.join(', ')
      return `its state schema ${schema} comes from ${known}, and ${here} is here`
    }
    if (here !== schema && local.migrations === 'refuse') {
      return `it moves state from schema ${here} to ${schema}, and [policy] migrations is "refuse"`
    }
    return ''
  } catch (error) {
    if (isOtaError(error)) return error.message
    throw error
  }
}
