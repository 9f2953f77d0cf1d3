// An operator judges files with no daemon and no network: each paper has its verdict and its code,
// the exit is that of the first that does not hold, and nothing on the disk changes.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { readJsonGoldens } from './goldens.ts'
import { encodeAnswer, encodeRequest, type Statement } from '../../lib/records/index.ts'
import { toLine } from '../../lib/publish/index.ts'
import { formatJoin, toName } from '../../lib/trust/index.ts'
import { node, type Said } from './operator.ts'
import {
  entryOf,
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signRelease,
  signTrust,
  unsigned,
  wire
} from '../tools/people.ts'

const network = foundNetwork()
const second = signTrust(network.id, makeTrust({ version: 2 }), [1, 2, 3])
const release = signRelease(network.id, makeRelease(network.id))
const pause = signControl(network.id, makeControl(network.id, idOfStatement(release)))
const whole = [network.first, second, release, pause]

/** A folder with these files, written in the order given. */
async function folderOf(
  t: TestContext,
  files: Readonly<Record<string, Uint8Array | Statement | string>>
): Promise<string> {
  const folder = await t.tmp()
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    const isRaw = typeof content === 'string' || content instanceof Uint8Array
    await writeFile(join(folder, name), isRaw ? content : wire(content))
  }
  return folder
}

/** A home as a node leaves it: each statement under its id. */
async function homeOf(t: TestContext, statements: readonly Statement[]): Promise<string> {
  const named = statements.map((one) => [`trusted/${toName(idOfStatement(one))}`, one] as const)
  return await folderOf(t, Object.fromEntries(named))
}

function rowsOf({ lines }: Said): readonly (readonly [string, string | null])[] {
  return lines
    .filter(({ tag }) => tag === 'statement')
    .map(({ data }) => [String(data['what']), data['code'] as string | null] as const)
}

test('a folder is judged in trust order, whatever its files are called', async (t) => {
  const names = ['a', 'b', 'c', 'd']
  for (const order of [whole, whole.toReversed()]) {
    const files = Object.fromEntries(order.map((one, at) => [names[at]!, one]))
    const said = await node(['verify', await folderOf(t, files), '--json'])
    t.is(said.exit, 0)
    t.alike(rowsOf(said), [
      ['trust 1', null],
      ['trust 2', null],
      ['release stable 1.1 "1.0.0"', null],
      [`pause of ${toName(idOfStatement(release)).slice(0, 8)}`, null]
    ])
    const { data } = said.lines.find(({ tag }) => tag === 'verify')!
    t.is(data['network'], toName(network.id), 'the network is the one its first trust founds')
    t.is(data['join'], formatJoin(network.id, { version: 2, id: idOfStatement(second) }))
  }
})

test('a person reads one line a paper, with who signed it', async (t) => {
  const said = await node(['verify', await homeOf(t, whole)])
  t.is(said.exit, 0)
  const lines = said.stdout.trim().split('\n')
  t.is(lines.length, 5)
  t.ok(/^ok {2}trust 1 .* 3 of 2 \(p1, p\d, p\d\)/.test(lines[0]!), lines[0])
  t.ok(/^ok {2}release stable 1.1 "1.0.0" .* 2 of 2 \(p1, p2\)/.test(lines[2]!), lines[2])
  t.ok(
    lines[4]!.startsWith(`4 papers, 0 refused  network ${toName(network.id).slice(0, 8)} "demo"`)
  )
})

test('the exit is the code of the first paper that does not hold', async (t) => {
  const lone = signRelease(network.id, makeRelease(network.id, { seq: 2 }), [1])
  const other = foundNetwork({ name: 'other' })
  const foreign = signRelease(other.id, makeRelease(other.id, { seq: 3 }))
  const folder = await folderOf(t, { a: foreign, b: lone, c: network.first, d: 'no paper' })
  const said = await node(['verify', folder, '--network', toName(network.id), '--json'])
  t.alike(rowsOf(said), [
    ['trust 1', null],
    ['release stable 1.2 "1.0.0"', 'THRESHOLD_NOT_MET'],
    ['release stable 1.3 "1.0.0"', 'WRONG_NETWORK'],
    ['file', 'NOT_CANONICAL']
  ])
  t.is(said.exit, 10)
  t.is(said.final?.code, 'THRESHOLD_NOT_MET')
  const [row] = said.lines.filter(({ data }) => data['code'] === 'THRESHOLD_NOT_MET')
  t.alike([row?.data['have'], row?.data['need'], row?.data['verdict']], [1, 2, 'pending'])
})

test('a request is whole only with the answers beside it', async (t) => {
  const bare = unsigned(network.id, { tag: 'release', release: makeRelease(network.id) })
  const request = toLine(encodeRequest(bare))
  const id = idOfStatement(bare)
  const answerOf = (n: number) => toLine(encodeAnswer({ statement: id, entry: entryOf(bare, n) }))
  const base = { t1: network.first, 'r1.req': request, 'r1.a.sig': answerOf(1) }
  const short = await node(['verify', await folderOf(t, base), '--json'])
  t.alike([short.exit, short.final?.code], [10, 'THRESHOLD_NOT_MET'])
  const folder = await folderOf(t, { ...base, 'r1.b.sig': answerOf(2) })
  const both = await node(['verify', folder, '--json'])
  t.is(both.exit, 0)
  t.alike(
    rowsOf(both).map(([what]) => what),
    [
      'trust 1',
      'release stable 1.1 "1.0.0"',
      ...Array(2).fill(`answer to ${toName(id).slice(0, 8)}`)
    ]
  )
  const strange = await folderOf(t, { ...base, 'r1.b.sig': answerOf(9) })
  const refused = await node(['verify', strange, '--json'])
  t.alike(rowsOf(refused).at(-1)?.[1], 'BAD_KEY', 'a key that no trust lists')
  const alone = await node(['verify', join(folder, 'r1.a.sig'), '--json'])
  t.alike([alone.exit, alone.final?.code], [11, 'WRONG_TYPE'])
  t.ok(alone.final?.hint?.includes('the request'))
})

test('an answer to other bytes, and one that was changed, are told apart', async (t) => {
  const bare = unsigned(network.id, { tag: 'release', release: makeRelease(network.id) })
  const other = unsigned(network.id, {
    tag: 'release',
    release: makeRelease(network.id, { seq: 7 })
  })
  const crossed = encodeAnswer({ statement: idOfStatement(bare), entry: entryOf(other, 1) })
  const folder = await folderOf(t, {
    t1: network.first,
    'r1.req': toLine(encodeRequest(bare)),
    'r1.a.sig': toLine(crossed)
  })
  const said = await node(['verify', folder, '--json'])
  t.alike(rowsOf(said).at(-1), [
    `answer to ${toName(idOfStatement(bare)).slice(0, 8)}`,
    'BAD_SIGNATURE'
  ])
})

test('one statement needs to be told whom to believe', async (t) => {
  const folder = await folderOf(t, { 'r1.req': toLine(encodeRequest(release)), t1: network.first })
  const file = join(folder, 'r1.req')
  const alone = await node(['verify', file, '--json'])
  t.alike([alone.exit, alone.final?.code], [12, 'TRUST_GAP'])
  t.ok(alone.final?.hint?.includes('--home DIR'))
  const home = await homeOf(t, [network.first])
  t.is((await node(['verify', file, '--home', home])).exit, 0)
  const env = { XDG_STATE_HOME: await t.tmp(), XDG_CONFIG_HOME: '/nowhere' }
  await mkdir(join(env.XDG_STATE_HOME, 'upswell', 'node', 'trusted'), { recursive: true })
  const name = `upswell/node/trusted/${toName(network.id)}`
  await writeFile(join(env.XDG_STATE_HOME, name), wire(network.first))
  t.is((await node(['verify', file], env)).exit, 0, 'the home of this machine, if nothing is said')
  t.is((await node(['verify', join(folder, 't1')])).exit, 0, 'a first trust proves itself')
  const empty = await node(['verify', file, '--home', await t.tmp(), '--json'])
  t.alike([empty.exit, empty.final?.code], [2, 'USAGE'])
})

test('S25 S93 a join string says whose first trust counts, and from where', async (t) => {
  const folder = await homeOf(t, whole)
  const other = foundNetwork({ name: 'other' })
  const strange = await node(['verify', folder, '--network', toName(other.id), '--json'])
  t.is(strange.exit, 12)
  t.is(rowsOf(strange)[0]?.[1], 'BOOTSTRAP_MISMATCH')
  const at2 = formatJoin(network.id, { version: 2, id: idOfStatement(second) })
  t.is((await node(['verify', folder, '--network', at2])).exit, 0)
  const rival = signTrust(network.id, makeTrust({ version: 2, issuedMs: 1 }), [1, 2, 3])
  const beside = formatJoin(network.id, { version: 2, id: idOfStatement(rival) })
  const both = await homeOf(t, [...whole, rival])
  const said = await node(['verify', both, '--network', beside, '--json'])
  t.is(said.exit, 12)
  t.ok(rowsOf(said).some(([what, code]) => what === 'trust 2' && code === 'BELOW_CHECKPOINT'))
  const mixed = await node(['verify', folder, '--network', toName(other.id), '--home', folder])
  t.is(mixed.exit, 11, 'a home of another network')
  t.ok(mixed.stderr.includes('another network'))
})

test('S17 two trusts against each other are both shown, and refuse the folder', async (t) => {
  const rival = signTrust(network.id, makeTrust({ version: 2, issuedMs: 1 }), [1, 2, 3])
  const said = await node(['verify', await homeOf(t, [...whole, rival]), '--json'])
  t.is(said.exit, 12)
  t.is(said.final?.code, 'TRUST_FORK')
})

test('S42 two releases with one number are refused together', async (t) => {
  const twin = signRelease(network.id, makeRelease(network.id, { notes: 'twin' }))
  const said = await node(['verify', await homeOf(t, [network.first, release, twin]), '--json'])
  t.is(said.exit, 12)
  t.alike(
    rowsOf(said).map(([, code]) => code),
    [null, 'EQUIVOCATION', 'EQUIVOCATION']
  )
})

test('a file under the name of another statement is refused', async (t) => {
  const folder = await folderOf(t, {
    [`trusted/${toName(network.id)}`]: network.first,
    [`trusted/${toName(idOfStatement(second))}`]: release
  })
  const said = await node(['verify', folder, '--json'])
  t.alike([said.exit, said.final?.code], [11, 'NOT_CANONICAL'])
})

test('every cut and every flip of a statement is refused with a code', async (t) => {
  const bytes = wire(release)
  const blocks: string[] = [toName(wire(network.first))]
  for (let cut = 20; cut < bytes.byteLength; cut += 97) blocks.push(toName(bytes.subarray(0, cut)))
  // Not in the second signature: a good one of each of two copies makes the statement whole.
  for (let at = 18; at < bytes.byteLength - 98; at += 53) {
    const flipped = bytes.slice()
    flipped[at] = (flipped[at] ?? 0) ^ 1
    blocks.push(toName(flipped))
  }
  const folder = await folderOf(t, { dump: `${blocks.join('\n')}\n` })
  const said = await node(['verify', join(folder, 'dump'), '--json'])
  const rows = rowsOf(said)
  t.ok(rows.length > 15, 'blocks of one statement are one row')
  t.is(rows.filter(([, code]) => code === null).length, 1, 'only the trust holds')
})

test('the goldens are read, and none is believed: nobody signed them', async (t) => {
  for (const { name, hex } of readJsonGoldens('statements')) {
    const folder = await folderOf(t, { golden: Buffer.from(hex, 'hex'), hex: `${hex}\n` })
    for (const file of ['golden', 'hex']) {
      const said = await node(['verify', join(folder, file), '--json'])
      t.ok([10, 11, 12].includes(said.exit), `${name}: ${said.final?.code}`)
      t.not(rowsOf(said)[0]?.[0], 'statement', `${name} was read`)
    }
  }
  let refused = 0
  for (const { name, hex, record, code } of readJsonGoldens('refused')) {
    if (record !== 'statement' || hex === '') continue
    const folder = await folderOf(t, { golden: Buffer.from(hex, 'hex') })
    const said = await node(['verify', join(folder, 'golden'), '--json'])
    // What a newer version wrote is for those who know its keys to judge (S10).
    const isNewer = code === 'UNSUPPORTED' || code === 'POLICY_INVALID'
    t.ok(said.final?.code === code || (isNewer && said.final?.code === 'TRUST_GAP'), name)
    refused++
  }
  t.ok(refused > 5, `${refused} must-fail statements`)
})

test('what is no file, and what is empty, are misuses that say what to give', async (t) => {
  const folder = await t.tmp()
  for (const path of [join(folder, 'none'), folder]) {
    const said = await node(['verify', path, '--json'])
    t.alike([said.exit, said.final?.code], [2, 'USAGE'])
  }
  const odd = await folderOf(t, { empty: '', binary: Uint8Array.of(0, 1, 2) })
  const said = await node(['verify', odd, '--json'])
  t.alike([said.exit, said.final?.code], [11, 'NOT_CANONICAL'])
  t.ok(said.final?.hint?.startsWith('need a statement'))
})

test('nothing is written, neither beside the papers nor in the home', async (t) => {
  const home = await homeOf(t, whole)
  const file = join(await folderOf(t, { 'r.req': toLine(encodeRequest(release)) }), 'r.req')
  const before = await everything(home)
  await node(['verify', home])
  await node(['verify', file, '--home', home])
  t.alike(await everything(home), before)
})

async function everything(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true })
  const all: string[] = []
  for (const name of names.toSorted()) {
    const isFile = !(await readdir(join(folder, name)).then(
      () => true,
      () => false
    ))
    all.push(isFile ? `${name} ${(await readFile(join(folder, name))).toString('hex')}` : name)
  }
  return all
}

test('a release that names one trust by the id of another is refused', async (t) => {
  const later = signRelease(
    network.id,
    makeRelease(network.id, { head: headUnder(3, idOfStatement(second)) })
  )
  const said = await node(['verify', await homeOf(t, [network.first, second, later]), '--json'])
  t.is(said.final?.code, 'BAD_TRUST', 'trust 3 by the id of trust 2')
})
