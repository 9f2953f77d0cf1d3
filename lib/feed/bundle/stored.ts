import { OtaError, toHex, type Bytes } from '../../base/index.ts'
import type { CoreRef } from '../../records/index.ts'
import type { Cores } from '../cores.ts'
import { atDoor } from '../failure.ts'

/** The blocks of a core in this store, one in memory at a time; nobody is asked for any. */
export async function* storedBlocks(cores: Cores, ref: CoreRef): AsyncGenerator<Bytes> {
  if (!(await cores.isStored(ref.key))) throw missing(ref, 0)
  const core = await cores.open(ref.key)
  try {
    for (let index = 0; index < ref.blocks; index += 1) {
      const block = await atDoor('read a block', async () => {
        return index < core.length ? await core.get(index, { wait: false }) : null
      })
      if (block === null) throw missing(ref, index)
      yield block
    }
  } finally {
    await core.close()
  }
}

function missing({ key, blocks }: CoreRef, index: number): OtaError {
  const text = `block ${index} of ${blocks} of a core is not stored here`
  return new OtaError('INCOMPLETE', text, { facts: { core: toHex(key), index } })
}
