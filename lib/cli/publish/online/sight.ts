import { alloc, equal, toHex } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import type { Attestations, Brakes, Claim, Freshness } from '../../../crowd/index.ts'
import type { Desk } from '../../../publish/index.ts'
import { ROLE } from '../../../records/index.ts'
import {
  decide,
  emptyMemory,
  type DecideInput,
  type RolloutMemory,
  type RolloutView
} from '../../../rollout/index.ts'
import {
  admittedReleases,
  refusals,
  type Believed,
  type KnownRelease
} from '../../../trust/index.ts'
import { thisPlatform } from '../verbs/release.ts'
import type { Station } from './station.ts'

/** What beacons say, and what they name that is not here. */
export interface Word {
  readonly freshness: Freshness
  readonly claim: Claim | null
}

/** What is shown of one channel. */
export interface Row {
  readonly channel: string
  /** The release of the rollout, or the newest one. */
  readonly release: KnownRelease
  readonly view: RolloutView
  /** Nodes counted by the census, and those of them on this release. */
  readonly nodes: number
  readonly running: number
  readonly halted: boolean
  readonly completed: boolean
  /** A quorum has ended it. */
  readonly aborted: boolean
  readonly brakes: Brakes
  /** What builders say of each of its platforms, and how many organisations must. */
  readonly attested: readonly Attestations[]
  readonly attestNeed: number
}

/** The rollouts as one outsider sees them; what it concluded stays in memory between looks. */
export class Sight {
  readonly #desk: Desk
  readonly #authority: Authority
  readonly #station: Station
  readonly #memories = new Map<string, RolloutMemory>()

  constructor(desk: Desk, authority: Authority, station: Station) {
    this.#desk = desk
    this.#authority = authority
    this.#station = station
  }

  /** How sure this end can be that nothing is kept from it. */
  freshness(): Word {
    const nowMs = this.#desk.clock.wallMs()
    const { pool } = this.#station
    return { freshness: pool.freshness(nowMs), claim: pool.claim(nowMs) }
  }

  look(): readonly Row[] {
    const { releases } = this.#authority.believed
    const channels = [...new Set(releases.map(({ body }) => body.channel))]
    return channels.flatMap((channel) => this.#lookAt(channel))
  }

  #lookAt(channel: string): readonly Row[] {
    const { believed } = this.#authority
    const nowMs = this.#desk.clock.wallMs()
    const memory = this.#memories.get(channel) ?? emptyMemory
    const decision = decide(this.#input(channel, memory, nowMs))
    this.#memories.set(channel, decision.memory)
    const { view, halted, completed } = decision
    const admitted = admittedReleases(believed, channel)
    const live = admitted.find(({ id }) => view.release !== null && equal(id, view.release))
    const release = live ?? admitted[0]
    if (release === undefined) return []
    const { id } = release
    const { pool } = this.#station
    const mine = toHex(id.subarray(0, 8))
    const hex = toHex(id)
    const { artifacts, policy } = release.body
    const running = pool.members(nowMs).filter((member) => member.running === mine).length
    return [
      {
        channel,
        release,
        view,
        nodes: this.#station.census(),
        running,
        halted: halted.some((one) => equal(one, id)),
        completed: completed.some((one) => equal(one, id)),
        aborted: refusals(believed, id).aborted.length > 0,
        brakes: pool.brakes(hex, nowMs),
        attested: artifacts.map((_, index) => pool.attestations(hex, index, nowMs)),
        attestNeed: Math.max(attestNeeded(believed), policy.others.attest)
      }
    ]
  }

  #input(channel: string, memory: RolloutMemory, nowMs: number): DecideInput {
    const { wire, pool } = this.#station
    return {
      nowMs,
      believed: this.#authority.believed,
      pool,
      self: {
        nodeKey: alloc(32),
        member: false,
        platform: thisPlatform(),
        channel,
        tier: 1,
        level: 'notify',
        hold: true,
        pinned: null,
        skipped: [],
        applied: []
      },
      node: {
        running: null,
        previous: null,
        quarantine: [],
        staged: null,
        busy: null,
        treatment: null
      },
      network: {
        peers: wire?.peers().length ?? 0,
        settledSince: () => wire?.settled(0) ?? false,
        coverage: (release, resume) => wire?.coverage(release, resume) ?? 0,
        clockSkewMs: wire?.clockSkewMs() ?? null,
        trustSettled: true
      },
      memory
    }
  }
}

/** Organisations that must attest before a node installs; 0 without the role. */
function attestNeeded({ trust }: Believed): number {
  return trust?.body.roles.find(({ role }) => role === ROLE.build)?.threshold ?? 0
}
