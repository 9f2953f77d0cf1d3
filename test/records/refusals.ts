import { alloc, concat, fromHex, fromText, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Code } from '../../lib/base/index.ts'
import {
  encodeBody,
  encodeCanonical,
  encodePolicy,
  STATEMENT,
  type Control,
  type Era,
  type KnownBody,
  type Policy,
  type Trust
} from '../../lib/records/index.ts'
import { place, splice } from './bytes.ts'
import { laterCheckpoint, laxTrust, lessUndo, otherDays } from './lax.ts'
import { refusedEvidence, refusedMembership } from './refusals-evidence.ts'
import {
  controls,
  eras,
  filled,
  firstTrust,
  member,
  network,
  noNetwork,
  plainRelease,
  policy,
  revoke,
  wholeRelease
} from './samples.ts'

/** Bytes that must be refused, what they claim to be, and the code. */
export interface Refusal {
  readonly name: string
  readonly record: 'statement' | 'policy' | 'evidence' | 'membership'
  readonly hex: string
  readonly code: Code
}

type Row = readonly [name: string, bytes: Bytes, code: Code]

const bad = 'NOT_CANONICAL'
const over = 'OVER_LIMIT'
const unknown = 'UNSUPPORTED'

/** Every must-fail vector, made from good bytes by hand, never by an encoder that would refuse. */
export function refusals(): readonly Refusal[] {
  const statements = [
    ...envelopes(),
    ...trusts(),
    ...releases(),
    ...texts(),
    ...controlsAndEras(),
    ...extensions()
  ]
  return [
    ...rows('statement', statements),
    ...rows('policy', policies()),
    ...rows('evidence', refusedEvidence()),
    ...rows('membership', refusedMembership())
  ]
}

function rows(record: Refusal['record'], list: readonly Row[]): readonly Refusal[] {
  return list.map(([name, bytes, code]) => ({ name, record, hex: toHex(bytes), code }))
}

const tagged = fromText('upswell/statement/1')
const none = Uint8Array.of(0)

function wrap(type: number, body: Bytes, net = network): Bytes {
  return concat([encodeCanonical(net, type, body), none])
}

const bytesOf = (body: KnownBody): Bytes => encodeBody(body).bytes

function envelopes(): readonly Row[] {
  const body = bytesOf({ tag: 'revoke', revoke: { ...revoke, slots: [], ext: [] } })
  const good = wrap(STATEMENT.revoke, body)
  const head = concat([tagged, network])
  const c = good.subarray(0, -1)
  const entries = (count: string, each: string, times: number): Bytes =>
    concat([c, fromHex(count + each.repeat(times))])
  const release = bytesOf({ tag: 'release', release: plainRelease })
  const first = bytesOf({ tag: 'trust', trust: firstTrust })
  const second = bytesOf({ tag: 'trust', trust: { ...firstTrust, version: 2 } })
  const underFirst = { ...plainRelease, head: { ...plainRelease.head, trustVersion: 1 } }
  return [
    ['nothing', alloc(0), bad],
    ['another tag', splice(good, 18, 1, fromText('2')), bad],
    ['a trailing byte', concat([good, none]), bad],
    ['body length not shortest', concat([head, fromHex('05fd4c00'), body, none]), bad],
    ['count of signatures not shortest', concat([c, fromHex('fd0000')]), bad],
    ['count of signatures above 2^53 - 1', concat([c, fromHex('ff0000000000002000')]), bad],
    ['body longer than it says', concat([head, fromHex('054b'), body, none]), bad],
    ['signature entry of 601 bytes', concat([c, fromHex('0101fd5902'), alloc(601)]), over],
    ['161 signatures on a revoke', entries('a1', '0100', 161), over],
    ['release of 8 193 bytes', concat([head, fromHex('02fd0120')]), over],
    ['trust of 40 961 bytes', concat([head, fromHex('01fd01a0')]), over],
    ['control of 12 289 bytes', concat([head, fromHex('03fd0130')]), over],
    ['unknown type of this plane', wrap(6, body), unknown],
    ['evidence type in this envelope', wrap(32, body), unknown],
    ['first trust with a network', wrap(1, first), 'WRONG_NETWORK'],
    ['second trust without a network', wrap(1, second, noNetwork), 'WRONG_NETWORK'],
    ['release without a network', wrap(2, release, noNetwork), 'WRONG_NETWORK'],
    [
      'release under the first trust of another network',
      wrap(2, bytesOf({ tag: 'release', release: underFirst })),
      'WRONG_NETWORK'
    ]
  ]
}

function trusts(): readonly Row[] {
  const [root, release, brake, enrol] = firstTrust.roles
  const [a, b, c] = root!.members
  const broken = 'BAD_TRUST'
  const row = (name: string, change: Partial<Trust>, code: Code = broken): Row => [
    name,
    wrap(1, laxTrust({ ...firstTrust, ...change }), noNetwork),
    code
  ]
  const roles = (name: string, list: Trust['roles'], code: Code = broken): Row =>
    row(name, { roles: list }, code)
  const roots = (name: string, members: Trust['roles'][number]['members'], code?: Code): Row =>
    roles(name, [{ ...root!, members }, release!, brake!, enrol!], code)
  const extra = (name: string, role: Trust['roles'][number]): Row =>
    roles(name, [root!, release!, brake!, role, enrol!])
  const beacons = [member(0x14, 'x'), member(0x15, 'y'), member(0x16, 'z')]
  const builders = beacons.map((one) => ({ ...one, organisation: 'acme' }))
  const drawers = [member(5, 'a', { draw: { root: filled(0x50), first: 0 } })]
  const good = laxTrust(firstTrust)
  const access = place(good, laxTrust({ ...firstTrust, access: 'members' }))
  const unlisted = (at: number): Bytes => wrap(1, splice(good, at, 1, '02'), noNetwork)
  return [
    roots('one key twice in a role', [a!, a!, b!]),
    roots('one key under two labels in a role', [a!, { ...a!, label: 'b' }, b!]),
    roots('one key under two labels in two roles', [{ ...a!, label: 'x' }, b!, c!]),
    roots('members not sorted', [b!, a!, c!], bad),
    roots(
      '65 members',
      Array.from({ length: 65 }, (_, n) => member(n + 1, '')),
      over
    ),
    roles('threshold 0', [{ ...root!, threshold: 0 }, release!, brake!, enrol!]),
    roles('threshold above the members', [root!, { ...release!, threshold: 4 }, brake!, enrol!]),
    roles('brake threshold 0', [root!, release!, { ...brake!, threshold: 0 }, enrol!]),
    roles('enrol threshold 2', [root!, release!, brake!, { ...enrol!, threshold: 2 }]),
    roles('a role twice', [root!, root!, release!, brake!, enrol!], bad),
    roles('a role twice, other members', [
      { ...root!, threshold: 1 },
      root!,
      release!,
      brake!,
      enrol!
    ]),
    roles('roles not sorted', [release!, root!, brake!, enrol!], bad),
    roles('no brake', [root!, release!, enrol!]),
    roles('enrolled without enrol', [root!, release!, brake!]),
    extra('beacon threshold 3', { role: 4, threshold: 3, members: beacons }),
    extra('beacon without members', { role: 4, threshold: 1, members: [] }),
    extra('draw threshold 2', { role: 5, threshold: 2, members: drawers }),
    extra('more organisations than there are', { role: 6, threshold: 2, members: builders }),
    row('version 0', { version: 0 }),
    row('epoch 0', { epoch: 0 }),
    row('first trust of epoch 2', { epoch: 2 }),
    row('expires when it is issued', { expiresMs: firstTrust.issuedMs }),
    row('protocol 0', { protoLow: 0 }),
    row('protocol range upside down', { protoLow: 2 }),
    row('feeds not sorted', { feeds: [filled(9), filled(8)] }, bad),
    row('a feed twice', { feeds: [filled(9), filled(9)] }, bad),
    row('five feeds', { feeds: [1, 2, 3, 4, 5].map((n) => filled(n)) }, over),
    row('name in capitals', { name: 'Demo' }, bad),
    row('label with an escape', { roles: [withLabel('a\u001b[2K'), release!, brake!] }, bad),
    row('label of 33 bytes', { roles: [withLabel('a'.repeat(33)), release!, brake!] }, over),
    ['membership not listed', unlisted(access - 1), unknown],
    ['access not listed', unlisted(access), unknown]
  ]
}

function withLabel(label: string): Trust['roles'][number] {
  return { role: 1, threshold: 1, members: [member(5, label)] }
}

const releaseRow = (name: string, bytes: Bytes, code: Code): Row => [name, wrap(2, bytes), code]

function releases(): readonly Row[] {
  const encode = (change: Partial<typeof plainRelease>): Bytes =>
    bytesOf({ tag: 'release', release: { ...plainRelease, ...change } })
  const good = encode({})
  const at = (change: Partial<typeof plainRelease>): number => place(good, encode(change))
  const put = (name: string, where: number, hex: string, code: Code): Row =>
    releaseRow(name, splice(good, where, 1, hex), code)
  const epoch = at({ epoch: 2 })
  const kind = at({ kind: 'params' })
  const supersedes = at({ supersedes: filled(0) })
  const drawers = at({ drawers: [filled(0)], drawNumber: 1 })
  const artifacts = drawers + 2
  const first = good.subarray(artifacts + 1, artifacts + 1 + artifactBytes(good, artifacts))
  const other = splice(first, 11, 32, filled(0x41))
  const both = concat([first, other])
  const whole = bytesOf({ tag: 'release', release: wholeRelease })
  const drawn = place(
    whole,
    bytesOf({ tag: 'release', release: { ...wholeRelease, drawNumber: 8 } })
  )
  const noArtifact = splice(good, artifacts, 1 + first.byteLength, '00')
  return [
    put('channel in capitals', at({ channel: 'ztable' }), '53', bad),
    put('epoch 0', epoch, '00', bad),
    put('epoch not shortest', epoch, 'fd0100', bad),
    put('epoch above 2^53 - 1', epoch, 'ff0000000000002000', bad),
    put('issued above 2^53 - 1', at({ head: bump() }) - 1, 'ffffffffffffffffff', bad),
    releaseRow('seq 0', splice(good, epoch + 1, 4, '00000000'), bad),
    put('kind not listed', kind, '03', unknown),
    put('optional flag 2', supersedes, '02', bad),
    releaseRow('supersedes and fixes', splice(good, supersedes, 2, both2()), bad),
    put('floor not listed', supersedes + 2, '03', unknown),
    releaseRow('draw number without a drawer', splice(good, drawers, 2, '000100000000'), bad),
    releaseRow('drawer without a draw number', splice(whole, drawn - 1, 5, '00'), bad),
    releaseRow('drawers not sorted', swapDrawers(whole, drawn), bad),
    releaseRow('neither artifact nor source', noArtifact, bad),
    releaseRow('two artifacts of one platform', two(good, artifacts, first, both), bad),
    releaseRow('one artifact twice', two(good, artifacts, first, concat([first, first])), bad),
    releaseRow('artifacts not sorted', two(good, artifacts, first, concat([other, first])), bad),
    put('33 artifacts', artifacts, '21', over),
    releaseRow('policy value not listed', splice(good, policyAt(good), 1, '03'), 'POLICY_INVALID')
  ]
}

const bump = (): typeof plainRelease.head => ({ ...plainRelease.head, issuedMs: 2 ** 41 })
const both2 = (): Bytes => fromHex(`01${'11'.repeat(32)}01${'22'.repeat(32)}`)

function two(good: Bytes, at: number, first: Bytes, entries: Bytes): Bytes {
  return splice(good, at, 1 + first.byteLength, concat([Uint8Array.of(2), entries]))
}

function artifactBytes(good: Bytes, artifacts: number): number {
  return policyAt(good) - 1 - (artifacts + 1)
}

function policyAt(good: Bytes): number {
  const how = { ...plainRelease.policy.how, level: 'notify' } as const
  const notify = { ...plainRelease, policy: { ...plainRelease.policy, how } }
  return place(good, bytesOf({ tag: 'release', release: notify }))
}

function swapDrawers(whole: Bytes, drawn: number): Bytes {
  return splice(whole, drawn - 65, 64, concat([filled(6), filled(5)]))
}

function texts(): readonly Row[] {
  const good = bytesOf({ tag: 'release', release: { ...plainRelease, label: '?', notes: '' } })
  const other = bytesOf({ tag: 'release', release: { ...plainRelease, label: '!', notes: '' } })
  const at = place(good, other) - 1
  const label = (name: string, hex: string, code: Code = bad): Row => [
    name,
    wrap(2, splice(good, at, 2, hex)),
    code
  ]
  const notes = (name: string, hex: string, code: Code = bad): Row => [
    name,
    wrap(2, splice(good, at + 2, 1, hex)),
    code
  ]
  return [
    label('text of a lone continuation byte', '0180'),
    label('text with an overlong slash', '02c0af'),
    label('text with a surrogate', '03eda080'),
    label('text above U+10FFFF', '04f4908080'),
    label('text not in NFC', '0365cc88'),
    label('text with a line break', '010a'),
    label('text with a delete', '017f'),
    label('text with a C1 control', '02c285'),
    label('text of 65 bytes', `41${'61'.repeat(65)}`, over),
    notes('notes with a carriage return', '010d'),
    notes('notes with a tab', '0109'),
    notes('notes of 1 025 bytes', `fd0104${'61'.repeat(1_025)}`, over)
  ]
}

function policies(): readonly Row[] {
  const good = encodePolicy(policy)
  const enums: readonly (readonly [string, Policy, string])[] = [
    ['level', { ...policy, how: { ...policy.how, level: 'notify' } }, '03'],
    ['critical', { ...policy, how: { ...policy.how, critical: true } }, '02'],
    ['urgent', { ...policy, how: { ...policy.how, urgent: false } }, '02'],
    ['consent', { ...policy, how: { ...policy.how, consent: 'ask' } }, '03'],
    ['order', { ...policy, how: { ...policy.how, order: 'random' } }, '02'],
    ['bypass', { ...policy, how: { ...policy.how, bypass: 0 } }, '04'],
    ['control', { ...policy, how: { ...policy.how, control: 'sham-restart' } }, '02'],
    ['small', { ...policy, plan: { ...policy.plan, small: true } }, '02'],
    ['jitter', { ...policy, plan: { ...policy.plan, jitter: 251 } }, 'fde903'],
    ['failFast', { ...policy, gate: { ...policy.gate, failFast: 'off' } }, '02'],
    ['onHalt', { ...policy, halt: { ...policy.halt, onHalt: 'stop' } }, '02'],
    ['shadow', { ...policy, others: { ...policy.others, shadow: 'off' } }, '03'],
    ['endBehavior', { ...policy, time: { ...policy.time, endBehavior: 'force' } }, '03']
  ]
  const listed = enums.map(([name, other, hex]): Row => {
    const at = place(good, encodePolicy(other))
    return [`${name} out of its list`, splice(good, at, 1, hex), 'POLICY_INVALID']
  })
  const nodes = place(good, encodePolicy({ ...policy, plan: { ...policy.plan, nodes: 2_001 } }))
  const stage = nodes + 5
  const undo = place(good, encodePolicy(lessUndo()))
  const rising = place(good, encodePolicy(laterCheckpoint()))
  const days = place(good, encodePolicy(otherDays()))
  return [
    ...listed,
    ['members of a plan not small', splice(good, nodes + 3, 1, '01'), 'POLICY_INVALID'],
    ['who of a stage out of its list', splice(good, stage, 1, '02'), 'POLICY_INVALID'],
    ['undo above a tenth', splice(good, undo - 1, 5, 'fea1860100'), 'POLICY_INVALID'],
    ['checkpoints that do not rise', splice(good, rising, 3, 'a0bb0d'), 'POLICY_INVALID'],
    ['day of the week out of its list', splice(good, days, 1, '80'), 'POLICY_INVALID'],
    ['share above the whole', splice(good, stage + 1, 5, 'fe41420f00'), bad],
    ['number not shortest', splice(good, nodes - 1, 3, 'fed0070000'), bad],
    ['65 stages', splice(good, stage - 1, 1, '41'), over],
    ['windows not sorted', splice(good, days, 1, '7f'), bad],
    ['a trailing byte', concat([good, none]), bad]
  ]
}

const control = (value: Control): Bytes => bytesOf({ tag: 'control', control: value })

const era = (value: Era): Bytes => bytesOf({ tag: 'era', era: value })

type Change = readonly [name: string, change: readonly [Bytes, number, string], code: Code]

/** A body of `type` with one byte replaced. */
function changed(type: number, ...[name, [body, at, hex], code]: Change): Row {
  return [name, wrap(type, splice(body, at, 1, hex)), code]
}

function controlsAndEras(): readonly Row[] {
  const abort = control(controls.abort)
  const floor = place(abort, control({ ...controls.abort, floor: { tag: 'none' } }))
  const pause = control(controls.pause)
  const resume = control(controls.resume)
  const action = place(pause, control(controls.widen))
  const id = `01${'11'.repeat(32)}`
  return [
    changed(3, 'control action 0', [pause, action, '00'], unknown),
    changed(3, 'control action 5', [pause, action, '05'], unknown),
    changed(3, 'floor of an abort not listed', [abort, floor, '03'], unknown),
    changed(3, 'floor on a pause', [pause, floor, '01'], bad),
    changed(3, 'stage on a pause', [pause, floor + 1, '01'], bad),
    changed(3, 'lifts on a pause', [pause, floor + 2, id], bad),
    changed(3, 'excluded keys on a pause', [pause, floor + 3, id], bad),
    changed(3, 'resume number 0', [resume, floor - 4, '00'], bad),
    changed(3, '65 lifts', [resume, floor + 2, '41'], over),
    changed(3, 'lifts not sorted', [resume, floor + 3, '73'], bad),
    ...eraRows()
  ]
}

function eraRows(): readonly Row[] {
  const date = era(eras.date)
  const announce = era(eras.announce)
  const action = place(announce, era(eras.cancel))
  const bit = place(announce, era({ ...eras.announce, bit: 0 }))
  const source = bit + 5
  const notice = place(announce, era({ ...eras.announce, noticeMs: 2 ** 28 }))
  const onShort = announce.byteLength - 2
  return [
    changed(4, 'era action 0', [announce, action, '00'], unknown),
    changed(4, 'era action 4', [announce, action, '04'], unknown),
    changed(4, 'era bit 32', [announce, bit, '20'], bad),
    changed(4, 'era seq 0', [announce, bit + 1, '00'], bad),
    changed(4, 'era source not listed', [announce, source, '02'], unknown),
    changed(4, 'era announced with a date', [announce, source + 2, '01'], bad),
    changed(4, 'era announced with a counter', [announce, source, '01'], bad),
    changed(4, 'era dated by a counter without name', [date, source, '00'], bad),
    changed(4, 'era notice below 72 hours', [announce, notice, '13'], bad),
    changed(4, 'era onShort not listed', [announce, onShort, '03'], unknown)
  ]
}

function extensions(): readonly Row[] {
  const good = bytesOf({ tag: 'revoke', revoke: { ...revoke, slots: [], ext: [] } })
  const ext = (name: string, hex: string, code: Code): Row => [
    name,
    wrap(5, splice(good, good.byteLength - 1, 1, hex)),
    code
  ]
  return [
    ext('extension tag twice', '02c80161c80162', bad),
    ext('extensions not sorted', '02c90161c80162', bad),
    ext('extension of 1 025 bytes', `01c8fd0104${'61'.repeat(1_025)}`, over),
    ext('17 extensions', '11', over),
    ext('extension that ends early', '01c80561', bad)
  ]
}
