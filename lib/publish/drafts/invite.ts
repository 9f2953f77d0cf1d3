import {
  OtaError,
  alloc,
  concat,
  fromText,
  membershipBytesMax,
  toText,
  type Bytes,
  type Disk
} from '../../base/index.ts'
import {
  decodeInvite,
  decodeInviteFile,
  encodeCertificate,
  encodeInvite,
  encodeInviteFile,
  type Invite,
  type Label
} from '../../records/index.ts'
import {
  fromName,
  hasKey,
  keyPairFromSeed,
  toName,
  wipe,
  type Believed
} from '../../trust/index.ts'
import { currentTrust } from './control.ts'
import type { Desk } from '../desk.ts'
import type { SigningKey } from '../papers/keyfile.ts'
import { readLineFile, toLine } from '../papers/line.ts'
import { refuseOtherFile } from '../papers/request.ts'

const LABELS_MAX = 16
const SIGNATURE_BYTES = 64

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
export async function makeInvite(
  desk: Desk,
  believed: Believed,
  { key, options }: { readonly key: SigningKey; readonly options: InviteOptions }
): Promise<Bytes> {
  const trust = currentTrust(believed)
  if (trust.body.membership === 'open') {
    throw new OtaError('USAGE', `${trust.body.name} is open: nobody needs an invite`)
  }
  if (!hasKey(trust.body, 'enrol', key.key)) {
    throw new OtaError('BAD_KEY', `"${key.label}" may not invite`, {
      hint: 'ask a key of role enrol: see ota-publish trust show'
    })
  }
  checkLabels(options.labels)
  if (options.notAfterMs !== 0 && options.notAfterMs <= options.nowMs) {
    throw new OtaError('USAGE', 'the invite would be over before anybody joins', {
      hint: 'give --until a duration from now, as 14d'
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
    refuseLong(believed.network, canonical, { invite: pair.key, issuedMs: options.nowMs })
    const invite = decodeInvite(concat([canonical, await key.sign(canonical)]))
    const join = { version: trust.body.version, trustId: trust.id }
    return encodeInviteFile({ invite, seed, join })
  } finally {
    wipe(seed)
    wipe(pair.secret)
  }
}

/**
 * Writes an invite file where only its owner reads it; never over another file. Its key and slots
 * are noted in this home first, so that it can be revoked by name when the file is gone.
 */
export async function writeInvite(desk: Desk, path: string, file: Bytes): Promise<void> {
  if ((await desk.disk.stat(path)) !== null) {
    throw new OtaError('USAGE', `${path} exists already`, { hint: 'name another file with -o' })
  }
  const { invite } = decodeInviteFile(file)
  const line = `${toName(invite.network)} ${toName(invite.invite)} ${invite.slots}\n`
  await desk.disk.append(invitesPath(desk), fromText(line))
  await desk.disk.create(path, toLine(file), 0o600)
}

/** An invite that was made in this home. */
export interface KeptInvite {
  readonly network: Bytes
  readonly invite: Bytes
  readonly slots: number
}

/** The invites made here, oldest first. */
export async function keptInvites(desk: Desk): Promise<readonly KeptInvite[]> {
  const bytes = await desk.disk.read(invitesPath(desk))
  const lines = bytes === null ? [] : toText(bytes).split('\n')
  return lines.flatMap((line) => {
    const match = /^(\w{52}) (\w{52}) (\d+)$/.exec(line)
    if (match === null) return []
    const [, network = '', invite = '', slots] = match
    return [{ network: fromName(network), invite: fromName(invite), slots: Number(slots) }]
  })
}

/** The invite in a file, without its secret. `WRONG_TYPE` when the file is something else. */
export async function readInvite(disk: Disk, path: string): Promise<Invite> {
  const bytes = await readLineFile(disk, path)
  refuseOtherFile(bytes, 'invite', path)
  const { invite, seed } = decodeInviteFile(bytes)
  wipe(seed)
  return invite
}

function invitesPath({ places }: Desk): string {
  return `${places.home}/invites`
}

function checkLabels(labels: readonly Label[]): void {
  if (labels.length > LABELS_MAX) {
    throw new OtaError('USAGE', `${labels.length} labels, an invite has at most ${LABELS_MAX}`)
  }
  const names = labels.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return
  throw new OtaError('USAGE', `label "${twice}" is given twice`, {
    hint: 'a node has one value of each: make an invite for each value'
  })
}

/** Invite and certificate travel together: what does not fit would fail at the node that joins. */
function refuseLong(
  network: Bytes,
  canonical: Bytes,
  { invite, issuedMs }: { readonly invite: Bytes; readonly issuedMs: number }
): void {
  const slot = { network, invite, slot: 0, node: invite, issuedMs }
  const certificate = encodeCertificate(slot).byteLength
  const size = canonical.byteLength + certificate + 2 * SIGNATURE_BYTES
  if (size <= membershipBytesMax) return
  throw new OtaError('OVER_LIMIT', `the labels make a membership of ${size} bytes`, {
    hint: `use fewer or shorter ones: ${membershipBytesMax} bytes is all that travels`,
    facts: { have: size, max: membershipBytesMax }
  })
}

/** Reads `K=V`; throws `USAGE` for any other text. */
export function parseLabel(text: string): Label {
  const at = text.indexOf('=')
  const name = text.slice(0, at)
  const value = text.slice(at + 1)
  const isName = at > 0 && /^[a-z0-9][a-z0-9.-]{0,31}$/.test(name)
  const isText = /^[^\p{Cc}]*$/u.test(value) && value === value.normalize('NFC')
  if (isName && isText && fromText(value).byteLength <= 64) return { name, value }
  throw new OtaError('USAGE', `"${text}" is no label`, { hint: 'write it as operator=demo' })
}
