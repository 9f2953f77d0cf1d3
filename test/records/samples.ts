import { alloc, fromText, HOUR, type Bytes } from '../../lib/base/index.ts'
import type {
  Artifact,
  Control,
  Era,
  Ext,
  Head,
  KnownBody,
  Member,
  Policy,
  Release,
  Revoke,
  Trust
} from '../../lib/records/index.ts'

/** One value of every authority statement; the golden bytes are those of these values. */
export const filled = (byte: number, size = 32): Bytes => alloc(size).fill(byte)

export const network = filled(1)
export const noNetwork = alloc(32)
const issuedMs = 1_760_000_000_000
const head: Head = { trustVersion: 3, trustId: filled(0x33), issuedMs: issuedMs + 5 }
const ignorable: readonly Ext[] = [{ tag: 200, bytes: fromText('later') }]

export const member = (byte: number, label: string, rest: Partial<Member> = {}): Member => ({
  key: filled(byte),
  label,
  draw: null,
  organisation: null,
  ...rest
})

const abc = [member(5, 'a'), member(6, 'b'), member(7, 'c')]

/** The first trust of the published vector; its keys are no points of the curve. */
export const firstTrust: Trust = {
  name: 'demo',
  version: 1,
  epoch: 1,
  issuedMs,
  expiresMs: 1_791_536_000_000,
  roles: [
    { role: 1, threshold: 2, members: abc },
    { role: 2, threshold: 2, members: abc },
    { role: 3, threshold: 1, members: abc },
    { role: 7, threshold: 1, members: [member(5, 'a')] }
  ],
  membership: 'enrolled',
  access: 'any',
  feeds: [filled(9)],
  protoLow: 1,
  protoHigh: 1,
  ext: []
}

/** Every role, an unknown one that is ignored, four feeds, an extension. */
export const wholeTrust: Trust = {
  ...firstTrust,
  version: 7,
  epoch: 2,
  roles: [
    ...firstTrust.roles.slice(0, 3),
    { role: 4, threshold: 2, members: [member(0x14, 'beacon 1'), member(0x15, 'beacon 2')] },
    {
      role: 5,
      threshold: 1,
      members: [member(5, 'a', { draw: { root: filled(0x50), first: 4_096 } })]
    },
    {
      role: 6,
      threshold: 1,
      members: [
        member(0x16, 'builder', { organisation: 'acme' }),
        member(0x17, 'façade', { organisation: 'umbrella.io' })
      ]
    },
    { role: 7, threshold: 1, members: [member(5, 'a')] },
    { role: 200, threshold: 9, members: [member(0x20, 'later')] }
  ],
  access: 'members',
  feeds: [filled(8), filled(9), filled(10), filled(11)],
  protoHigh: 3,
  ext: ignorable
}

export const policy: Policy = {
  how: {
    level: 'auto',
    critical: false,
    urgent: true,
    consent: 'notify',
    order: 'leastResponsible',
    bypass: 3,
    control: 'observe'
  },
  plan: {
    nodes: 2_000,
    small: false,
    members: 0,
    stages: [
      {
        who: 1,
        sharePpm: 50_000,
        bakeMs: 21_600_000,
        kT: 200,
        kC: 600,
        qT: 100,
        qC: 300,
        approve: 0
      },
      {
        who: 0,
        sharePpm: 1_000_000,
        bakeMs: 3_600_000,
        kT: 200,
        kC: 600,
        qT: 100,
        qC: 300,
        approve: 2
      }
    ],
    holdBackPpm: 30_000,
    jitter: 250,
    prefetchMs: 1_800_000,
    fillWithinMs: 900_000
  },
  gate: {
    alphaPpm: 10_000,
    betaPpm: 50_000,
    holdAt: 10_000,
    rho0: 1_200,
    epsilonPpm: 5_000,
    hardCeilingPpm: 50_000,
    riskPerStagePpm: 10_000,
    coveragePpm: 900_000,
    liarBudgetPpm: 10_000,
    operatorCapPpm: 10_000,
    settleMs: 60_000,
    openHoldMs: 86_400_000,
    windowsOpenMs: 300_000,
    failFast: 'auto',
    checkpointsMs: [300_000, 900_000, 3_600_000, 14_400_000, 86_400_000]
  },
  halt: { onHalt: 'undo', undoUpToPpm: 100_000, undoSpreadMs: 600_000 },
  others: {
    shadow: 'prefer',
    first: 5,
    failures: 2,
    waitMs: 3_600_000,
    attest: 2,
    votesNeedPpm: 0,
    votesAgainstPpm: 200_000,
    votesWithinMs: 86_400_000
  },
  time: {
    downloadMs: 86_400_000,
    migrateMs: 600_000,
    startMs: 60_000,
    shadowMs: 60_000,
    trialMs: 600_000,
    reportMs: 600_000,
    retryHost: 3,
    retryTimedOut: 2,
    maxParallel: 0,
    startAtMs: 0,
    endAtMs: 0,
    endBehavior: 'stop',
    windows: [
      { days: 0x1f, startMinute: 120, lengthMs: 7_200_000, tz: 'Europe/Berlin' },
      { days: 0x60, startMinute: 0, lengthMs: 86_400_000, tz: 'UTC' }
    ],
    endOfLifeMs: 0
  },
  who: {
    selector: 'region=eu and not canary',
    from: { min: { epoch: 1, seq: 3 }, max: { epoch: 2, seq: 9 } },
    barriers: [{ release: filled(0x61), reason: 'schema 6' }],
    deadends: [{ release: filled(0x62), reason: '' }],
    requires: {
      daemon: '1.4',
      protoLow: 1,
      protoHigh: 2,
      schemas: [5, 6, 300],
      eras: ['mesh-2', 'quorum-3']
    }
  },
  health: { badForMs: 10_000, crashMax: 3, crashWithinMs: 60_000, boots: 3 },
  ext: []
}

const artifact = (platform: string, byte: number): Artifact => ({
  component: '',
  platform,
  treeDigest: filled(byte),
  entries: 8_711,
  bytes: 70_000_000,
  tree: { key: filled(byte + 1), blocks: 9_000, bytes: 20_000_000 },
  patch: null
})

/** What a first release of a small program looks like. */
export const plainRelease: Release = {
  head,
  channel: 'stable',
  epoch: 1,
  seq: 1,
  label: '14.1.0',
  notes: '',
  kind: 'code',
  supersedes: null,
  fixes: null,
  floor: { tag: 'none' },
  drawers: [],
  drawNumber: null,
  artifacts: [artifact('linux-x64', 0x40)],
  source: null,
  policy: {
    ...policy,
    plan: {
      ...policy.plan,
      nodes: 20,
      small: true,
      members: 20,
      stages: [{ who: 0, sharePpm: 1_000_000, bakeMs: 1, kT: 20, kC: 0, qT: 0, qC: 0, approve: 0 }]
    },
    time: { ...policy.time, windows: [] },
    who: {
      selector: '',
      from: null,
      barriers: [],
      deadends: [],
      requires: { daemon: '', protoLow: 1, protoHigh: 1, schemas: [], eras: [] }
    }
  },
  ext: []
}

/** Every optional part there is. */
export const wholeRelease: Release = {
  ...plainRelease,
  epoch: 2,
  seq: 4_294_967_295,
  label: 'v2.4.0 “Füchsin”',
  notes: 'one\ntwo',
  kind: 'stateful',
  fixes: filled(0x63),
  floor: { tag: 'release', id: filled(0x64) },
  drawers: [filled(5), filled(6)],
  drawNumber: 7,
  artifacts: [
    artifact('linux-x64', 0x40),
    {
      ...artifact('linux-arm64', 0x44),
      patch: { key: filled(0x46), blocks: 3, bytes: 90_000 }
    },
    { ...artifact('linux-x64', 0x48), component: 'ui' }
  ],
  source: {
    core: { key: filled(0x4c), blocks: 2, bytes: 131_072 },
    bundleHash: filled(0x4d),
    commit: '0123456789abcdef0123456789abcdef01234567',
    listingHash: filled(0x4e),
    recipeHash: filled(0x4f),
    toolchain: 'node 20.20.2'
  },
  policy,
  ext: ignorable
}

const pause: Control = {
  head,
  action: 'pause',
  release: filled(0x70),
  resume: 0,
  floor: { tag: 'none' },
  stage: 0,
  lifts: [],
  exclude: [],
  reason: 'looking into it',
  ext: []
}

export const controls = {
  pause,
  resume: {
    ...pause,
    action: 'resume',
    resume: 1,
    lifts: [filled(0x71), filled(0x72)],
    exclude: [filled(0x73)],
    reason: 'false alarm\nsee the ticket'
  },
  abort: { ...pause, action: 'abort', floor: { tag: 'self' }, ext: ignorable },
  widen: { ...pause, action: 'widen', resume: 1, stage: 3, reason: '' }
} as const satisfies Record<string, Control>

const announce: Era = {
  head,
  action: 'announce',
  name: 'mesh-2',
  bit: 31,
  seq: 1,
  source: 'time',
  counter: '',
  at: 0,
  noticeMs: 72 * HOUR,
  thresholdPpm: 950_000,
  censuses: 3,
  onShort: 'postpone',
  ext: []
}

export const eras = {
  announce,
  date: {
    ...announce,
    action: 'date',
    seq: 2,
    source: 'counter',
    counter: 'height',
    at: 800_000,
    onShort: 'fail'
  },
  cancel: { ...announce, action: 'cancel', seq: 3 }
} as const satisfies Record<string, Era>

export const revoke: Revoke = { head, invite: filled(0x80), slots: [0, 3, 260], ext: ignorable }

/** By the name each golden has. */
export const bodies: Readonly<Record<string, KnownBody>> = {
  'trust, first': { tag: 'trust', trust: firstTrust },
  'trust, every part': { tag: 'trust', trust: wholeTrust },
  'release, plain': { tag: 'release', release: plainRelease },
  'release, every part': { tag: 'release', release: wholeRelease },
  'control, pause': { tag: 'control', control: controls.pause },
  'control, resume': { tag: 'control', control: controls.resume },
  'control, abort': { tag: 'control', control: controls.abort },
  'control, widen': { tag: 'control', control: controls.widen },
  'era, announce': { tag: 'era', era: eras.announce },
  'era, date': { tag: 'era', era: eras.date },
  'era, cancel': { tag: 'era', era: eras.cancel },
  'revoke, slots': { tag: 'revoke', revoke },
  'revoke, whole': { tag: 'revoke', revoke: { ...revoke, slots: [], ext: [] } }
}
