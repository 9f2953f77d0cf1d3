import { unreachable, type Bytes } from '../../base/index.ts'
import { id, ms, struct, uint, within, type Codec } from '../codec/index.ts'

/** What types 2 to 5 begin with: the trust they name and when they were issued. */
export interface Head {
  readonly trustVersion: number
  /** Id of that trust; of T1 the network id. */
  readonly trustId: Bytes
  readonly issuedMs: number
}

export type Floor =
  | { readonly tag: 'none' }
  | { readonly tag: 'self' }
  | { readonly tag: 'release'; readonly id: Bytes }

export const head: Codec<Head> = struct({
  trustVersion: within(uint, { min: 1 }),
  trustId: id,
  issuedMs: ms
})

/** One byte, and the id of the release if it is 2. */
export const floor: Codec<Floor> = {
  write(writer, value) {
    switch (value.tag) {
      case 'none':
        return writer.u8(0)
      case 'self':
        return writer.u8(1)
      case 'release':
        writer.u8(2)
        return id.write(writer, value.id)
      default:
        return unreachable(value)
    }
  },
  read(reader) {
    const tag = reader.u8()
    if (tag === 0) return { tag: 'none' }
    if (tag === 1) return { tag: 'self' }
    if (tag === 2) return { tag: 'release', id: id.read(reader) }
    return reader.fail('UNSUPPORTED', `unknown floor ${tag}`)
  }
}
