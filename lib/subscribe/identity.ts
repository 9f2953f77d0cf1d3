import { alloc, OtaError, type Dice, type Disk } from '../base/index.ts'
import { keyPairFromSeed, type KeyPair } from '../trust/index.ts'

const seedBytes = 32

/**
 * The node key of this subscription, made at the first start. Its place in the order of every
 * rollout follows from it, so a lost file means another place and nothing worse.
 * Throws `CONFIG_INVALID` for a file that is no key.
 */
export async function openIdentity(disk: Disk, dice: Dice, folder: string): Promise<KeyPair> {
  const path = `${folder}/node.key`
  const seed = await disk.read(path)
  if (seed === null) {
    const fresh = dice.fill(alloc(seedBytes))
    await disk.writeDurable(path, fresh)
    return keyPairFromSeed(fresh)
  }
  if (seed.byteLength !== seedBytes) {
    throw new OtaError(
      'CONFIG_INVALID',
      `${path} has ${seed.byteLength} bytes, a node key has 32`,
      {
        hint: 'remove the file to get a new key'
      }
    )
  }
  return keyPairFromSeed(seed)
}
