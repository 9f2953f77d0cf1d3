import { MINUTE } from '../../base/index.ts'
import type { Policy } from '../../records/index.ts'
import { defaultPolicy } from './defaults.ts'
import { withExtras } from './extras.ts'
import { readMetrics, readStops } from './file-extras.ts'
import { checkPolicy } from './policy.ts'
import { compilePlan, presetFor, small, withFixed, withQuotas, type StageDraft } from './presets.ts'
import {
  oneOf,
  readCount,
  readDuration,
  readFactor,
  readFlag,
  readFraction,
  readList,
  readOptional,
  readShare,
  readText,
  refuse,
  Section
} from './values.ts'

/** What a policy file says: the signed policy, and the fields of the release body beside it. */
export interface PolicyFile {
  readonly policy: Policy
  /** Null where the file leaves it to the command line. */
  readonly channel: string | null
  readonly kind: 'params' | 'code' | 'stateful' | null
  readonly supersedes: string | null
  readonly fixes: string | null
  readonly floor: string | null
}

/**
 * A policy from a plain object (JSON or TOML) with the names of docs/policy.md; what is absent
 * takes its default, or the value of the preset. Throws `POLICY_INVALID` with the path of the bad
 * field: an unknown name, a NaN or 0.1 where 10 % was meant must never widen anything (S57).
 */
export function readPolicyFile(value: unknown, census: { readonly nodes: number }): PolicyFile {
  const file = new Section(value, '')
  file.get('policy', 1, (version, path) => (version === 1 ? 1 : refuse(path, 'must be 1')))
  const head = {
    channel: file.get('channel', null, readOptional),
    kind: file.get<PolicyFile['kind']>('kind', null, readKind),
    supersedes: file.get('supersedes', null, readOptional),
    fixes: file.get('fixes', null, readOptional),
    floor: file.get('floor', null, readOptional)
  }
  const words = ['standard', 'short', 'small', 'urgent', 'custom'] as const
  const preset = file.get('plan', presetFor(census.nodes), oneOf(words))
  const base = preset === 'custom' ? defaultPolicy : compilePlan(preset, census)
  const gateFile = file.section('gate')
  const metrics = gateFile.get('metrics', [], readMetrics)
  const gate = readGate(gateFile, base)
  const stops = file.get('extraStop', [], readStops)
  const draft = { ...base, how: readHow(file, base), gate }
  const policy = readPlan(file, draft, {
    nodes: census.nodes,
    custom: preset === 'custom',
    fixes: head.fixes !== null
  })
  const plain: Policy = {
    ...policy,
    halt: readHalt(file, base),
    others: readOthers(file, base),
    time: readTime(file, { ...base, gate }),
    who: readWho(file, base),
    health: readHealth(file.section('health'), base)
  }
  const whole = withExtras(plain, { metrics, stops })
  readLater(file)
  file.end()
  checkPolicy(whole)
  return { policy: whole, ...head }
}

const readKind = oneOf<'params' | 'code' | 'stateful'>(['params', 'code', 'stateful'])

function readHow(file: Section, base: Policy): Policy['how'] {
  const { how } = base
  const bypass = file.section('bypass')
  const bit = (key: string, value: number) =>
    bypass.get(key, (how.bypass & value) !== 0, readFlag) ? value : 0
  const bits = bit('manual', 1) + bit('critical', 2)
  bypass.end()
  return {
    level: file.get('level', how.level, oneOf(['notify', 'stage', 'auto'])),
    critical: file.get('critical', how.critical, readFlag),
    urgent: file.get('urgent', how.urgent, readFlag),
    consent: file.get('consent', how.consent, oneOf(['none', 'notify', 'ask'])),
    order: file.get('order', how.order, oneOf(['leastResponsible', 'random'])),
    bypass: bits,
    control: how.control
  }
}

function readGate(file: Section, base: Policy): Policy['gate'] {
  const { gate } = base
  const checkpointsMs = file.get('checkpoints', gate.checkpointsMs, (value, path) =>
    readList(value, path).map((age, i) => readDuration(age, `${path}[${i}]`))
  )
  // The outcome window opens with the first report, so shortened checkpoints shorten it too.
  const first = checkpointsMs[0] ?? gate.windowsOpenMs
  const out: Policy['gate'] = {
    alphaPpm: file.get('alpha', gate.alphaPpm, readFraction),
    betaPpm: file.get('beta', gate.betaPpm, readFraction),
    holdAt: file.get('holdAt', gate.holdAt, readFactor),
    rho0: file.get('rho0', gate.rho0, readFactor),
    epsilonPpm: file.get('epsilon', gate.epsilonPpm, readFraction),
    hardCeilingPpm: file.get('hardCeiling', gate.hardCeilingPpm, readShare),
    riskPerStagePpm: file.get('riskPerStage', gate.riskPerStagePpm, readShare),
    coveragePpm: file.get('coverage', gate.coveragePpm, readShare),
    liarBudgetPpm: file.get('liarBudget', gate.liarBudgetPpm, readShare),
    operatorCapPpm: file.get('operatorCap', gate.operatorCapPpm, readShare),
    settleMs: file.get('settle', gate.settleMs, readDuration),
    openHoldMs: file.get('openHold', gate.openHoldMs, readDuration),
    windowsOpenMs: file.get('windowsOpen', first, readDuration),
    failFast: file.get('failFast', gate.failFast, oneOf(['auto', 'off'])),
    checkpointsMs
  }
  file.get('control', 'observe', oneOf(['observe']))
  file.get('haltScope', 'release', oneOf(['release']))
  file.get('history', false, (value, path) => value === false || refuse(path, later))
  file.get('strata', [], readNothing)
  readReporters(file)
  file.end()
  return out
}

/** Reporters are read with the plan; here the names only must be whole numbers. */
function readReporters(file: Section): void {
  file.get('treated', 0, readCount)
  file.get('controls', 0, readCount)
}

/** The list that is signed: the preset's with the file's bakes and quotas, or the file's own. */
function readPlan(
  file: Section,
  base: Policy,
  options: { readonly nodes: number; readonly custom: boolean; readonly fixes: boolean }
): Policy {
  const { fixes } = options
  const plan = {
    ...base.plan,
    holdBackPpm: file.get('holdBack', base.plan.holdBackPpm, readShare),
    jitter: file.get('jitter', base.plan.jitter, readJitter),
    prefetchMs: file.get('prefetch', base.plan.prefetchMs, readDuration),
    fillWithinMs: file.get('fillWithin', base.plan.fillWithinMs, readDuration)
  }
  const bakes = file.get('bake', null, readBakes)
  const listed = file.get<readonly unknown[]>('stages', [], readList)
  const custom = options.custom || listed.length > 0
  if (base.plan.small && !custom) return small(base.plan.members, { ...base, plan })
  const reporters = new Section(file.take('gate') ?? {}, 'gate')
  const kT = reporters.get('treated', null, readCount)
  const kC = reporters.get('controls', null, readCount)
  const drafts: readonly StageDraft[] = custom
    ? listed.map((entry, i) => readStage(entry, `stages[${i}]`))
    : base.plan.stages
  const counted = drafts.map((draft, i) => ({
    ...draft,
    kT: kT ?? draft.kT,
    kC: kC ?? draft.kC,
    bakeMs: (custom ? null : bakes?.[Math.min(i, bakes.length - 1)]) ?? draft.bakeMs
  }))
  const nodes = Math.max(1, options.nodes)
  const drafted = fixes && !counted.some(({ who }) => who === 1) ? withFixed(counted) : counted
  const stages = withQuotas(drafted, nodes, plan.holdBackPpm)
  return { ...base, plan: { ...plan, nodes, small: false, members: 0, stages } }
}

function readStage(value: unknown, path: string): StageDraft {
  const entry = new Section(value, path)
  const out = {
    who: 0,
    sharePpm: entry.get('share', 0, readShare),
    bakeMs: entry.get('bake', 60 * MINUTE, readDuration),
    kT: 200,
    kC: 600,
    approve: entry.get('approve', 0, readApprove)
  }
  entry.end()
  return out
}

function readApprove(value: unknown, path: string): number {
  if (value === 'manual') return 2
  if (typeof value === 'string' && /^[1-9]\d{0,2}-of-[1-9]\d{0,2}$/.test(value)) return 1
  return refuse(path, 'must be "manual" or like "2-of-3"')
}

/** "bake/4" or "bake", in thousandths of the bake. */
function readJitter(value: unknown, path: string): number {
  const match = typeof value === 'string' ? /^bake(?:\/([1-9]\d{0,2}))?$/.exec(value) : null
  if (value === 0) return 0
  if (match === null) return refuse(path, 'must be 0 or like "bake/4"')
  return Math.floor(1_000 / Number(match[1] ?? 1))
}

function readBakes(value: unknown, path: string): readonly number[] | null {
  const bakes = readList(value, path).map((bake, i) => readDuration(bake, `${path}[${i}]`))
  return bakes.length === 0 ? refuse(path, 'must name at least one time') : bakes
}

function readHalt(file: Section, base: Policy): Policy['halt'] {
  const { halt } = base
  return {
    onHalt: file.get('onHalt', halt.onHalt, oneOf(['undo', 'stop'])),
    undoUpToPpm: file.get('undoUpTo', halt.undoUpToPpm, readShare),
    undoSpreadMs: file.get('undoSpread', halt.undoSpreadMs, readDuration)
  }
}

function readOthers(file: Section, base: Policy): Policy['others'] {
  const { others } = base
  const shadow = file.section('shadow')
  const votes = file.section('votes')
  const out: Policy['others'] = {
    // No node of this version can look into a shadow or count a vote: a plan that demands one would
    // hold the whole fleet, so it is refused before anyone signs it.
    shadow: shadow.get('policy', others.shadow, (value, path) =>
      value === 'require' ? refuse(path, later) : oneOf(['off', 'prefer'])(value, path)
    ),
    first: shadow.get('first', others.first, readCount),
    failures: shadow.get('failures', others.failures, readCount),
    waitMs: shadow.get('wait', others.waitMs, readDuration),
    attest: file.get('attest', others.attest, (value, path) =>
      value === 'trust' ? 0 : readCount(value, path)
    ),
    votesNeedPpm: votes.get('need', others.votesNeedPpm, (value, path) =>
      value === 0 ? 0 : refuse(path, later)
    ),
    votesAgainstPpm: votes.get('against', others.votesAgainstPpm, readShare),
    votesWithinMs: votes.get('within', others.votesWithinMs, readDuration)
  }
  shadow.end()
  votes.end()
  return out
}

function readTime(file: Section, base: Policy): Policy['time'] {
  const { time, gate } = base
  const deadlines = file.section('deadlines')
  const retry = file.section('retry')
  const out: Policy['time'] = {
    downloadMs: deadlines.get('download', time.downloadMs, readDuration),
    migrateMs: deadlines.get('migrate', time.migrateMs, readDuration),
    startMs: deadlines.get('start', time.startMs, readDuration),
    shadowMs: deadlines.get('shadow', time.shadowMs, readDuration),
    trialMs: deadlines.get('trial', time.trialMs, readDuration),
    // a report is late by one first checkpoint, so that shortened plans notice silence sooner
    reportMs: deadlines.get('report', gate.checkpointsMs[0] ?? time.reportMs, readDuration),
    retryHost: retry.get('host', time.retryHost, readCount),
    retryTimedOut: retry.get('timedOut', time.retryTimedOut, readCount),
    maxParallel: file.get('maxParallel', time.maxParallel, readCount),
    startAtMs: file.get('start', 0, readMoment),
    endAtMs: file.get('end', 0, readMoment),
    endBehavior: file.get('endBehavior', time.endBehavior, oneOf(['stop', 'cancel', 'force'])),
    windows: [],
    endOfLifeMs: file.get('endOfLife', 0, readMoment)
  }
  retry.get('backoff', '2x', oneOf(['2x']))
  deadlines.end()
  retry.end()
  return out
}

/** Milliseconds since the epoch, or null for none. */
function readMoment(value: unknown, path: string): number {
  return value === null ? 0 : readCount(value, path)
}

function readWho(file: Section, base: Policy): Policy['who'] {
  const requires = file.section('requires')
  const [protoLow, protoHigh] = requires.get('protocol', [1, 255] as const, readRange)
  const daemon = requires.get('daemon', '', readText)
  requires.end()
  const from = file.section('from')
  from.end()
  for (const key of ['barriers', 'deadends', 'windows']) file.get(key, [], readNothing)
  file.get('selector', '', (value, path) => (value === '' ? '' : refuse(path, later)))
  return {
    ...base.who,
    requires: {
      ...base.who.requires,
      daemon,
      protoLow,
      protoHigh
    }
  }
}

/** Lowest and highest protocol version. */
function readRange(value: unknown, path: string): readonly [number, number] {
  const [low, high, ...more] = readList(value, path).map((one) => readCount(one, path))
  if (low === undefined || high === undefined || more.length > 0) {
    return refuse(path, 'must be the lowest and the highest version')
  }
  if (low < 1 || high < low || high > 255) {
    return refuse(path, `${low} to ${high} is no range of versions from 1 to 255`)
  }
  return [low, high]
}

function readHealth(file: Section, base: Policy): Policy['health'] {
  const loop = file.section('crashLoop')
  const { health } = base
  const out = {
    badForMs: file.get('badFor', health.badForMs, readDuration),
    crashMax: loop.get('max', health.crashMax, readCount),
    crashWithinMs: loop.get('within', health.crashWithinMs, readDuration),
    boots: file.get('boots', health.boots, readCount)
  }
  file.get('checks', [], readNothing)
  loop.end()
  file.end()
  return out
}

const later = 'is not something this version can follow'

/** Fields that are reserved: their default may be written, anything else is refused. */
function readLater(file: Section): void {
  file.get('success', 'trialPassed', oneOf(['trialPassed']))
  file.get('weightCap', true, readFlag)
  file.get('lateJoiners', 'currentStage', oneOf(['currentStage']))
  file.take('rate')
  file.take('era')
}

function readNothing(value: unknown, path: string): readonly unknown[] {
  return readList(value, path).length === 0 ? [] : refuse(path, later)
}
