import { toHex } from '../../../base/index.ts'
import { ROLE } from '../../../records/index.ts'
import { toName, type Believed } from '../../../trust/index.ts'
import type { DumpInput } from './input.ts'
import type { AttestationState, BrakeState, ClaimState, FreshnessState } from './types.ts'

type Asked = Pick<DumpInput, 'believed' | 'pool' | 'nowMs'>

export function freshnessIn({ pool, nowMs }: Asked): FreshnessState {
  const freshness = pool.freshness(nowMs)
  if (freshness.state === 'none') return { state: 'none', ageMs: null }
  return { state: freshness.state, ageMs: freshness.ageMs }
}

export function claimIn({ pool, nowMs }: Asked): ClaimState | null {
  const claim = pool.claim(nowMs)
  if (claim === null) return null
  const { code, by, majority, trustVersion, trustId, digest } = claim
  return { code, by, majority, trustVersion, trustId: toName(trustId), digest: toName(digest) }
}

/** Brakes in force, by release. */
export function brakesIn({ believed, pool, nowMs }: Asked): readonly BrakeState[] {
  return believed.releases.flatMap((known) => {
    const { live, acts } = pool.brakes(toHex(known.id), nowMs)
    return live.map(({ id, label, receivedMs, untilMs, reason, note }) => ({
      id: toName(id),
      release: toName(known.id),
      label,
      receivedMs,
      untilMs,
      reason,
      note,
      acts
    }))
  })
}

/** What builders say of each artifact that anybody asks or attests; `need` is without this node. */
export function attestationsIn({ believed, pool, nowMs }: Asked): readonly AttestationState[] {
  return believed.releases.flatMap((known) =>
    known.body.artifacts.flatMap(({ platform, component }, index) => {
      const said = pool.attestations(toHex(known.id), index, nowMs)
      const { organisations, builders, conflicts } = said
      const need = Math.max(buildersNeeded(believed), known.body.policy.others.attest)
      if (need === 0 && builders.length === 0 && conflicts.length === 0) return []
      return [
        {
          release: toName(known.id),
          platform,
          component,
          have: organisations.length,
          need,
          organisations,
          builders,
          conflicts: conflicts.map(({ id, label, organisation, treeDigest }) => ({
            id: toName(id),
            label,
            organisation,
            treeDigest: toName(treeDigest)
          }))
        }
      ]
    })
  )
}

function buildersNeeded({ trust }: Believed): number {
  return trust?.body.roles.find(({ role }) => role === ROLE.build)?.threshold ?? 0
}
