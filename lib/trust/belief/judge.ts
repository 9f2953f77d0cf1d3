import { toHex, unreachable } from '../../base/index.ts'
import { criticalExt, STATEMENT, type Body, type Head } from '../../records/index.ts'
import { trustOf } from './chain.ts'
import { drawsOf } from './drawers.ts'
import { judgeTrust } from './judge-trust.ts'
import type { AnyKnown, KnownControl, KnownOther, KnownRelease, KnownTrust } from './known.ts'
import { countSigners, isMet, type Count } from './quorum.ts'
import {
  admitted,
  gap,
  short,
  unsupported,
  type Item,
  type Scene,
  type Standing
} from './standing.ts'

/** Judges one statement under the chain as it is. Never looks at a clock. */
export function judge(item: Item, scene: Scene): Standing {
  const { any } = item
  if (any.tag === 'trust') return judgeTrust(any.known, item.settled, scene)
  const current = scene.chain.current
  if (current === null) return gap({ have: 0, need: 1 }, 'no trust is here yet')
  if (any.tag === 'other') return judgeOther(any.known, current)
  const head = any.known.body.head
  const count = countUnderCurrent(any, current)
  const named = judgeName(head, count, scene)
  if (named !== null) return named
  switch (any.tag) {
    case 'release':
      return judgeRelease(any.known, { count, current }, scene)
    case 'control':
      return judgeControl(any.known, item.settled, scene)
    case 'era':
      return byQuorum(count, `era "${any.known.body.name}"`, { tag: 'era', era: any.known.body })
    case 'revoke':
      return byQuorum(count, 'revoke', { tag: 'revoke', revoke: any.known.body })
    default:
      return unreachable(any)
  }
}

/** Signatures that count under the current trust; what makes a pending statement worth keeping. */
export function countUnderCurrent(any: AnyKnown, current: KnownTrust): Count {
  switch (any.tag) {
    case 'trust':
      return countSigners(current.body, 'root', any.known)
    case 'revoke':
      return countSigners(current.body, 'enrol', any.known)
    case 'other':
      return countOther(any.known, current)
    case 'release':
    case 'control':
    case 'era':
      return countSigners(current.body, 'release', any.known)
    default:
      return unreachable(any)
  }
}

/** Of a type nobody here can read nothing is known but that the right people signed it. */
function countOther(known: KnownOther, current: KnownTrust): Count {
  const role = known.body.type === STATEMENT.trust ? 'root' : 'release'
  return countSigners(current.body, role, known)
}

function judgeOther(known: KnownOther, current: KnownTrust): Standing {
  const count = countOther(known, current)
  const { type, code } = known.body
  if (!isMet(count)) return short(count, `statement of type ${type}`)
  if (type >= 128) return admitted
  return { ...unsupported(`statement of type ${type}`), code }
}

/** design 1: what names a trust that nobody here has is never admitted (S96). */
function judgeName(head: Head, count: Count, { chain }: Scene): Standing | null {
  const named = trustOf(chain.path, head.trustId)
  if (named === null) return gap(count, `names trust ${head.trustVersion}, which is not here`)
  if (named.body.version === head.trustVersion) return null
  const message = `names trust ${head.trustVersion} by the id of trust ${named.body.version}`
  return { tag: 'refused', code: 'BAD_TRUST', message }
}

interface Judges {
  readonly count: Count
  readonly current: KnownTrust
}

function judgeRelease(known: KnownRelease, { count, current }: Judges, scene: Scene): Standing {
  const { body } = known
  const { epoch } = current.body
  // design 1, order: only root raises the epoch, and what lies below it is over (S23, S96).
  if (body.epoch < epoch) {
    const message = `${nameOf(known)} lies below epoch ${epoch} of trust ${current.body.version}`
    return { tag: 'refused', code: 'WRONG_EPOCH', message }
  }
  if (body.epoch > epoch) {
    const message = `${nameOf(known)} waits for a trust of epoch ${body.epoch}, have epoch ${epoch}`
    return { tag: 'pending', code: 'WRONG_EPOCH', message, have: count.have, need: count.need }
  }
  const named = trustOf(scene.chain.path, body.head.trustId)
  const draws = named === null ? null : drawsOf(known, named.body)
  if (draws?.tag === 'invalid') {
    return { tag: 'refused', code: 'DRAW_INVALID', message: `${nameOf(known)}: ${draws.reason}` }
  }
  if (!isMet(count)) return short(count, nameOf(known))
  if (draws?.tag === 'incomplete') {
    const { have, need } = draws
    const message = `${nameOf(known)} has ${have} of ${need} draw values`
    return { tag: 'pending', code: 'DRAW_INCOMPLETE', message, have, need }
  }
  return criticalExt({ tag: 'release', release: body }) ? unsupported(nameOf(known)) : admitted
}

/** Said where it falls short; most do not. */
function nameOf({ body }: KnownRelease): string {
  return `release ${body.channel} ${body.epoch}.${body.seq}`
}

function judgeControl(known: KnownControl, settled: boolean, scene: Scene): Standing {
  const { body } = known
  const what = `${body.action} of release ${toHex(body.release).slice(0, 8)}`
  // design 1: permission under the current trust; refusal under the one it names (S92).
  const isRefusal = body.action === 'pause' || body.action === 'abort'
  const trust = isRefusal ? trustOf(scene.chain.path, body.head.trustId) : scene.chain.current
  const count =
    trust === null ? { have: 0, need: 1, signers: [] } : countSigners(trust.body, 'release', known)
  // A resume that once had its quorum stays: a lifted id stays lifted (S65).
  const happened = body.action === 'resume' && settled
  if (!happened && !isMet(count)) return short(count, what)
  if (body.action === 'widen' && !isInPlan(known, scene)) {
    const message = `${what} to stage ${body.stage}, which its signed plan does not allow`
    return { tag: 'refused', code: 'CONTROL_OUT_OF_BOUNDS', message }
  }
  return criticalExt({ tag: 'control', control: body }) ? unsupported(what) : admitted
}

/**
 * Stages count from 1. A widen ends at the last one, and goes beyond the first: stage 1 is entered
 * by nobody's leave and its bake is never skipped (S66). Two plans ask for a widen to 1: *small*,
 * which has no other stage to go on with, and one whose first stage waits for the quorum.
 */
function isInPlan({ body }: KnownControl, { items }: Scene): boolean {
  const release = items.get(toHex(body.release))?.any
  if (release?.tag !== 'release') return body.stage > 0 && body.stage <= stagesMax
  const { small, stages } = release.known.body.policy.plan
  const least = small || stages[0]?.approve === 1 ? 1 : 2
  return body.stage >= least && body.stage <= stages.length
}

/** Entries of a plan, as its codec bounds them; the release may come after its widen. */
const stagesMax = 64

function byQuorum(count: Count, what: string, body: Body): Standing {
  if (!isMet(count)) return short(count, what)
  return criticalExt(body) ? unsupported(what) : admitted
}
