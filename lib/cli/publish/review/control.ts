import { toHex, type Bytes } from '../../../base/index.ts'
import type { Control, Revoke } from '../../../records/index.ts'
import { releaseOf, type Believed } from '../../../trust/index.ts'
import { amount, escapeText, formatShare, formatTime, type Output } from '../../frame/index.ts'
import { extLines } from './trust.ts'

const SAYS: Readonly<Record<Control['action'], string>> = {
  pause: 'nobody starts it and no stage moves while this stands; a quorum resume lifts it',
  abort: 'it ends for good, and nodes take it back, spread over ten minutes',
  resume: 'it goes on; what is lifted stays lifted',
  widen: 'waiting is skipped; the first bake, a halt and the signed plan are not'
}

/** A control with every bound it sets, for who is about to sign it. */
export function controlLines(out: Output, control: Control, believed: Believed | null): string[] {
  const { action, head, reason, exclude, lifts } = control
  const lines = [
    `${action} of ${releaseText(out, control.release, believed)}`,
    `  ${SAYS[action]}`,
    `  issued ${formatTime(head.issuedMs)} under trust ${head.trustVersion}`,
    `  resume number ${control.resume}${action === 'resume' ? ', a new one' : ', the one in force'}`
  ]
  lines.push(...floorLines(out, control, believed))
  if (action === 'widen') lines.push(`  to stage ${stageText(control, believed)}`)
  for (const id of lifts) lines.push(`  lifts ${liftedText(out, id, believed)}`)
  if (action === 'resume' && lifts.length === 0) lines.push('  lifts nothing: goes on after a halt')
  if (exclude.length > 0) {
    const keys = exclude.map((key) => out.id(key)).join(' ')
    lines.push(`  ${amount(exclude.length, 'reporting key')} count no more: ${keys}`)
  }
  if (reason !== '') lines.push(`  reason "${escapeText(reason)}"`)
  return [...lines, ...extLines(control.ext)]
}

/** The end of an invite, or of some of its slots. */
export function revokeLines(out: Output, { invite, slots, head, ext }: Revoke): string[] {
  const what = slots.length === 0 ? 'all of it' : `slots ${slots.join(' ')}`
  return [
    `revoke of invite ${out.id(invite)}: ${what}`,
    '  the nodes in it count as absent; statements and bytes are served to them all the same',
    `  issued ${formatTime(head.issuedMs)} under trust ${head.trustVersion}`,
    ...extLines(ext)
  ]
}

/** `release cque4cxk  stable epoch 1 seq 4 "1.2.0"`, as far as this home knows it. */
function releaseText(out: Output, id: Bytes, believed: Believed | null): string {
  const known = believed === null ? null : releaseOf(believed, id)
  if (known === null) return `release ${out.id(id)}, which is not here`
  const { channel, epoch, seq, label } = known.body
  return `release ${out.id(id)}  ${channel} epoch ${epoch} seq ${seq} "${escapeText(label)}"`
}

function floorLines(out: Output, { floor }: Control, believed: Believed | null): string[] {
  if (floor.tag === 'self') return ['  floor: no node goes below the release it names']
  if (floor.tag === 'none') return []
  return [`  floor: no node goes below ${releaseText(out, floor.id, believed)}`]
}

/** Stages count from 1, in the field as in `watch`. */
function stageText({ release, stage }: Control, believed: Believed | null): string {
  const plan = (believed === null ? null : releaseOf(believed, release))?.body.policy.plan
  const share = plan?.stages[stage - 1]?.sharePpm
  if (plan === undefined || share === undefined) return `${stage}, whose plan is not here`
  return `${stage} of ${plan.stages.length}: ${formatShare(share)} of the fleet`
}

function liftedText(out: Output, id: Bytes, believed: Believed | null): string {
  const held = believed?.held.get(toHex(id))?.any
  if (held?.tag === 'control') {
    const { action, reason } = held.known.body
    return `${action} ${out.id(id)}${reason === '' ? '' : ` "${escapeText(reason)}"`}`
  }
  if (held?.tag === 'release') return `the floor of release ${out.id(id)}`
  return `${out.id(id)}: a brake, a dispute, or a statement that is not here`
}
