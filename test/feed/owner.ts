import type { TestContext } from 'brittle'
import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { MIB } from '../../lib/base/index.ts'
import { signer } from './stores.ts'

/** A feed owner who keeps no rules: hypercore itself, in a store of its own. */
export interface Rogue {
  readonly core: Hypercore
  readonly store: { replicate(stream: object): void }
  close(): Promise<void>
}

/** Opens the feed of `signer(1)`; two folders are two machines that both hold its key. */
export async function rogue(t: TestContext, folder: string): Promise<Rogue> {
  const corestore = new Corestore(Hypercore.defaultStorage(folder, { writeBufferSize: MIB }))
  const pair = signer(1)
  const keyPair = { publicKey: pair.key, secretKey: pair.secret }
  const core = corestore.get({
    manifest: { version: 1, signers: [{ publicKey: pair.key }] },
    keyPair
  })
  await core.ready()
  const close = async (): Promise<void> => await corestore.close()
  t.teardown(close, { order: 2 })
  const replicate = (stream: object): void => {
    corestore.replicate(stream)
  }
  return { core, store: { replicate }, close }
}
