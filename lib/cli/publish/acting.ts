import { actorFor, type Desk, type KeyInfo, type SigningKey } from '../../publish/index.ts'
import type { RoleName, Trust } from '../../records/index.ts'
import type { Context } from '../frame/index.ts'
import { Passphrases, openKey } from './signer.ts'

/** The key that acts alone in a role: the one of `--key`, else the only one here that may. */
export async function actorOf(
  { flags }: Context,
  desk: Desk,
  trust: Trust,
  role: RoleName
): Promise<KeyInfo> {
  return await actorFor(desk, trust, { role, label: flags.text('key') })
}

/** That key, ready to sign. The caller wipes it. */
export async function openActor(context: Context, desk: Desk, actor: KeyInfo): Promise<SigningKey> {
  const passphrases = new Passphrases(context)
  try {
    return await openKey(context, desk, actor, { passphrases, draws: false })
  } finally {
    passphrases.wipe()
  }
}
