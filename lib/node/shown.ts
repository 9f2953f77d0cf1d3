import { toHex, type Bytes } from '../base/index.ts'
import { rolloutsOf } from '../crowd/index.ts'
import type { State } from '../cutover/index.ts'
import type { LauncherView } from '../host/index.ts'
import type { Decision, Moment } from '../rollout/index.ts'
import type { NodeOptions, NodeParts } from './ports.ts'
import type { Remembered } from './remembered.ts'
import type { Unfit, Words } from './words.ts'

/** Everything that is shown, gathered by the conductor at one moment. */
export interface Shown {
  readonly options: NodeOptions
  readonly moment: Moment
  readonly state: State
  readonly remembered: Remembered
  readonly words: Words
  readonly unfit: readonly Unfit[]
  readonly decision: Decision | null
  readonly launcher: LauncherView
  readonly wire: Pick<NodeParts['wire'], 'peers' | 'address'>
  readonly member: boolean
  /** Slots that two keys claim: nobody speaks for them. */
  readonly doubled: number
  readonly alarms: readonly string[]
}

/** Level `notify`, here or in the release: nothing is installed, whatever its turn. */
export function tellsOnly({ moment, options }: Shown, id: Bytes): boolean {
  const asked = rolloutsOf(moment.believed).get(toHex(id))?.policy.how.level
  return options.level === 'notify' || asked === 'notify'
}
