import { OtaError, equal, type Bytes } from '../../base/index.ts'
import { toShortName, type Believed } from '../../trust/index.ts'
import { draftOf, type Draft } from '../papers/request.ts'
import { currentTrust, headOf } from './control.ts'

/** Slots that one statement can name. */
const SLOTS_MAX = 256

/** What is to end: a whole invite, or some slots of it. */
export interface Ended {
  /** Key of the invite. */
  readonly invite: Bytes
  /** Empty: all of it. */
  readonly slots: readonly number[]
}

/**
 * The end of an invite or of some slots, as a draft that one enrol key signs. `USAGE` in an open
 * network, and for more slots than one statement can name; `NOTHING_TO_DO` where it is over.
 */
export function draftRevoke(believed: Believed, ended: Ended, nowMs: number): Draft {
  const trust = currentTrust(believed)
  if (trust.body.membership === 'open') {
    throw new OtaError('USAGE', `${trust.body.name} is open: there are no invites to revoke`)
  }
  if (ended.slots.length > SLOTS_MAX) {
    throw new OtaError('USAGE', `${ended.slots.length} slots at once, at most ${SLOTS_MAX}`, {
      hint: 'revoke the whole invite, or do it in parts'
    })
  }
  if (isOver(believed, ended)) {
    const what = ended.slots.length === 0 ? 'it' : `slot ${ended.slots.join(', ')} of it`
    throw new OtaError('NOTHING_TO_DO', `invite ${toShortName(ended.invite)}: ${what} is revoked`)
  }
  const revoke = {
    head: headOf(trust, nowMs),
    invite: ended.invite,
    slots: [...new Set(ended.slots)],
    ext: []
  }
  return draftOf(believed.network, { tag: 'revoke', revoke })
}

function isOver({ revokes }: Believed, { invite, slots }: Ended): boolean {
  const own = revokes.filter(({ body }) => equal(body.invite, invite))
  if (own.some(({ body }) => body.slots.length === 0)) return true
  const gone = new Set(own.flatMap(({ body }) => [...body.slots]))
  return slots.length > 0 && slots.every((slot) => gone.has(slot))
}
