import { OtaError, equal } from '../../base/index.ts'
import type { RoleName, Trust } from '../../records/index.ts'
import { membersOf } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'
import { listKeys, type KeyInfo } from '../papers/keyfile.ts'

const DEEDS: Readonly<Partial<Record<RoleName, string>>> = {
  brake: 'brake',
  beacon: 'be a beacon',
  build: 'attest',
  enrol: 'invite'
}

/**
 * The key here that acts alone in a role of the current trust: the one named, else the only one
 * that fits. Asked before any pass phrase is. `USAGE` where nothing or too much fits, `BAD_KEY` for
 * a key without the role, with the labels that have it.
 */
export async function actorFor(
  desk: Desk,
  trust: Trust,
  { role, label }: { readonly role: RoleName; readonly label: string | null }
): Promise<KeyInfo> {
  const mine = await listKeys(desk)
  const named = label === null ? mine : mine.filter((key) => key.label === label)
  if (named.length === 0) {
    const what = label === null ? 'there is no key here' : `there is no key "${label}"`
    throw new OtaError('USAGE', what, { hint: 'see: ota-publish keys list' })
  }
  const members = membersOf(trust, role)
  const fitting = named.filter(({ key }) => members.some((member) => equal(member.key, key)))
  const [first] = fitting
  if (first !== undefined && fitting.length === 1) return first
  if (first === undefined) {
    const deed = DEEDS[role] ?? `act as ${role}`
    const sentence = label === null ? `no key here may ${deed}` : `key "${label}" may not ${deed}`
    const whose = members.map((member) => member.label).join(', ')
    throw new OtaError('BAD_KEY', sentence, {
      hint:
        whose === ''
          ? `trust ${trust.version} has no role ${role}`
          : `role ${role} of trust ${trust.version} is ${whose}`
    })
  }
  const labels = fitting.map((key) => key.label).join(', ')
  throw new OtaError('USAGE', `${fitting.length} keys here have role ${role}: ${labels}`, {
    hint: 'name one with --key LABEL'
  })
}
