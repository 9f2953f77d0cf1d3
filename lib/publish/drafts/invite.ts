import { OtaError, alloc, concat, fromText, type Bytes } from '../../base/index.ts'
import { decodeInvite, encodeInvite, encodeInviteFile, type Label } from '../../records/index.ts'
import { hasKey, keyPairFromSeed, sign, wipe, type Believed } from '../../trust/index.ts'
import { currentTrust } from './control.ts'
import type { Desk } from '../desk.ts'
import type { UnlockedKey } from '../papers/keyfile.ts'
import { toLine } from '../papers/line.ts'

export interface InviteOptions {
  /** 1 to 65,535: how many nodes may join with it. */
  readonly slots: number
  readonly labels: readonly Label[]
  /** 0: certificates may be made from it for ever. */
  readonly notAfterMs: number
  readonly nowMs: number
}

/**
 * An invite with a fresh key pair, signed by an enrol key, and the newest join string in it. The
 * file is a secret: whoever has it can join. Throws `BAD_KEY` for a key that may not invite.
 */
export function makeInvite(
  desk: Desk,
  believed: Believed,
  { key, options }: { readonly key: UnlockedKey; readonly options: InviteOptions }
): Bytes {
  const trust = currentTrust(believed)
  if (trust.body.membership === 'open') {
    throw new OtaError('USAGE', `${trust.body.name} is open: nobody needs an invite`)
  }
  if (!hasKey(trust.body, 'enrol', key.key)) {
    throw new OtaError('BAD_KEY', `"${key.label}" may not invite`, {
      hint: 'ask a key of role enrol: see ota-publish trust show'
    })
  }
  const seed = desk.dice.fill(alloc(32))
  const pair = keyPairFromSeed(seed)
  try {
    const canonical = encodeInvite({
      network: believed.network,
      invite: pair.key,
      issuedMs: options.nowMs,
      notAfterMs: options.notAfterMs,
      slots: options.slots,
      weight: 1,
      rights: 0,
      labels: options.labels,
      enrol: key.key,
      ext: []
    })
    const invite = decodeInvite(concat([canonical, sign(canonical, key.pair)]))
    const join = { version: trust.body.version, trustId: trust.id }
    return encodeInviteFile({ invite, seed, join })
  } finally {
    wipe(seed)
    wipe(pair.secret)
  }
}

/** Writes an invite file where only its owner reads it; never over another file. */
export async function writeInvite(desk: Desk, path: string, file: Bytes): Promise<void> {
  if ((await desk.disk.stat(path)) !== null) {
    throw new OtaError('USAGE', `${path} exists already`, { hint: 'name another file with -o' })
  }
  await desk.disk.create(path, toLine(file), 0o600)
}

/** Reads `K=V`; throws `USAGE` for any other text. */
export function parseLabel(text: string): Label {
  const at = text.indexOf('=')
  const name = text.slice(0, at)
  const value = text.slice(at + 1)
  const fits = at > 0 && /^[a-z0-9][a-z0-9.-]{0,31}$/.test(name) && fromText(value).byteLength <= 64
  if (fits) return { name, value }
  throw new OtaError('USAGE', `"${text}" is no label`, { hint: 'write it as operator=demo' })
}
