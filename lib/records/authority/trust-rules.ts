import { toHex } from '../../base/index.ts'
import type { Fail } from '../codec/index.ts'
import { ROLE, type Role } from './roles.ts'
import type { Trust } from './trust.ts'

/** What a trust document must keep by itself, whoever signed it; all of it is `BAD_TRUST`. */
export function checkTrust(trust: Trust, fail: Fail): void {
  const bad = (reason: string): never => fail('BAD_TRUST', reason)
  if (trust.version < 1 || trust.epoch < 1) bad('version and epoch begin at 1')
  if (trust.version === 1 && trust.epoch !== 1) bad(`version 1 has epoch 1, not ${trust.epoch}`)
  if (trust.expiresMs <= trust.issuedMs) bad('expires before it is issued')
  if (trust.protoLow < 1 || trust.protoLow > trust.protoHigh) bad('protocol range is empty')
  checkRoles(trust, bad)
  checkLabels(trust.roles, bad)
  for (const role of trust.roles) checkThreshold(role, bad)
}

type Bad = (reason: string) => never

function checkRoles({ roles, membership }: Trust, bad: Bad): void {
  const numbers = new Set(roles.map(({ role }) => role))
  if (numbers.size < roles.length) bad('a role twice')
  for (const name of ['root', 'release', 'brake'] as const) {
    if (!numbers.has(ROLE[name])) bad(`role ${name} is missing`)
  }
  if (membership === 'enrolled' && !numbers.has(ROLE.enrol)) {
    bad('enrolled membership without role enrol')
  }
}

/** One person, one key, one label: else one signer could look like two (S3). */
function checkLabels(roles: readonly Role[], bad: Bad): void {
  const labels = new Map<string, string>()
  for (const { role, members } of roles) {
    const keys = new Set<string>()
    for (const { key, label } of members) {
      const hex = toHex(key)
      if (keys.has(hex)) bad(`a key twice in role ${role}`)
      keys.add(hex)
      if ((labels.get(hex) ?? label) !== label) bad(`one key under two labels, one is "${label}"`)
      labels.set(hex, label)
    }
  }
}

/** Never 0 and never out of reach (S4). Of roles yet unknown nothing is known here. */
function checkThreshold(role: Role, bad: Bad): void {
  const { least, most } = thresholdRange(role)
  if (role.members.length === 0 && most !== null) bad(`role ${role.role} without members`)
  if (role.threshold < least || role.threshold > (most ?? role.threshold)) {
    bad(`threshold of role ${role.role}: need ${least} to ${most}, have ${role.threshold}`)
  }
}

function thresholdRange({ role, members }: Role): { least: number; most: number | null } {
  switch (role) {
    case ROLE.root:
    case ROLE.release:
    case ROLE.brake:
      return { least: 1, most: members.length }
    case ROLE.beacon:
      return { least: 1, most: Math.min(2, members.length) }
    case ROLE.build:
      return { least: 0, most: new Set(members.map(({ organisation }) => organisation)).size }
    case ROLE.draw:
    case ROLE.enrol:
      return { least: 1, most: 1 }
    default:
      return { least: 0, most: null }
  }
}
