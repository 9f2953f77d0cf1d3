import { OtaError, SECOND, equal, isOtaError, toHex } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import {
  draftControl,
  nameOf,
  readAnswers,
  requestOf,
  shortest,
  tally,
  type Desk,
  type Draft
} from '../../../publish/index.ts'
import { escapeText, type Context, type Outcome } from '../../frame/index.ts'
import { needAuthority, releaseNamed } from '../belief.ts'
import { deskOf, writeLine, wrote } from '../desk.ts'
import { firstLook } from '../online/look.ts'
import { networkOf } from '../online/network.ts'
import { Sight, type Row } from '../online/sight.ts'
import { Station, logTo, pause } from '../online/station.ts'
import { abortCommand, dataOf, haltWords, linesOf, wordData, wordLine } from './watch-words.ts'

const AGAIN_MS = SECOND

/**
 * `watch`: a peer that installs nothing, holds no slot and reports nothing; it draws what the
 * evidence it was given says of each channel. `--once`: one look, when two rounds with peers are
 * through or `--timeout` (10 s) is over; it ends with 0 whatever it saw, the state is in the data.
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
  const shown = new Shown(context, desk, authority)
  const asked = new Set<string>()
  try {
    await station.ready()
    await firstLook(context, desk, station)
    do {
      const rows = sight.look().filter(({ release }) => about === null || equal(about, release.id))
      const data = shown.tell(rows, sight)
      if (flags.has('once')) return { data }
      for (const row of rows) {
        if (!isOpenHalt(row) || asked.has(toHex(row.release.id))) continue
        asked.add(toHex(row.release.id))
        await offerAbort(context, desk, authority, row)
      }
      await pause(desk, AGAIN_MS, signal)
    } while (!signal.aborted)
    return {}
  } finally {
    await station.close()
  }
}

/** What was shown last, so that only news is shown. */
class Shown {
  readonly #context: Context
  readonly #desk: Desk
  readonly #authority: Authority
  #rows = ''
  #word = ''

  constructor(context: Context, desk: Desk, authority: Authority) {
    this.#context = context
    this.#desk = desk
    this.#authority = authority
  }

  tell(rows: readonly Row[], sight: Sight) {
    const { out, flags } = this.#context
    const word = sight.freshness()
    const trust = this.#authority.believed.trust?.body ?? null
    const lines = rows.map((row) => linesOf(this.#context, row))
    if (lines.flat().join('\n') !== this.#rows) {
      this.#rows = lines.flat().join('\n')
      for (const [index, row] of rows.entries()) {
        out.result('rollout', dataOf(row), lines[index] ?? null)
        if (isOpenHalt(row) && !this.#mayAsk()) out.note(`next: ${abortCommand(row)}`)
      }
    }
    const said = `${word.freshness.state} ${word.claim?.code ?? ''} ${word.claim?.by.join() ?? ''}`
    if (said !== this.#word) {
      this.#word = said
      const line = wordLine(word, trust, this.#desk.clock.wallMs())
      out.result('freshness', wordData(word), line)
    }
    if (flags.has('once') && rows.length === 0) out.note('no release is admitted yet')
    return { rollouts: rows.map(dataOf), freshness: wordData(word) }
  }

  #mayAsk(): boolean {
    return !this.#context.flags.has('once') && hasTerminal(this.#context)
  }
}

function isOpenHalt({ halted, aborted }: Row): boolean {
  return halted && !aborted
}

function hasTerminal({ terminal, out }: Context): boolean {
  return terminal.stdin.isTTY === true && !out.options.json
}

/**
 * A halt stops, only a quorum takes back beyond a tenth of the fleet: on a terminal the abort is
 * drafted, reviewed and signed here, and who is asked next is said. Elsewhere nothing is asked.
 */
export async function offerAbort(
  context: Context,
  desk: Desk,
  authority: Authority,
  row: Row
): Promise<void> {
  if (!hasTerminal(context)) return
  const { out } = context
  const { believed } = authority
  const { release, view } = row
  const what = `release ${out.id(release.id)} "${escapeText(release.body.label)}"`
  const reasons = view.reasons.length === 0 ? '' : ` (${view.reasons.join('; ')})`
  out.note(`${what} of ${release.body.channel} is ${haltWords(row)}${reasons}`)
  if (!(await context.confirm('draft an abort and sign it?'))) {
    out.note(`later: ${abortCommand(row)}`)
    return
  }
  const draft = draftControl(believed, release, {
    action: 'abort',
    reason: haltWords(row),
    floor: { tag: 'none' },
    stage: 0,
    lifts: [],
    inForce: [],
    exclude: [],
    nowMs: desk.clock.wallMs()
  })
  const path = `abort-${out.id(release.id)}.req`
  await writeLine(context, desk, { path, bytes: requestOf(draft) })
  out.note(wrote(context, path))
  const files = await signHere(context, path)
  out.result(
    'abort',
    { release: release.id, control: draft.id, request: path, files: [...files] },
    null
  )
  await sayWhoIsNext(context, desk, { draft, path, files, authority })
}

/** The answers made here; none when this person has no part in it or let it be. */
async function signHere(context: Context, path: string): Promise<readonly string[]> {
  const { sign } = await import('./sign.ts')
  try {
    const { data } = await sign({ ...context, args: [path] })
    const files = typeof data === 'object' && data !== null && 'files' in data ? data['files'] : []
    return Array.isArray(files) ? files.filter((file) => typeof file === 'string') : []
  } catch (error) {
    // a watcher goes on: who may not sign can still pass the request on
    if (!isOtaError(error)) throw error
    context.out.warn(error.hint === null ? error.message : `${error.message}: ${error.hint}`)
    return []
  }
}

interface Signed {
  readonly draft: Draft
  readonly path: string
  readonly files: readonly string[]
  readonly authority: Authority
}

async function sayWhoIsNext(
  context: Context,
  desk: Desk,
  { draft, path, files, authority }: Signed
): Promise<void> {
  const trust = authority.believed.trust?.body ?? null
  const given = context.dryRun ? [] : files
  const { own: entries } = await readAnswers(desk, given, draft, [])
  const side = shortest(tally(draft, entries, { trust }))
  if (side === null) throw new OtaError('TRUST_GAP', `${nameOf(draft)} names an unknown trust`)
  const answers = files.length === 0 ? 'SIG...' : files.join(' ')
  const commit = `ota-publish commit ${path} ${answers}`
  if (side.have >= side.need) {
    context.out.note(`${side.have} of ${side.need} signatures; it goes out with: ${commit}`)
    return
  }
  const others = side.missing.map(({ label }) => escapeText(label)).join(' or ')
  context.out.note(`${side.have} of ${side.need} signatures: send ${path} to ${others}`)
  context.out.note(`they run: ota-publish sign ${path}; with their answers: ${commit} SIG...`)
}
