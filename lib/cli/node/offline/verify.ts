import { resolve } from 'node:path'
import { OtaError, type Disk } from '../../../base/index.ts'
import { believeNothing, formatJoin, parseJoin, type Believed } from '../../../trust/index.ts'
import {
  amount,
  escapeText,
  formatTime,
  table,
  type Context,
  type Outcome,
  type Output,
  type Value
} from '../../frame/index.ts'
import { homeOf } from '../home.ts'
import { readBelief } from './belief.ts'
import { judgePapers, type Judged } from './judge.ts'
import { readPapers } from './papers.ts'
import type { Row } from './row.ts'
import { isTree, judgeTree } from './tree.ts'

/**
 * `ota-node verify`: judges files without a network and without a daemon, and writes nothing. Ends
 * with the code of the first paper, in trust order, that does not hold.
 */
export async function verify(context: Context): Promise<Outcome> {
  // Loaded when asked for: the launcher shares this table and must stay small.
  const { realDisk } = await import('../../../host/index.ts')
  const disk = realDisk()
  const path = resolve(context.args[0] ?? '')
  if (await isTree(disk, path)) return await verifyTree(context, disk, path)
  const papers = await readPapers(disk, path)
  const told = await toldBelief(context, disk)
  const alone = told ?? null
  const first = judgePapers(papers, alone)
  // Papers that found no network of their own are read in the light of this machine's home.
  const isBare = first.believed === null && told === undefined
  const home = isBare ? ((await readBelief(disk, homeOf(context)))?.believed ?? null) : null
  const judged = home === null ? first : judgePapers(papers, home)
  for (const row of judged.rows) context.out.result('statement', dataOf(row), null)
  return conclude(context.out, judged)
}

/** What the flags say: undefined without any. `USAGE` for a home that holds nothing. */
async function toldBelief(context: Context, disk: Disk): Promise<Believed | undefined> {
  const network = context.flags.text('network')
  const join = network === null ? null : parseJoin(network)
  if (context.home === null) {
    return join === null ? undefined : believeNothing(join.network, join.checkpoint)
  }
  const authority = await readBelief(disk, homeOf(context), join)
  if (authority !== null) return authority.believed
  throw new OtaError('USAGE', `"${homeOf(context)}" holds no statements`, {
    hint: 'give --network JOIN, or the home of a node that has run'
  })
}

function conclude(out: Output, { rows, believed }: Judged): Outcome {
  const lines = rows.map((row) => [
    row.code === null ? 'ok' : 'no',
    row.what,
    row.id === null ? '' : out.id(row.id),
    row.code === null ? held(row) : `${row.code}: ${escapeText(row.reason)}`,
    escapeText(row.source)
  ])
  const bad = rows.filter(({ code }) => code !== null)
  const data = { judged: rows.length, refused: bad.length, ...beliefData(believed) }
  const count = `${amount(rows.length, 'paper')}, ${bad.length} refused`
  out.result('verify', data, [...table(lines), `${count}  ${beliefText(out, believed)}`])
  warnExpired(out, believed)
  const [first] = bad
  if (first === undefined || first.code === null) return { data }
  const { code, reason, source, what, hint, have, need } = first
  throw new OtaError(code, `${what} in ${escapeText(source)}: ${escapeText(reason)}`, {
    ...(hint === null ? {} : { hint }),
    facts: { judged: rows.length, refused: bad.length, source, have, need }
  })
}

function held({ have, need, signers, reason }: Row): string {
  if (signers.length === 0) return escapeText(reason)
  return `${have} of ${need} (${signers.map(escapeText).join(', ')})`
}

function dataOf(row: Row): Value {
  const { source, what, id, verdict, code, reason, have, need, signers, hint } = row
  return { source, what, id, verdict, code, reason, have, need, signers, hint }
}

function beliefData(believed: Believed | null): { readonly [key: string]: Value } {
  if (believed === null) return { network: null, trust: null, join: null }
  const { network, trust } = believed
  const newest = trust && { version: trust.body.version, id: trust.id }
  return {
    network,
    trust: newest && { ...newest, expiresMs: trust?.body.expiresMs ?? 0 },
    join: formatJoin(network, newest)
  }
}

function beliefText(out: Output, believed: Believed | null): string {
  if (believed === null) return 'no network'
  const { network, trust } = believed
  if (trust === null) return `network ${out.id(network)}, no trust of it`
  const { name, version, expiresMs } = trust.body
  const until = `trust ${version} until ${formatTime(expiresMs)}`
  return `network ${out.id(network)} "${escapeText(name)}", ${until}`
}

/** The clock judges nothing here: what has expired still says who signed what. */
function warnExpired(out: Output, believed: Believed | null): void {
  const trust = believed?.trust
  if (!trust || trust.body.expiresMs > Date.now()) return
  out.warn(`trust ${trust.body.version} expired on ${formatTime(trust.body.expiresMs)}`)
}

async function verifyTree(context: Context, disk: Disk, path: string): Promise<Outcome> {
  const { out } = context
  const around = resolve(path, '..', '..')
  const isInHome = (await disk.stat(`${around}/trusted`))?.type === 'folder'
  const home = context.home === null && isInHome ? around : homeOf(context)
  const network = context.flags.text('network')
  const join = network === null ? null : parseJoin(network)
  const authority = await readBelief(disk, home, join)
  if (authority === null) {
    throw new OtaError('USAGE', `no home here knows which releases there are`, {
      hint: 'give the --home of a node that follows the network of this version folder'
    })
  }
  out.progress('hashing', path)
  const { digest, entries, releases } = await judgeTree(disk, path, authority.believed)
  const found = releases.map(({ known, platform }) => {
    const { label, channel, epoch, seq } = known.body
    return { release: known.id, label, channel, epoch, seq, platform }
  })
  const data = { treeDigest: digest, entries, releases: found }
  const lines = found.map(({ release, label, channel, epoch, seq, platform }) => {
    const number = `${channel} ${epoch}.${seq} "${escapeText(label)}"`
    return `ok  tree ${out.id(digest)}  is release ${out.id(release)}  ${number}  ${platform}`
  })
  out.result('tree', data, lines)
  return { data }
}
