import { trustBytesMax, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  ext,
  id,
  key,
  list,
  ms,
  name,
  oneOf,
  refine,
  struct,
  text,
  u32,
  u8,
  uint,
  type Codec,
  type Ext
} from '../codec/index.ts'
import { ROLE, type Member, type Role } from './roles.ts'
import { checkTrust } from './trust-rules.ts'

export { ROLE, type Member, type Role, type RoleName } from './roles.ts'

export interface Trust {
  readonly name: string
  readonly version: number
  readonly epoch: number
  readonly issuedMs: number
  readonly expiresMs: number
  readonly roles: readonly Role[]
  readonly membership: 'open' | 'enrolled'
  readonly access: 'any' | 'members'
  /** Public keys of up to four hypercores. */
  readonly feeds: readonly Bytes[]
  readonly protoLow: number
  readonly protoHigh: number
  readonly ext: readonly Ext[]
}

const draw: Codec<NonNullable<Member['draw']>> = struct({ root: id, first: u32 })
const label = text(32)

/** A role that is not known has members of key and label alone; what is new goes into `ext`. */
function member(role: number): Codec<Member> {
  return {
    write(writer, value) {
      if ((role === ROLE.draw) !== (value.draw !== null)) {
        writer.fail('BAD_TRUST', 'a draw anchor belongs to each member of role draw, to no other')
      }
      if ((role === ROLE.build) !== (value.organisation !== null)) {
        writer.fail(
          'BAD_TRUST',
          'an organisation belongs to each member of role build, to no other'
        )
      }
      key.write(writer, value.key)
      label.write(writer, value.label)
      if (value.draw !== null) draw.write(writer, value.draw)
      if (value.organisation !== null) name.write(writer, value.organisation)
    },
    read: (reader) => ({
      key: key.read(reader),
      label: label.read(reader),
      draw: role === ROLE.draw ? draw.read(reader) : null,
      organisation: role === ROLE.build ? name.read(reader) : null
    })
  }
}

const role: Codec<Role> = {
  write(writer, value) {
    writer.u8(value.role)
    writer.uint(value.threshold)
    list(64, member(value.role), 'BAD_TRUST').write(writer, value.members)
  },
  read(reader) {
    const number = reader.u8()
    const threshold = reader.uint()
    // One key twice in a role is a fault of the document, not of its form (S3).
    const members = list(64, member(number), 'BAD_TRUST').read(reader)
    return { role: number, threshold, members }
  }
}

const trust: Codec<Trust> = refine(
  struct({
    name,
    version: uint,
    epoch: uint,
    issuedMs: ms,
    expiresMs: ms,
    roles: list(16, role),
    membership: oneOf(['open', 'enrolled']),
    access: oneOf(['any', 'members']),
    feeds: list(4, key),
    protoLow: u8,
    protoHigh: u8,
    ext
  }),
  checkTrust
)

/** Throws `BAD_TRUST` for a document that breaks its own rules, `NOT_CANONICAL`, `OVER_LIMIT`. */
export function encodeTrust(value: Trust): Bytes {
  return encodeWhole(trust, value, 'trust')
}

/**
 * Throws `BAD_TRUST` for a document that breaks its own rules (S3, S4), `NOT_CANONICAL`,
 * `OVER_LIMIT`, or `UNSUPPORTED` for an unlisted value. Whether its keys are points of the curve is
 * for `trust` to judge (S12).
 */
export function decodeTrust(body: Bytes): Trust {
  return decodeWhole(trust, body, { what: 'trust', bytesMax: trustBytesMax })
}
