import { equal, isOtaError, PPM, toHex, type Bytes } from '../base/index.ts'
import { placeOf } from '../crowd/index.ts'
import { codeOf } from '../cutover/index.ts'
import { judgedOf, standings, type AgainstId, type Answer } from '../rollout/index.ts'
import {
  compareOrder,
  drawProof,
  fromName,
  releaseOf,
  releaseSeed,
  toName,
  type Believed,
  type KnownRelease
} from '../trust/index.ts'
import type { Shown } from './shown.ts'
import type { ConditionView, PlaceView, WhyView } from './views.ts'

/**
 * `why` as a value: about the release the node would take next, or about another one, of which
 * only what stands against it by itself is said.
 */
export function whyOf(shown: Shown, about: Bytes | null): WhyView {
  const { decision, state } = shown
  const { believed } = shown.moment
  const id = about ?? decision?.about ?? null
  if (decision === null || id === null) return whyNothing(believed)
  const release = toName(id)
  const known = releaseOf(believed, id)
  const label = known?.body.label ?? ''
  const isNext = decision.about !== null && equal(decision.about, id)
  const judged = isNext ? decision.conditions : ownConditions(shown, known)
  const conditions = blockedBy(shown, release, judged)
  const first = conditions.find(({ ok }) => ok === false) ?? null
  const isRunning = state.pointer?.release === release
  const doing = isRunning ? 'running' : first === null ? 'ready' : 'waiting'
  const tried = triedText(shown, release)
  const reason = isRunning ? runningText(label, conditions) : (tried ?? first?.text ?? label)
  return {
    release,
    label,
    state: doing,
    sentence: `${doing}: ${reason}`,
    first: first?.id ?? null,
    conditions,
    place: known === null ? null : placeView(shown, known),
    nextAtMs: isNext ? decision.untilMs : null
  }
}

/** What is done with a release past waiting. */
const TRIED: Readonly<Partial<Record<string, string>>> = {
  snapshot: 'its state is tried on a copy',
  migrated: 'it is tried in a shadow, beside what runs',
  shadow: 'it is tried in a shadow, beside what runs',
  checked: 'it passed its trial beside what runs',
  cutover: 'it is taking over'
}

function triedText({ state: { op } }: Shown, release: string): string | null {
  return op?.release === release ? (TRIED[op.state] ?? null) : null
}

/** A rehearsal that must be and cannot be here: the release waits, and says so (edge 27). */
function blockedBy(
  { state: { op } }: Shown,
  release: string,
  conditions: readonly ConditionView[]
): readonly ConditionView[] {
  if (op?.release !== release || op.state !== 'waiting' || op.reason !== 'unavailable') {
    return conditions
  }
  const lacks = [
    op.shadow === 'require' && op.verdicts?.shadow !== 'pass' ? 'a shadow' : null,
    op.phoneHome === 'require' && op.verdicts?.phoneHome !== 'pass' ? 'a look at its network' : null
  ].filter((one) => one !== null)
  const what = lacks.length === 0 ? 'a rehearsal' : lacks.join(' and ')
  const text = `${what} is required, and this machine cannot do that: see ota-node doctor`
  return conditions.map((one) =>
    one.id === 'shadow' ? { id: one.id, ok: false, text, code: 'NOT_ELIGIBLE' } : one
  )
}

function whyNothing(believed: Believed): WhyView {
  const hasTrust = believed.trust !== null
  const sentence = hasTrust ? 'there is no release' : 'waiting for the first trust of the network'
  const none = { release: null, label: '', first: null, conditions: [], place: null }
  return { ...none, nextAtMs: null, state: 'waiting', sentence }
}

/** What has happened is never judged again: it stays, and says what it would lack today (S19). */
function runningText(label: string, conditions: readonly ConditionView[]): string {
  const short = conditions.find(({ id, ok }) => id === 'signatures' && ok === false)
  return short === undefined
    ? label
    : `${label}, which stays; installed again it needs more: ${short.text}`
}

/** Null while a named drawer's value is missing: nobody knows the order yet. */
function seedOf(known: KnownRelease): Bytes | null {
  try {
    return releaseSeed(known)
  } catch (error) {
    if (isOtaError(error, 'DRAW_INCOMPLETE')) return null
    throw error
  }
}

/**
 * Where this node stands in the order of a release, with all that is needed to compute it again:
 * the seed from the draw values, the place from seed and key (docs/gate.md, draws).
 */
function placeView({ moment, options }: Shown, known: KnownRelease): PlaceView | null {
  const seed = seedOf(known)
  if (seed === null) return null
  const u = placeOf(seed, options.pair.key)
  const proof = drawProof(moment.believed, known)
  return {
    ppm: Number((u * BigInt(PPM)) >> 64n),
    u: u.toString(16).padStart(16, '0'),
    seed: toHex(seed),
    nodeKey: toName(options.pair.key),
    proof:
      proof === null
        ? null
        : proof.named.map(({ label, key, value, index, path, root }) => ({
            label,
            key: toName(key),
            value: toHex(value),
            index,
            path: path.map(toHex),
            root: toHex(root)
          }))
  }
}

/** What stands against a release that is not the next one here. */
function ownConditions(shown: Shown, known: KnownRelease | null): readonly ConditionView[] {
  if (known === null) return []
  const { moment, decision, options, state } = shown
  const halted = decision?.halted.some((other) => equal(other, known.id)) ?? false
  const near = { first: state.pointer === null, halted }
  const said = standings(moment, judgedOf(moment.believed, known), near)
  const of = (id: AgainstId): ConditionView => ({ id, ...(said[id] satisfies Answer) })
  const isQueued = decision?.view.queued.some((other) => equal(other, known.id)) ?? false
  const offered = known.body.artifacts.map(({ platform }) => platform)
  const isOffered = offered.includes(options.platform)
  return [
    of('trust'),
    of('signatures'),
    orderOf(shown, known),
    of('equal'),
    quarantineOf(shown, known),
    of('abort'),
    of('floor'),
    of('pause'),
    of('brake'),
    { id: 'queue', ok: !isQueued, text: isQueued ? 'waits behind another rollout' : 'not queued' },
    of('attestations'),
    { id: 'platform', ok: isOffered, text: `${options.platform}, offered: ${offered.join(', ')}` },
    { id: 'channel', ok: known.body.channel === options.channel, text: known.body.channel },
    unfitOf(shown, known),
    ...operatorConditions(shown, known)
  ]
}

function unfitOf({ unfit }: Shown, { id }: KnownRelease): ConditionView {
  const name = toName(id)
  const found = unfit.find(({ release }) => release === name)
  return {
    id: 'requirements',
    ok: found === undefined,
    text: found?.text ?? 'nothing is known to be lacking'
  }
}

function operatorConditions(
  { state, words }: Shown,
  { id }: KnownRelease
): readonly ConditionView[] {
  const name = toName(id)
  const isSkipped = words.skipped.includes(name)
  const isPinned = words.pinned !== null && words.pinned !== name
  const holdText = state.held ? 'held here' : isSkipped ? 'skipped' : 'no hold'
  const pinText = words.pinned === null ? 'no pin' : `pinned to ${words.pinned.slice(0, 8)}`
  return [
    { id: 'hold', ok: !state.held && !isSkipped, text: holdText },
    { id: 'pin', ok: !isPinned, text: pinText }
  ]
}

function orderOf({ moment, state }: Shown, known: KnownRelease): ConditionView {
  const running = state.pointer && releaseOf(moment.believed, fromName(state.pointer.release))
  const isOlder = running ? compareOrder(known.body, running.body) < 0 : false
  return { id: 'order', ok: !isOlder, text: isOlder ? 'older than what runs here' : 'not older' }
}

function quarantineOf({ state }: Shown, { id }: KnownRelease): ConditionView {
  const name = toName(id)
  const found = state.quarantine.find(({ active, release }) => active && release === name)
  const text =
    found === undefined ? 'not quarantined' : `quarantined: ${found.why}, ${codeOf(found.code)}`
  return { id: 'quarantine', ok: found === undefined, text }
}
