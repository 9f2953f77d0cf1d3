import { SECOND, alloc, equal, toHex } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import type { Desk } from '../../../publish/index.ts'
import {
  decide,
  emptyMemory,
  type DecideInput,
  type RolloutMemory,
  type RolloutView
} from '../../../rollout/index.ts'
import { admittedReleases, type KnownRelease } from '../../../trust/index.ts'
import { amount, escapeText, formatShare, type Context, type Outcome } from '../../frame/index.ts'
import { needAuthority, releaseNamed } from '../belief.ts'
import { deskOf } from '../desk.ts'
import { networkOf } from '../online/network.ts'
import { Station, logTo, pause } from '../online/station.ts'
import { planWord } from '../show.ts'
import { thisPlatform } from './release.ts'

/** How long one look waits for peers and their evidence. */
const LOOK_MS = 10 * SECOND
const AGAIN_MS = SECOND

/**
 * `watch`: a peer that installs nothing, holds no slot and reports nothing; it draws what the
 * evidence it was given says of each channel. `--once`: one look, when two rounds with peers are
 * through or `--timeout` (10 s) is over.
 */
export async function watch(context: Context): Promise<Outcome> {
  const { out, signal, flags } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const about =
    context.args[0] === undefined ? null : releaseNamed(authority.believed, context.args[0])
  const log = logTo((line) => out.detail(line))
  const station = new Station(desk, authority, { network: await networkOf(context, desk), log })
  const sight = new Sight(desk, authority, station)
  try {
    await station.ready()
    await firstLook(context, desk, station)
    let shown = ''
    do {
      const rows = sight.look().filter(({ release }) => about === null || equal(about, release.id))
      const lines = rows.map((row) => lineOf(context, row))
      if (lines.join('\n') !== shown) {
        shown = lines.join('\n')
        for (const [index, row] of rows.entries())
          out.result('rollout', dataOf(row), lines[index] ?? null)
      }
      if (flags.has('once')) {
        if (rows.length === 0) out.note('no release is admitted yet')
        return { data: { rollouts: rows.map(dataOf) } }
      }
      await pause(desk, AGAIN_MS, signal)
    } while (!signal.aborted)
    return {}
  } finally {
    await station.close()
  }
}

/** What is shown of one channel. */
interface Row {
  readonly channel: string
  /** The release of the rollout, or the newest one. */
  readonly release: KnownRelease
  readonly view: RolloutView
  /** Nodes counted by the census, and those of them on this release. */
  readonly nodes: number
  readonly running: number
  readonly halted: boolean
  readonly completed: boolean
}

/** The rollouts as one outsider sees them; what it concluded stays in memory between looks. */
class Sight {
  readonly #desk: Desk
  readonly #authority: Authority
  readonly #station: Station
  readonly #memories = new Map<string, RolloutMemory>()

  constructor(desk: Desk, authority: Authority, station: Station) {
    this.#desk = desk
    this.#authority = authority
    this.#station = station
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
    const running = pool.members(nowMs).filter((member) => member.running === mine).length
    return [
      {
        channel,
        release,
        view,
        nodes: this.#station.census(),
        running,
        halted: halted.some((one) => equal(one, id)),
        completed: completed.some((one) => equal(one, id))
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

/** Until two rounds with peers are through; nobody there is shown, not an error. */
async function firstLook(context: Context, desk: Desk, station: Station): Promise<void> {
  const startMs = desk.clock.steadyMs()
  const endMs = startMs + (context.timeoutMs ?? LOOK_MS)
  while (!context.signal.aborted && desk.clock.steadyMs() < endMs) {
    if (station.wire?.settled(startMs) === true) return
    context.out.progress('asking peers', amount(station.wire?.peers().length ?? 0, 'peer'))
    await pause(desk, AGAIN_MS / 4, context.signal)
  }
}

function dataOf({ channel, release, view, nodes, running, halted, completed }: Row) {
  const { body, id } = release
  const { phase, stage, stages, widthPpm, treated, controls, failures, good, e, reasons } = view
  return {
    channel,
    release: id,
    label: body.label,
    nodes,
    running,
    state: stateOf({ view, halted, completed }),
    phase,
    stage,
    stages,
    widthPpm,
    treated,
    controls,
    failures,
    good,
    evidence: e,
    verdict: view.reading.tag,
    reasons: [...reasons],
    queued: [...view.queued]
  }
}

function stateOf({ view, halted, completed }: Pick<Row, 'view' | 'halted' | 'completed'>): string {
  if (halted) return 'halted'
  if (completed) return 'completed'
  return view.phase === 'none' ? 'no rollout' : view.phase
}

function lineOf(context: Context, row: Row): string {
  const { out } = context
  const { channel, release, view, nodes, running } = row
  const state = stateOf(row)
  const parts = [
    channel,
    out.id(release.id),
    `"${escapeText(release.body.label)}"`,
    amount(nodes, 'node'),
    `${running} running it`,
    state
  ]
  if (view.phase === 'none') parts.push(planWord(release.body.policy))
  else {
    const width = formatShare(view.widthPpm)
    parts.push(
      view.small
        ? `${view.good} good of ${view.treated}`
        : `stage ${view.stage} of ${view.stages} (${width})`
    )
    if (!view.small) parts.push(`${view.treated} treated ${view.controls} control`)
    parts.push(amount(view.failures, 'failure'))
    if (!view.small) parts.push(`evidence ${view.e.toFixed(1)}`)
    if (view.reading.tag !== 'none') parts.push(`verdict ${view.reading.tag}`)
  }
  if (view.queued.length > 0) parts.push(`waiting ${view.queued.map((id) => out.id(id)).join(' ')}`)
  const reasons = view.reasons.length === 0 ? '' : `  (${view.reasons.join('; ')})`
  const next = row.halted ? '  next: ota-publish abort, or resume' : ''
  return parts.join('  ') + reasons + next
}
