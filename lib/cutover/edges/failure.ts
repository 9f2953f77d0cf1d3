import { unreachable } from '../../base/index.ts'
import type { SlotEvent } from '../events.ts'
import type { Reason } from '../reasons.ts'

/** Why an event of a new version's process ends its hand-over or its trial; null: it does not. */
export function failureOf(event: SlotEvent): Reason | null {
  switch (event.tag) {
    case 'exited':
    case 'ended':
      return 'exit'
    case 'unhealthy':
      return 'health'
    case 'start-timeout':
    case 'takeover-timeout':
      return 'start-timeout'
    case 'watchdog':
      return 'watchdog'
    case 'over-limit':
      return 'over-limit'
    case 'starved':
      // S75: another one's hunger is no fault of the release.
      return 'neighbour'
    case 'start-failed':
      return event.reason
    case 'healthy':
    case 'loaded':
    case 'primary':
    case 'released':
    case 'release-timeout':
      return null
    default:
      return unreachable(event)
  }
}
