import { findJail, type JailFound } from '../jail/jail.ts'
import { canWatch } from '../netwatch/probe.ts'
import type { RehearsalOptions } from './rehearsal.ts'

/**
 * What a shadow needs of this machine, found out when it is asked for first. A jail that could not
 * be made is looked for again: what forbade it may have been set right meanwhile.
 */
export function shadowMeans(path?: string): Pick<RehearsalOptions, 'jail' | 'watches'> {
  let jail: Promise<JailFound> | null = null
  let how: ReturnType<RehearsalOptions['watches']> | null = null
  return {
    async jail() {
      jail ??= findJail({ kinds: ['unshare'], ...(path === undefined ? {} : { path }) })
      const found = await jail
      if (found.tag === 'none') jail = null
      return found
    },
    async watches(found) {
      how ??= canWatch(found, 'full').then(async (isFull) => {
        if (isFull) return 'full'
        return (await canWatch(found, 'count')) ? 'count' : null
      })
      return await how
    }
  }
}
