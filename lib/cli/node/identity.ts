import { join } from 'node:path'
import { alloc, isOtaError, OtaError, type Bytes, type Dice, type Disk } from '../../base/index.ts'
import { formatTime } from '../frame/index.ts'
import { judgeInvite } from './offline/judge-other.ts'
import { readLineFile, toLine } from '../../publish/index.ts'
import {
  decodeInviteFile,
  decodeMembership,
  encodeCertificate,
  encodeMembership,
  type InviteFile
} from '../../records/index.ts'
import { keyPairFromSeed, sign, wipe, type Join, type KeyPair } from '../../trust/index.ts'

/** Who a node is: its reporting key and, with an invite, its slot. */
export interface Identity {
  readonly pair: KeyPair
  /** Invite and certificate as they travel; null without a slot. */
  readonly membership: Bytes | null
}

/** Reads an invite file; throws `USAGE` if there is none, `NOT_CANONICAL` for another file. */
export async function readInvite(disk: Disk, path: string): Promise<InviteFile> {
  return decodeInviteFile(await readLineFile(disk, path))
}

/**
 * Whether a node may be made from this invite now. Throws `BAD_SIGNATURE` for one that was changed,
 * `BAD_KEY` for one whose secret is another's, `USAGE` for a slot it does not have, `NOT_ELIGIBLE`
 * for one that is over.
 */
export function checkInvite(
  file: InviteFile,
  { slot, nowMs }: { readonly slot: number | null; readonly nowMs: number }
): void {
  const { code, reason } = judgeInvite(file, null)
  if (code !== null) {
    throw new OtaError(code, `the invite cannot be used: ${reason}`, {
      hint: 'ask for the file again: it may have been cut or changed on the way'
    })
  }
  const { slots, notAfterMs } = file.invite
  if (slot !== null && slot >= slots) {
    throw new OtaError('USAGE', `slot ${slot} is outside the invite, which has ${slots}`, {
      hint: `give --slot 0 to ${slots - 1}`
    })
  }
  if (notAfterMs === 0 || nowMs <= notAfterMs) return
  throw new OtaError('NOT_ELIGIBLE', `the invite ended on ${formatTime(notAfterMs)}`, {
    hint: 'ask for a new one: ota-publish invite'
  })
}

/** The join string that an invite carries. */
export function joinOfInvite({ invite, join: { version, trustId } }: InviteFile): Join {
  return { network: invite.network, checkpoint: { version, id: trustId } }
}

/** A secret of 32 bytes in a file of its own, made when it is not there. */
export async function keptPair(disk: Disk, dice: Dice, path: string): Promise<KeyPair> {
  if ((await disk.stat(path)) === null) {
    await disk.create(path, toLine(dice.fill(alloc(32))), 0o600)
  }
  const seed = await readLineFile(disk, path)
  const pair = keyPairFromSeed(seed)
  wipe(seed)
  return pair
}

/**
 * The node's key and certificate, made at the first start and kept below `folder` (0700). A slot is
 * drawn by dice unless told; images of one invite must number their nodes. Throws what
 * `checkInvite` throws, only where a slot is taken anew: a certificate outlives its invite.
 */
export async function identityOf(
  ports: { readonly disk: Disk; readonly dice: Dice; readonly nowMs: number },
  folder: string,
  given: { readonly invite: InviteFile | null; readonly slot: number | null }
): Promise<Identity> {
  const { disk, dice, nowMs } = ports
  await disk.makeFolder(folder, 0o700)
  const pair = await keptPair(disk, dice, join(folder, 'node'))
  const path = join(folder, 'membership')
  const held = await readHeld(disk, path)
  if (held !== null || given.invite === null) return { pair, membership: held }
  const { invite, seed } = given.invite
  checkInvite(given.invite, { slot: given.slot, nowMs })
  const slot = given.slot ?? Math.floor(dice.next() * invite.slots)
  const issuedMs = Math.max(nowMs, invite.issuedMs)
  const canonical = encodeCertificate({
    network: invite.network,
    invite: invite.invite,
    slot,
    node: pair.key,
    issuedMs
  })
  const certificate = { canonical, signature: sign(canonical, keyPairFromSeed(seed)) }
  const membership = encodeMembership(invite, certificate).wire
  await disk.create(path, toLine(membership), 0o600)
  return { pair, membership }
}

/** Throws `CONFIG_INVALID` for a membership that cannot be read: a lost slot is not hidden. */
async function readHeld(disk: Disk, path: string): Promise<Bytes | null> {
  if ((await disk.stat(path)) === null) return null
  try {
    return decodeMembership(await readLineFile(disk, path)).wire
  } catch (error) {
    if (!isOtaError(error)) throw error
    throw new OtaError('CONFIG_INVALID', `${path} cannot be read: ${error.message}`, {
      hint: 'remove it, and the node takes a slot of its invite anew',
      cause: error
    })
  }
}
