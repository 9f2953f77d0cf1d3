import { equal } from '../../base/index.ts'
import { follows, isReadable, sidesOf, trustOf } from './chain.ts'
import type { KnownTrust } from './known.ts'
import { countSigners, isMet } from './quorum.ts'
import { admitted, unsupported, type Scene, type Standing } from './standing.ts'

/** Where a trust stands beside the chain that was walked. */
export function judgeTrust(known: KnownTrust, settled: boolean, scene: Scene): Standing {
  const { chain, network } = scene
  const isForked = trustOf(chain.fork, known.id) !== null
  if (!isForked && trustOf(chain.path, known.id) !== null) return admitted
  // T1 is what the network id says, wherever a checkpoint let this node begin.
  if (equal(known.id, network)) return admitted
  const { version } = known.body
  if (isForked) {
    const isCurrent = chain.current !== null && equal(chain.current.id, known.id)
    return isCurrent ? admitted : forked(version)
  }
  const outside = judgeCheckpoint(known, scene)
  if (outside !== null) return outside
  const { current } = chain
  if (current === null) {
    const own = countSigners(known.body, 'root', known)
    return waiting(`trust ${version} has no trust here to follow from`, own.have, own.need)
  }
  if (!isReadable(known) && (settled || follows(current, known))) {
    return unsupported(`trust ${version}`)
  }
  if (version > current.body.version) return judgeAbove(known, current)
  // What stood against this branch once stays as the proof, though a later trust has ended it.
  if (settled) return forked(version)
  const message = `trust ${version} is not on the way to trust ${current.body.version}`
  return { tag: 'refused', code: 'THRESHOLD_NOT_MET', message }
}

/** Below the checkpoint only what leads to it; at its version that id alone (S93). */
function judgeCheckpoint({ id, body }: KnownTrust, { checkpoint }: Scene): Standing | null {
  if (checkpoint === null || body.version > checkpoint.version) return null
  if (equal(id, checkpoint.id)) return null
  const where = body.version === checkpoint.version ? 'beside' : 'below'
  const message = `trust ${body.version} lies ${where} the checkpoint of the join string`
  return { tag: 'refused', code: 'BELOW_CHECKPOINT', message }
}

function judgeAbove(known: KnownTrust, current: KnownTrust): Standing {
  const { version, name, epoch } = known.body
  if (name !== current.body.name || epoch < current.body.epoch) {
    const message = `trust ${version} changes the network's name or lowers its epoch`
    return { tag: 'refused', code: 'BAD_TRUST', message }
  }
  const { before, own } = sidesOf(current, known)
  const from = current.body.version
  const message =
    `trust ${version} has ${before.have} of ${before.need} root signatures of trust ${from}, ` +
    `${own.have} of ${own.need} of its own`
  const side = isMet(before) ? own : before
  // S16: the ones between may bridge it, but not what it owes to its own roots.
  const isGap = version > from + 1 && isMet(own)
  const code = isGap ? 'TRUST_GAP' : 'THRESHOLD_NOT_MET'
  return { tag: 'pending', code, message, have: side.have, need: side.need }
}

function forked(version: number): Standing {
  const message = `trust ${version} is one of two valid trusts against each other`
  return { tag: 'kept', code: 'TRUST_FORK', message }
}

function waiting(message: string, have: number, need: number): Standing {
  return { tag: 'pending', code: 'TRUST_GAP', message, have, need }
}
